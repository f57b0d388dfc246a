import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  access,
  application,
  apply,
  approved,
  carryOut,
  carryOutPlan,
  undo,
  type PlanStep,
} from '../../support/plans.ts'
import { accessFacts, zoneFacts } from '../../support/zone-facts.ts'
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

test('an applied plan becomes its inverse, which waits for approval like any other', async () => {
  const make = await newZone(world)
  const before = await zoneFacts(world, make.zone)
  const plan = await carryOut(world, access('billing'), make)
  const inverse = await undo(world, plan)
  expect(inverse).toMatchObject({
    state: 'pending_approval',
    origin: 'undo',
    undoes: plan.id,
    summary: expect.stringContaining(plan.id),
    preview: { access: { lost: [{ scope: 'invoices:read' }], gained: [] } },
  })
  expect(inverse.steps.map(({ operation }) => operation)).toEqual([
    'grants.delete',
    'resources.delete',
    'applications.delete',
  ])
  expect(await zoneFacts(world, make.zone)).not.toEqual(before)
  await carryOutPlan(world, inverse)
  expect(await zoneFacts(world, make.zone)).toEqual(before)
})

/** What is there before, and the steps on it whose undoing brings it back. */
const changes: readonly (readonly [string, (make: ZoneMaker) => Promise<readonly PlanStep[]>])[] = [
  [
    'a renamed application with other labels',
    async (make) => {
      const { id } = await make.application()
      const input = { application_id: id, name: freshName('new'), labels: ['team:new'] }
      return [step('a', 'applications.patch', input)]
    },
  ],
  [
    'names that change places',
    async (make) => {
      const [one, two] = [await make.application(), await make.application()]
      const rename = (id: string, app: string, name: string): PlanStep =>
        step(id, 'applications.patch', { application_id: app, name })
      return [
        rename('a', one.id, freshName('aside')),
        rename('b', two.id, one.name),
        rename('c', one.id, two.name),
      ]
    },
  ],
  [
    'a resource with other scopes and no upstream',
    async (make) => {
      const { id } = await make.resource()
      const scopes = ['invoices:read', 'invoices:write', 'invoices:list']
      return [
        step('a', 'resources.patch', {
          resource_id: id,
          scopes,
          upstream_url: 'https://a.example/',
        }),
      ]
    },
  ],
  [
    'a changed grant',
    async (make) => {
      const { id } = await make.grant()
      const input = { grant_id: id, scopes: ['invoices:write'], expires_at: '2099-01-01T00:00:00Z' }
      return [step('a', 'grants.patch', input)]
    },
  ],
  [
    'a revoked grant, which comes back as a new one',
    async (make) => [step('a', 'grants.delete', { grant_id: (await make.grant()).id })],
  ],
  [
    'a grant that was changed and then revoked',
    async (make) => {
      const { id } = await make.grant()
      return [
        step('a', 'grants.patch', { grant_id: id, scopes: ['invoices:write'] }),
        step('b', 'grants.delete', { grant_id: id }),
      ]
    },
  ],
  [
    'an object that was made and archived in the same plan',
    () =>
      Promise.resolve([
        application(freshName('kept')),
        application(freshName('short'), 'short'),
        step('gone', 'applications.delete', { application_id: '{{steps.short.output.id}}' }),
      ]),
  ],
  [
    'the settings of a provider',
    async (make) => {
      const { id } = await make.provider()
      return [step('a', 'providers.patch', { provider_id: id, settings: { kind: 'none' } })]
    },
  ],
  [
    'another version of a policy in the set that decides',
    async (make) => {
      const policy = await make.policy()
      const set = await make.policySet()
      const manifest = [{ policy_version_id: policy.latest_version.id }]
      const first = await make.call('policy_sets.add_version', { policy_set_id: set.id, manifest })
      await make.call('policy_sets.activate', { policy_set_id: set.id, version_id: first.id })
      return [
        step('policy', 'policies.add_version', {
          policy_id: policy.id,
          language: 'json',
          source: risk('invoices:write'),
        }),
        step('set', 'policy_sets.add_version', {
          policy_set_id: set.id,
          manifest: [{ policy_version_id: '{{steps.policy.output.id}}' }],
        }),
        step('on', 'policy_sets.activate', {
          policy_set_id: set.id,
          version_id: '{{steps.set.output.id}}',
        }),
      ]
    },
  ],
  [
    'a new policy in a new set that decides',
    () =>
      Promise.resolve([
        step('policy', 'policies.create', {
          name: freshName('policy'),
          language: 'json',
          source: risk('invoices:write'),
        }),
        step('set', 'policy_sets.create', { name: freshName('set') }),
        step('version', 'policy_sets.add_version', {
          policy_set_id: '{{steps.set.output.id}}',
          manifest: [{ policy_version_id: '{{steps.policy.output.latest_version.id}}' }],
        }),
        step('on', 'policy_sets.activate', {
          policy_set_id: '{{steps.set.output.id}}',
          version_id: '{{steps.version.output.id}}',
        }),
      ]),
  ],
  [
    'the fields of the zone',
    () =>
      Promise.resolve([
        step('a', 'zones.patch', {
          name: freshName('zone'),
          dcr_enabled: true,
          audit_retention_days: 9,
        }),
      ]),
  ],
]

