import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  access,
  application,
  carryOut,
  carryOutPlan,
  onPlan,
  propose,
  undo,
  type Plan,
  type PlanStep,
} from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { freshName, newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

function risk(scope: string): string {
  return JSON.stringify({ risk: [{ scope, tier: 'high' }] })
}

function step(id: string, operation: string, input: Record<string, unknown>): PlanStep {
  return { id, operation, input }
}

describe('a plan is not undone', () => {
  async function refusedUndo(plan: Plan): Promise<Record<string, unknown>[]> {
    const { body } = await expectRefused(world, 'not_undoable', () => onPlan(world, plan, 'undo'))
    return body.details.reasons as Record<string, unknown>[]
  }

  const lost: readonly (readonly [
    string,
    (make: ZoneMaker) => Promise<readonly PlanStep[]>,
    Record<string, unknown>,
  ])[] = [
    [
      'an archived application',
      async (make) => [
        step('a', 'applications.delete', { application_id: (await make.application()).id }),
      ],
      { code: 'cannot_come_back', kind: 'application' },
    ],
    [
      'an archived resource',
      async (make) => [step('a', 'resources.delete', { resource_id: (await make.resource()).id })],
      { code: 'cannot_come_back', kind: 'resource' },
    ],
    [
      'a replaced secret',
      async (make) => [
        step('a', 'applications.rotate_secret', { application_id: (await make.application()).id }),
      ],
      { code: 'cannot_come_back', message: expect.stringContaining('client_secret is gone') },
    ],
    [
      'a signing key',
      () => Promise.resolve([step('a', 'zones.rotate_keys', {})]),
      { code: 'cannot_come_back', kind: 'key' },
    ],
    [
      'the first version that decides at all',
      async (make) => {
        const { policy_set_id, id } = await make.policySetVersion()
        return [step('a', 'policy_sets.activate', { policy_set_id, version_id: id })]
      },
      { code: 'nothing_before', kind: 'zone' },
    ],
  ]
  test.each(lost)('where nothing brings back %s', async (_, given, reason) => {
    const make = await newZone(world, false)
    const plan = await carryOut(world, [application('kept'), ...(await given(make))], make)
    expect(plan.preview?.reversible).toBe(false)
    expect(await refusedUndo(plan)).toEqual([expect.objectContaining(reason)])
  })

  const later: readonly (readonly [
    string,
    (make: ZoneMaker, id: (kind: string) => string) => Promise<unknown>,
    Record<string, unknown>,
  ])[] = [
    [
      'an application was renamed',
      (make, id) =>
        make.call('applications.patch', {
          application_id: id('application'),
          name: freshName('x'),
        }),
      {
        code: 'changed_since',
        kind: 'application',
        event: expect.objectContaining({ type: 'applications.patch', actor: 'administrator' }),
      },
    ],
    [
      'the grant was revoked',
      (make, id) => make.call('grants.delete', { grant_id: id('grant') }),
      {
        code: 'changed_since',
        kind: 'grant',
        event: expect.objectContaining({ type: 'grants.delete' }),
      },
    ],
    [
      'somebody has given the application more',
      async (make, id) =>
        make.call('grants.create', {
          application_id: id('application'),
          resource_id: (await make.resource()).id,
          scopes: ['invoices:read'],
        }),
      {
        code: 'depends_on_it',
        kind: 'grant',
        event: expect.objectContaining({ type: 'grants.create' }),
      },
    ],
    [
      'the policy has another version',
      (make, id) =>
        make.call('policies.add_version', {
          policy_id: id('policy'),
          language: 'json',
          source: risk('a:b'),
        }),
      { code: 'depends_on_it', kind: 'policyVersion' },
    ],
    [
      'a policy set holds the policy',
      async (make, id) =>
        make.call('policy_sets.add_version', {
          policy_set_id: (await make.policySet()).id,
          manifest: [{ policy_version_id: id('policyVersion') }],
        }),
      { code: 'depends_on_it', kind: 'policySetVersion' },
    ],
    [
      'a resource uses the provider',
      async (make, id) => {
        const { id: resource_id } = await make.resource()
        await make.call('resources.patch', { resource_id, credential_provider_id: id('provider') })
      },
      { code: 'blocked', kind: 'step' },
    ],
  ]
  test.each(later)('after %s', async (_, change, reason) => {
    const make = await newZone(world)
    const plan = await carryOut(
      world,
      [
        ...access('billing'),
        step('policy', 'policies.create', { name: 'rules', language: 'json', source: risk('x:y') }),
        step('prov', 'providers.create', { name: 'login', settings: { kind: 'bearer_token' } }),
      ],
      make,
    )
    const made = plan.preview?.steps.flatMap((one) => one.changes) ?? []
    await change(make, (kind) => made.find((one) => one.kind === kind)?.id ?? '')
    expect(await refusedUndo(plan)).toEqual([expect.objectContaining(reason)])
  })

  test('where a later grant uses a scope that would go', async () => {
    const make = await newZone(world)
    const resource = await make.resource()
    const scopes = [...resource.scopes, 'invoices:list']
    const patch = step('a', 'resources.patch', { resource_id: resource.id, scopes })
    const plan = await carryOut(world, [patch], make)
    const { id } = await make.call('grants.create', {
      application_id: (await make.application()).id,
      resource_id: resource.id,
      scopes: ['invoices:list'],
    })
    expect(await refusedUndo(plan)).toMatchObject([{ code: 'depends_on_it', kind: 'grant', id }])
  })

  test('before it is applied, and twice', async () => {
    const make = await newZone(world)
    const waiting = await propose(world, [application('one')], make)
    await expectRefused(world, 'plan_state', () => onPlan(world, waiting, 'undo'))
    const plan = await carryOut(world, [application('two')], make)
    await carryOutPlan(world, await undo(world, plan))
    expect(await refusedUndo(plan)).toMatchObject([{ code: 'changed_since' }])
  })

  test('by whoever may not write, nor from another zone', async () => {
    const make = await newZone(world)
    const plan = await carryOut(world, [application('one')], make)
    const token = await world.person(freshName('reader'), ['read'], make.zone)
    await expectRefused(world, 'admin_token_read_only', () =>
      onPlan(world, plan, 'undo', {}, { token }),
    )
    await expectRefused(world, 'not_found', () =>
      onPlan(world, plan, 'undo', {}, { zone: 'default' }),
    )
  })

  test('by an approval that was given before something came to depend on it', async () => {
    const make = await newZone(world)
    const plan = await carryOut(world, access('late'), make)
    const inverse = await undo(world, plan)
    await make.application()
    await expectRefused(world, 'stale', () =>
      onPlan(world, inverse, 'approve', { digest: inverse.digest, reason: 'a test' }),
    )
    await expectRefused(world, 'plan_state', () => onPlan(world, inverse, 'preview'))
  })
})
