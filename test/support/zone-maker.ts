import {
  findOperation,
  type OperationId,
  type OutputOf,
  type RequestOf,
} from '../../tools/catalogue.ts'
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
  policy(): Promise<OutputOf<'policies.create'>>
  webhook(): Promise<OutputOf<'webhooks.create'>>
  policySet(): Promise<OutputOf<'policy_sets.create'>>
  policySetVersion(): Promise<OutputOf<'policy_sets.add_version'>>
  conversation(): Promise<OutputOf<'conversations.create'>>
  /** A plan of one step that waits for approval. */
  plan(): Promise<OutputOf<'plans.create'>>
  /** An admin token of somebody new, without capabilities that matter. */
  adminToken(): Promise<OutputOf<'admin_tokens.create'>>
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
    webhook: () =>
      call('webhooks.create', {
        name: freshName('hook'),
        endpoint_url: 'https://hooks.example.com/caracal',
      }),
    policySet,
    policySetVersion: async () =>
      call('policy_sets.add_version', { policy_set_id: (await policySet()).id, manifest: [] }),
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
