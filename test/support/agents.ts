import { decodeJwt, type JWTPayload } from 'jose'
import type { OutputOf, RequestOf } from '../../tools/catalogue.ts'
import type { Answer, World } from '../world.ts'
import { freshName, type ZoneMaker } from './zone-maker.ts'

const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const typeOf = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  agentSession: 'urn:caracal:params:oauth:token-type:agent-session',
  delegation: 'urn:caracal:params:oauth:token-type:delegation',
} as const

/** An application with its credentials. */
export interface Runner {
  readonly id: string
  readonly secret: string
}

/** Agents at work in one zone, over HTTP. */
export interface Agents {
  readonly make: ZoneMaker
  readonly resource: OutputOf<'resources.create'>
  /** An application that is granted nothing. */
  runner(labels?: string[]): Promise<Runner>
  /** An application that is granted scopes of the resource. */
  granted(scopes: string[]): Promise<Runner>
  /** Asks the token endpoint as an application. */
  ask(runner: Runner, form: Record<string, string>): Promise<Answer>
  /** The session mandate of an application. */
  subject(runner: Runner): Promise<string>
  /** The session mandate of an agent session. */
  mandate(runner: Runner, sessionId: string): Promise<string>
  /** Starts an agent session below the one whose mandate is given. */
  start(token: string, input?: RequestOf<'sessions.start'>): Promise<OutputOf<'sessions.start'>>
  /** An agent session of a runner, with its mandate. */
  agent(runner: Runner, input?: RequestOf<'sessions.start'>): Promise<RunningAgent>
  delegate(
    from: RunningAgent,
    input: Partial<RequestOf<'delegations.create'>>,
  ): Promise<OutputOf<'delegations.create'>>
  /** Exchanges a session mandate for one of the resource. */
  exchange(runner: Runner, subject: string, more?: Record<string, string>): Promise<Answer>
  /** Exchanges a delegation, as the agent that it was lent to. */
  act(
    agent: Pick<RunningAgent, 'runner' | 'token'>,
    edgeId: string,
    more?: Record<string, string>,
  ): Promise<Answer>
  /** Whether the zone believes a mandate, by introspection. */
  isActive(runner: Runner, token: string): Promise<boolean>
  call(method: string, path: string, body?: unknown, token?: string): Promise<Answer>
}

export interface RunningAgent {
  readonly runner: Runner
  readonly session: OutputOf<'sessions.start'>
  readonly token: string
}

export async function agentsIn(world: World, make: ZoneMaker): Promise<Agents> {
  const resource = await make.call('resources.create', {
    name: freshName('Invoices'),
    scopes: ['invoices:read', 'invoices:write', 'invoices:admin'],
  })
  const runner: Agents['runner'] = async (labels = []) => {
    const name = freshName('agent')
    const { id, client_secret } = await make.call('applications.create', { name, labels })
    return { id, secret: client_secret ?? '' }
  }
  const { ask, subject, mandate } = tokensOf(world, make)
  const start: Agents['start'] = (token, input = {}) =>
    make.call('sessions.start', input, { token })
  return {
    make,
    resource,
    runner,
    async granted(scopes) {
      const made = await runner()
      await make.call('grants.create', {
        application_id: made.id,
        resource_id: resource.id,
        scopes,
      })
      return made
    },
    ask,
    subject,
    mandate,
    start,
    async agent(of, input) {
      const session = await start(await subject(of), input)
      return { runner: of, session, token: await mandate(of, session.id) }
    },
    delegate: (from, input) =>
      make.call(
        'delegations.create',
        { scopes: ['invoices:read'], resource_id: resource.id, ...input },
        { token: from.token },
      ),
    exchange: (of, subjectToken, more) =>
      ask(of, {
        grant_type: tokenExchange,
        subject_token_type: typeOf.accessToken,
        subject_token: subjectToken,
        resource: resource.identifier,
        ...more,
      }),
    act: ({ runner: of, token }, edgeId, more) =>
      ask(of, {
        grant_type: tokenExchange,
        subject_token_type: typeOf.delegation,
        subject_token: edgeId,
        actor_token_type: typeOf.accessToken,
        actor_token: token,
        resource: resource.identifier,
        ...more,
      }),
    async isActive({ id, secret }, token) {
      const form = { client_id: id, client_secret: secret, token }
      return (await world.oauth('introspect', form, make.zone)).body.active as boolean
    },
    call: (method, path, body, token) =>
      world.call(method, `/v1/zones/${make.zone}/${path}`, body, {
        ...(token !== undefined && { token }),
      }),
  }
}

/** How applications come by their session mandates. */
function tokensOf(world: World, make: ZoneMaker): Pick<Agents, 'ask' | 'subject' | 'mandate'> {
  const ask: Agents['ask'] = ({ id, secret }, form) =>
    world.oauth('token', { client_id: id, client_secret: secret, ...form }, make.zone)
  const subject: Agents['subject'] = async (of) =>
    tokenIn(await ask(of, { grant_type: 'client_credentials' }))
  const mandate: Agents['mandate'] = async (of, sessionId) =>
    tokenIn(
      await ask(of, {
        grant_type: tokenExchange,
        subject_token_type: typeOf.agentSession,
        subject_token: sessionId,
      }),
    )
  return { ask, subject, mandate }
}

/** The token of an answer, which has to be one. */
export function tokenIn({ status, body }: Answer): string {
  if (status !== 200) throw new Error(`no token: ${JSON.stringify(body)}`)
  return body.access_token as string
}

export function claimsIn(answer: Answer): JWTPayload & Record<string, unknown> {
  return decodeJwt(tokenIn(answer))
}
