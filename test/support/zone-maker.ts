import {
  findOperation,
  type OperationId,
  type OutputOf,
  type RequestOf,
} from '../../tools/catalogue.ts'
import { newId } from '../../src/kernel/ids.ts'
import type { Operation } from '../../tools/operation.ts'
import type { CallOptions, World } from '../world.ts'
import { callOperation } from './requests.ts'

let made = 0

/** A name that no other call of this process has had. */
export function freshName(word = 'thing'): string {
  made += 1
  return `${word}-${made}`
}

/** Makes objects in one zone over HTTP, as the administrator unless `options` says otherwise. */
export interface ZoneMaker {
  readonly world: World
  readonly zone: string
  call<Id extends OperationId>(
    id: Id,
    input: RequestOf<Id>,
    options?: CallOptions,
  ): Promise<OutputOf<Id>>
  application(): Promise<OutputOf<'applications.create'>>
  resource(): Promise<OutputOf<'resources.create'>>
  provider(): Promise<OutputOf<'providers.create'>>
  grant(): Promise<OutputOf<'grants.create'>>
  subjectIssuer(): Promise<OutputOf<'subject_issuers.create'>>
  /** The user id of somebody whom the zone has seen. */
  subject(): Promise<string>
  policy(): Promise<OutputOf<'policies.create'>>
  webhook(): Promise<OutputOf<'webhooks.create'>>
  policySet(): Promise<OutputOf<'policy_sets.create'>>
  policySetVersion(): Promise<OutputOf<'policy_sets.add_version'>>
  conversation(): Promise<OutputOf<'conversations.create'>>
  /** A plan of one step that waits for approval. */
  plan(): Promise<OutputOf<'plans.create'>>
  /** The zone's agent: one session that serves, and its mandate. */
  agent(): Promise<Agent>
  /** A service below the agent. */
  session(): Promise<OutputOf<'sessions.start'>>
  /** With what an operation is called: the agent's mandate where it is for agents. */
  caller(operation: Operation): Promise<CallOptions>
  /** A delegation from the agent to another application. */
  delegation(): Promise<OutputOf<'delegations.create'>>
  /** An admin token of somebody new, without capabilities that matter. */
  adminToken(): Promise<OutputOf<'admin_tokens.create'>>
}

export interface Agent {
  readonly session: OutputOf<'sessions.start'>
  /** The mandate of the agent session. */
  readonly token: string
}

export const scopes = ['invoices:read', 'invoices:write']

/** A zone of its own in a world. */
export async function newZone(world: World, baseline = true): Promise<ZoneMaker> {
  const { id } = await world.admin.zones.create({ name: freshName('zone'), baseline })
  return makerIn(world, id)
}

export function makerIn(world: World, zone: string): ZoneMaker {
  const call: ZoneMaker['call'] = async (id, input, options) => {
    const operation = findOperation(id)
    if (operation === undefined) throw new Error(`no operation ${id}`)
    const answer = await callOperation(world, operation, zone, input, options)
    if (answer.status >= 400) throw new Error(`${id}: ${JSON.stringify(answer.body)}`)
    const output: OutputOf<typeof id> = answer.body
    return output
  }
  const application = () => call('applications.create', { name: freshName('agent') })
  const resource = () => call('resources.create', { name: freshName('Invoices'), scopes })
  const policySet = () => call('policy_sets.create', { name: freshName('set') })
  return {
    world,
    zone,
    call,
    application,
    resource,
    provider: () =>
      call('providers.create', { name: freshName('provider'), settings: { kind: 'bearer_token' } }),
    grant: async () =>
      call('grants.create', {
        application_id: (await application()).id,
        resource_id: (await resource()).id,
        scopes: ['invoices:read'],
      }),
    policy: () =>
      call('policies.create', {
        name: freshName('policy'),
        language: 'json',
        source: JSON.stringify({ risk: [{ scope: freshName('scope'), tier: 'high' }] }),
      }),
    policySet,
    policySetVersion: async () =>
      call('policy_sets.add_version', { policy_set_id: (await policySet()).id, manifest: [] }),
    ...outsiders(world, zone, call),
    ...agents(world, zone, { call, application, resource }),
    conversation: () => call('conversations.create', {}),
    plan: () =>
      call('plans.create', {
        steps: [
          { id: 'one', operation: 'applications.create', input: { name: freshName('agent') } },
        ],
      }),
    adminToken: () =>
      call('admin_tokens.create', {
        principal_name: freshName('automation'),
        principal_kind: 'automation',
        capabilities: ['read'],
      }),
  }
}

/** Who and what stands outside of the zone: its users, and where messages go. */
function outsiders(
  world: World,
  zone: string,
  call: ZoneMaker['call'],
): Pick<ZoneMaker, 'subjectIssuer' | 'subject' | 'webhook'> {
  return {
    subjectIssuer: () =>
      call('subject_issuers.create', {
        name: freshName('provider of identity'),
        issuer: `https://login.example.com/${freshName('tenant')}`,
        audience: 'caracal',
      }),
    subject: async () => {
      const userId = freshName('user')
      await world.sql(
        `insert into subjects (id, zone_id, user_id, name, first_seen_at, last_seen_at)
         values ($1, $2, $3, 'Somebody', now(), now())`,
        [newId('subject', world.now()), zone, userId],
      )
      return userId
    },
    webhook: () =>
      call('webhooks.create', {
        name: freshName('hook'),
        endpoint_url: 'https://hooks.example.com/caracal',
      }),
  }
}

/** One agent that runs in the zone, and what it does. */
function agents(
  world: World,
  zone: string,
  { call, application, resource }: Pick<ZoneMaker, 'call' | 'application' | 'resource'>,
): Pick<ZoneMaker, 'agent' | 'session' | 'caller' | 'delegation'> {
  let started: Promise<Agent> | undefined
  const agent = () => (started ??= startAgent(world, zone, call, application))
  return {
    agent,
    session: async () =>
      call('sessions.start', { lifecycle: 'service' }, { token: (await agent()).token }),
    caller: async ({ callers }) => (callers === 'agents' ? { token: (await agent()).token } : {}),
    delegation: async () =>
      call(
        'delegations.create',
        {
          target_application_id: (await application()).id,
          resource_id: (await resource()).id,
          scopes: ['invoices:read'],
        },
        { token: (await agent()).token },
      ),
  }
}

/** Tests of a whole file share it, on a machine that may be slow. */
const longLived = { lifecycle: 'service', lease_seconds: 3_600 } as const

async function startAgent(
  world: World,
  zone: string,
  call: ZoneMaker['call'],
  application: ZoneMaker['application'],
): Promise<Agent> {
  const { id, client_secret } = await application()
  const ask = async (form: Record<string, string>): Promise<string> => {
    const credentials = { client_id: id, client_secret: client_secret ?? '' }
    const { body } = await world.oauth('token', { ...credentials, ...form }, zone)
    return body.access_token as string
  }
  const own = await ask({ grant_type: 'client_credentials' })
  const session = await call('sessions.start', longLived, { token: own })
  const token = await ask({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:caracal:params:oauth:token-type:agent-session',
    subject_token: session.id,
  })
  return { session, token }
}
