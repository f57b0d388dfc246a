import { z } from 'zod'
import { grantTypes, tokenTypes } from '../src/sts/grant-types.ts'
import { directForm } from './exchange.ts'
import { figure, type Figure } from './figure.ts'
import { createInstallation } from './installation.ts'
import { underLoad } from './load.ts'
import { inTurn, seedClients, zone, type Client } from './seed.ts'
import type { Settings } from './settings.ts'

/** Hops between the application that lends first and the one that asks. */
const depths = [1, 5, 10] as const
/** Long enough for a whole section, however slow the machine. */
const leaseSeconds = 3_600

/** An application with an agent that runs for it. */
interface Agent {
  readonly client: Client
  readonly session: string
  readonly mandate: string
}

/** How the cost of a delegated mandate grows with the number of delegations that it rests upon. */
export async function measureDelegation(settings: Settings): Promise<readonly Figure[]> {
  await using installation = await createInstallation(settings.profile)
  await using service = await installation.start()
  const { admin, url } = service
  const clients = await seedClients(admin, Math.max(...depths) + 1)
  const agents = await inTurn(clients.length, (nth) => startAgent(url, clients[nth]))
  const [lender] = agents
  const resource = (await admin.resources.list(zone)).items.find(
    ({ identifier }) => identifier === lender?.client.resource,
  )
  const edges = await lend(url, agents, resource?.id ?? '')
  const { connections, seconds } = settings
  return await inTurn(depths.length, async (nth) => {
    const depth = depths[nth] ?? 1
    const asking = await startAgent(url, agents[depth]?.client, agents[depth]?.session)
    const form = delegatedForm(asking, edges[depth - 1] ?? '', lender?.client.resource ?? '')
    const requests = [{ zone, form }]
    return figure(
      `delegation.${depth}`,
      await underLoad({ service, requests, connections, bound: { seconds } }),
    )
  })
}

/** The agent of a client, or a fresh mandate of one that runs already. */
async function startAgent(
  url: string,
  client: Client | undefined,
  running?: string,
): Promise<Agent> {
  if (client === undefined) throw new RangeError('there is no client')
  const session = running ?? (await startSession(url, client))
  const form = exchangeForm(client, session, tokenTypes.agentSession)
  return { client, session, mandate: await token(url, form) }
}

async function startSession(url: string, client: Client): Promise<string> {
  const form = directForm(client)
  form.delete('resource')
  form.delete('scope')
  const body = { lifecycle: 'service', lease_seconds: leaseSeconds }
  return created(`${url}/v1/zones/${zone}/sessions`, await token(url, form), body)
}

/** Edges from each agent to the next, each a part of the one before it. */
async function lend(
  url: string,
  agents: readonly Agent[],
  resource: string,
): Promise<readonly string[]> {
  const edges: string[] = []
  for (const [hop, lender] of agents.slice(0, -1).entries()) {
    const body = {
      target_session_id: agents[hop + 1]?.session,
      resource_id: resource,
      scopes: ['records:read'],
      max_hops: Math.max(...depths) - 1 - hop,
      ...(hop > 0 && { parent_edge_id: edges[hop - 1] }),
    }
    edges.push(await created(`${url}/v1/zones/${zone}/delegations`, lender.mandate, body))
  }
  return edges
}

function exchangeForm(client: Client, subject: string, type: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: grantTypes.tokenExchange,
    client_id: client.id,
    client_secret: client.secret,
    subject_token: subject,
    subject_token_type: type,
  })
}

function delegatedForm(agent: Agent, edge: string, resource: string): URLSearchParams {
  const form = exchangeForm(agent.client, edge, tokenTypes.delegation)
  form.set('resource', resource)
  form.set('actor_token', agent.mandate)
  form.set('actor_token_type', tokenTypes.accessToken)
  return form
}

async function token(url: string, form: URLSearchParams): Promise<string> {
  const answer = await fetch(`${url}/zones/${zone}/oauth2/token`, { method: 'POST', body: form })
  return z.object({ access_token: z.string() }).parse(await answer.json()).access_token
}

async function created(url: string, bearer: string, body: object): Promise<string> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return z.object({ id: z.string() }).parse(await answer.json()).id
}
