import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  application,
  apply,
  approve,
  approved,
  expectApplyRefused,
  onPlan,
  propose,
  readPlan,
  sendPlan,
  type PlanStep,
} from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { freshName, newZone } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

/** A zone and what is to be in it, in one plan. */
function furnished(name: string): PlanStep[] {
  const zone = '{{steps.zone.output.id}}'
  return [
    { id: 'zone', operation: 'zones.create', input: { name, baseline: true } },
    { ...application('agent'), zone },
    {
      id: 'res',
      operation: 'resources.create',
      zone,
      input: { name: 'Invoices', scopes: ['invoices:read'] },
    },
    {
      id: 'grant',
      operation: 'grants.create',
      zone,
      input: {
        application_id: '{{steps.app.output.id}}',
        resource_id: '{{steps.res.output.id}}',
        scopes: ['invoices:read'],
      },
    },
  ]
}

test('a zone with an application that gets a token in it, from one plan', async () => {
  const name = freshName('staging')
  const plan = await propose(world, furnished(name))
  expect(plan).toMatchObject({ reach: 'platform', state: 'pending_approval' })
  expect(plan.preview?.access.gained).toMatchObject([{ scope: 'invoices:read', verdict: 'allow' }])
  const mark = await world.eventCount()
  const applied = await apply(world, await approve(world, plan))
  const zone = plan.preview?.steps[0]?.changes[0]?.id ?? ''
  expect(await world.admin.zones.get(zone)).toMatchObject({ name, system: false })
  const home = await world.admin.zones.get('default')
  const steps = (await world.events(mark)).filter(({ type }) => !/^(plans|token)\./.test(type))
  expect(steps.map(({ zone_id, type }) => [zone_id, type])).toEqual(
    ['zones.create', 'applications.create', 'resources.create', 'grants.create'].map((type) => [
      zone,
      type,
    ]),
  )
  expect(applied.plan.zone_id).toBe(home.id)
  const app = plan.preview?.steps[1]?.changes[0]?.id ?? ''
  const form = {
    grant_type: 'client_credentials',
    client_id: app,
    client_secret: applied.secrets[0]?.value ?? '',
    resource: 'resource://invoices',
  }
  expect(await world.oauth('token', form, zone)).toMatchObject({ status: 200 })
})

describe('authority', () => {
  test('a token of one zone gets no plan of the platform, by any way to ask for one', async () => {
    const { id } = await world.admin.zones.get('default')
    const other = await newZone(world)
    const token = await world.person('zoe', ['read', 'write', 'approve'], id)
    for (const step of [
      { id: 'zone', operation: 'zones.create', input: { name: freshName('zone') } },
      { ...application(freshName('agent')), zone: other.zone },
      { ...application(freshName('agent')), zone: 'default' },
    ])
      await expectRefused(world, 'global_scope_required', () =>
        sendPlan(world, { steps: [step] }, { token }),
      )
    await expectRefused(world, 'admin_token_zone_mismatch', () =>
      sendPlan(world, { steps: [application('x')] }, { token, zone: other.zone }),
    )
  })

  test('a zone’s approver does not approve what reaches beyond it', async () => {
    const { id } = await world.admin.zones.get('default')
    const token = await world.person('zack', ['read', 'approve'], id)
    const plan = await propose(world, furnished(freshName('zone')))
    await expectRefused(world, 'global_scope_required', () =>
      onPlan(world, plan, 'approve', { digest: plan.digest }, { token }),
    )
  })

  test('who has a zone alone sees and applies no plan of another', async () => {
    const other = await newZone(world)
    const plan = await approved(world, [application(freshName('agent'))])
    const there = { zone: other.zone }
    const digest = plan.digest ?? ''
    for (const [verb, body] of [
      ['approve', { digest }],
      ['reject', { reason: 'not mine' }],
      ['preview', {}],
      ['apply', {}],
    ] as const)
      await expectRefused(world, 'not_found', () => onPlan(world, plan, verb, body, there))
    expect((await readPlan(world, plan)).state).toBe('approved')
  })
})

describe('what a plan of the platform rests upon', () => {
  test('a change in any zone that it touches makes it stale', async () => {
    const [one, two] = [await newZone(world), await newZone(world)]
    const steps = [
      { ...application('a', 'one'), zone: one.zone },
      { ...application('b', 'two'), zone: two.zone },
    ]
    const plan = await approved(world, steps)
    await two.application()
    await expectApplyRefused(world, plan, 'stale', 'minted')
    expect((await one.call('applications.list', {})).items).toEqual([])
  })

  test('a zone that is made meanwhile makes a plan that makes one stale', async () => {
    const plan = await approved(world, furnished(freshName('zone')))
    await newZone(world)
    await expectApplyRefused(world, plan, 'stale', 'minted')
  })

  test('one step that cannot run blocks those in the zone that it would have made', async () => {
    const taken = (await world.admin.zones.get('default')).name
    const plan = await propose(world, furnished(taken))
    expect(plan.preview?.steps.map(({ blocked }) => blocked?.code)).toEqual([
      'zone_name_taken',
      'plan_blocked',
      'plan_blocked',
      'plan_blocked',
    ])
  })
})

describe('zones marked as system zones', () => {
  async function marked(): Promise<string> {
    const make = await newZone(world)
    await make.call('zones.patch', { system: true })
    return make.zone
  }

  test('take no plan of their own', async () => {
    const zone = await marked()
    await expectRefused(world, 'system_zone_refused', () =>
      sendPlan(world, { steps: [application('x')] }, { zone }),
    )
  })

  test('are reached by no step of another’s, by id or slug', async () => {
    const { id, slug } = await world.admin.zones.get(await marked())
    for (const zone of [id, slug]) {
      const plan = await propose(world, [{ ...application('x'), zone }])
      expect(plan.state).toBe('previewed')
      expect(plan.preview?.steps).toMatchObject([{ blocked: { code: 'system_zone_refused' } }])
    }
  })

  test('are reached by no step of the plan that marks them', async () => {
    const plan = await propose(world, [
      { id: 'zone', operation: 'zones.create', input: { name: freshName('zone') } },
      {
        id: 'mark',
        operation: 'zones.patch',
        zone: '{{steps.zone.output.id}}',
        input: { system: true },
      },
      { ...application('x'), zone: '{{steps.mark.output.id}}' },
    ])
    expect(plan.preview?.steps.map(({ blocked }) => blocked?.code)).toEqual([
      undefined,
      undefined,
      'system_zone_refused',
    ])
  })

  test('refuse at apply what was approved before they were marked', async () => {
    const make = await newZone(world)
    const own = await approved(world, [application('x')], { zone: make.zone })
    const from = await approved(world, [{ ...application('x'), zone: make.zone }])
    await make.call('zones.patch', { system: true })
    await expectApplyRefused(world, own, 'system_zone_refused', 'denied')
    await expectApplyRefused(world, from, 'system_zone_refused', 'denied')
  })
})