describe('undoing brings back', () => {
  test.each(changes)('%s', async (_, given) => {
    const make = await newZone(world)
    const steps = await given(make)
    const before = [await zoneFacts(world, make.zone), await accessFacts(world, make.zone)]
    const plan = await carryOut(world, steps, make)
    expect(plan.preview?.reversible).toBe(true)
    await carryOutPlan(world, await undo(world, plan))
    expect([await zoneFacts(world, make.zone), await accessFacts(world, make.zone)]).toEqual(before)
  })

  test('a zone that a plan has made, by archiving it', async () => {
    const name = freshName('zone')
    const plan = await carryOut(world, [
      step('zone', 'zones.create', { name, baseline: true }),
      { ...application('inside'), zone: '{{steps.zone.output.id}}' },
    ])
    const inverse = await undo(world, plan)
    expect(inverse.steps).toMatchObject([{ operation: 'zones.delete' }])
    expect(inverse.reach).toBe('platform')
    await carryOutPlan(world, inverse)
    expect((await world.admin.zones.list()).items.map((zone) => zone.name)).not.toContain(name)
  })

  test('what an undo took away: it is a plan, and can be undone', async () => {
    const make = await newZone(world)
    const { id } = await make.grant()
    const before = await zoneFacts(world, make.zone)
    const first = await carryOut(world, [step('a', 'grants.delete', { grant_id: id })], make)
    const back = await carryOutPlan(world, await undo(world, first))
    expect(await zoneFacts(world, make.zone)).toEqual(before)
    await carryOutPlan(world, await undo(world, back))
    expect((await make.call('grants.list', {})).items).toEqual([])
  })
})

test('a grant that has expired by now is left out, and said', async () => {
  await using own = await startWorld({ still: true })
  const make = await newZone(own)
  const { id, application_id, resource_id } = await make.grant()
  const soon = new Date(own.now() + 60_000).toISOString()
  const short = await make.call('grants.create', {
    application_id,
    resource_id,
    scopes: ['invoices:write'],
    expires_at: soon,
  })
  const plan = await approved(
    own,
    [id, short.id].map((grant, i) => step(`g${String(i)}`, 'grants.delete', { grant_id: grant })),
    make,
  )
  await apply(own, plan)
  own.pass(120_000)
  const inverse = await undo(own, plan)
  expect(inverse.steps).toHaveLength(1)
  expect(inverse.preview?.warnings).toEqual(
    expect.arrayContaining([expect.stringContaining(`${short.id} has expired`)]),
  )
})
