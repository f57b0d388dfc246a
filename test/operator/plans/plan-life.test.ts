import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../../src/kernel/limits.ts'
import { catalogue } from '../../../tools/catalogue.ts'
import type { Operation } from '../../../tools/operation.ts'
import { examples } from '../../support/examples.ts'
import {
  access,
  application,
  apply,
  approve,
  approved,
  expectApplyRefused,
  onPlan,
  propose,
  readPlan,
  type Plan,
} from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { freshName, makerIn, newZone } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

function waiting(): Promise<Plan> {
  return propose(world, [application(freshName('agent'))])
}

function released(): Promise<Plan> {
  return approved(world, [application(freshName('agent'))])
}

async function statesListed(state: string): Promise<string[]> {
  const { items } = (await world.call('GET', `plans?state=${state}&limit=500`)).body
  return (items as Plan[]).map(({ id }) => id)
}

describe('from words to an applied plan', () => {
  test('every transition is one event, and apply leaves those of its steps', async () => {
    const mark = await world.eventCount()
    const plan = await propose(world, access('whole'))
    expect(plan).toMatchObject({ state: 'pending_approval', approvals: [], failure: null })
    await approve(world, plan)
    const applied = await apply(world, plan)
    expect(applied.plan).toMatchObject({ state: 'applied', digest: plan.digest })
    const events = await world.events(mark)
    expect(events.map(({ type, outcome }) => `${type} ${outcome}`)).toEqual([
      'plans.create applied',
      'plans.approve applied',
      'token.plan_mandate allow',
      'applications.create applied',
      'resources.create applied',
      'grants.create applied',
      'plans.apply applied',
    ])
    expect(new Set(events.map((event) => event.plan_id))).toEqual(new Set([plan.id]))
    expect(plan.preview?.events).toEqual(applied.events.map(({ type }) => type))
  })

  test('a proposal and its preview write nothing but the plan', async () => {
    const before = await world.state()
    const plan = await propose(world, access('unwritten'))
    await onPlan(world, plan, 'preview')
    expect(await world.state()).toBe(before)
  })

  test('what changes nothing needs no approval and gets none', async () => {
    const maker = makerIn(world, 'default')
    const { id, name } = await maker.application()
    const plan = await propose(world, [
      { id: 'same', operation: 'applications.patch', input: { application_id: id, name } },
    ])
    expect(plan.state).toBe('previewed')
    expect(plan.preview?.steps).toMatchObject([{ effect: 'no-op', changes: [], risk: 'low' }])
    const digest = plan.digest ?? ''
    await expectRefused(world, 'plan_state', () => onPlan(world, plan, 'approve', { digest }))
    await expectApplyRefused(world, plan, 'plan_state', 'not asked for')
  })

  test('the same settings in another order of their keys are no change', async () => {
    const maker = makerIn(world, 'default')
    const settings = { token_url: 'https://login.example.com/token', client_id: 'caracal' }
    const kind = 'oauth2_client_credentials'
    const { id } = await maker.call('providers.create', {
      name: freshName('provider'),
      settings: { kind, ...settings },
    })
    const { client_id, token_url } = settings
    const input = { provider_id: id, settings: { client_id, kind, token_url } }
    const plan = await propose(world, [{ id: 'same', operation: 'providers.patch', input }])
    expect(plan.preview?.steps).toMatchObject([{ effect: 'no-op' }])
    const before = await world.state()
    await maker.call('providers.patch', input as never)
    expect(await world.state()).toBe(before)
  })
})

describe('reject', () => {
  test.each([
    ['a plan that waits', waiting],
    ['a plan that was approved', released],
  ])('%s is over, and says why', async (_, make) => {
    const plan = await make()
    const { body } = await onPlan(world, plan, 'reject', { reason: 'not this quarter' })
    const { state, approvals } = body as Plan
    expect(state).toBe('rejected')
    expect(approvals.at(-1)).toMatchObject({
      decision: 'reject',
      reason: 'not this quarter',
      approver: { name: 'administrator' },
    })
    const digest = plan.digest ?? ''
    const again = { reason: 'once more' }
    await expectRefused(world, 'plan_state', () => onPlan(world, plan, 'approve', { digest }))
    await expectRefused(world, 'plan_state', () => onPlan(world, plan, 'reject', again))
    await expectRefused(world, 'plan_state', () => onPlan(world, plan, 'preview'))
    await expectApplyRefused(world, plan, 'plan_state', 'not asked for')
  })

  test('needs a reason', async () => {
    const plan = await waiting()
    for (const body of [{}, { reason: ' ' }])
      await expectRefused(world, 'invalid_body', () => onPlan(world, plan, 'reject', body))
    expect((await readPlan(world, plan)).state).toBe('pending_approval')
  })
})

describe('time', () => {
  test('an approval is over after an hour and can be given again', async () => {
    const plan = await released()
    world.pass(limits.approvalTtlMs + 1_000)
    await expectApplyRefused(world, plan, 'approval_expired', 'denied')
    expect((await readPlan(world, plan)).state).toBe('approved')
    await approve(world, plan)
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('a plan is over after a day, whatever it was', async () => {
    const [open, given] = [await waiting(), await propose(world, [application(freshName('agent'))])]
    world.pass(limits.planTtlMs - limits.approvalTtlMs / 2)
    await approve(world, given)
    world.pass(limits.approvalTtlMs / 2 + 1_000)
    for (const plan of [open, given]) {
      expect((await readPlan(world, plan)).state).toBe('expired')
      const digest = plan.digest ?? ''
      await expectRefused(world, 'plan_expired', () => onPlan(world, plan, 'approve', { digest }))
      await expectApplyRefused(world, plan, 'plan_expired', 'not asked for')
      await expectRefused(world, 'plan_state', () => onPlan(world, plan, 'preview'))
    }
    expect(await statesListed('expired')).toEqual(expect.arrayContaining([open.id, given.id]))
    expect(await statesListed('pending_approval')).not.toContain(open.id)
    expect(await statesListed('approved')).not.toContain(given.id)
  })
})

describe('a plan that is previewed again', () => {
  test('has another digest, for which the earlier approval counts no longer', async () => {
    const plan = await released()
    const again: Plan = (await onPlan(world, plan, 'preview')).body
    expect(again.state).toBe('pending_approval')
    expect(again.digest).not.toBe(plan.digest)
    await expectApplyRefused(world, plan, 'approval_required', 'not asked for')
    await expectRefused(world, 'approval_mismatch', () =>
      onPlan(world, plan, 'approve', { digest: plan.digest }),
    )
    await approve(world, again)
    expect((await apply(world, again)).plan.state).toBe('applied')
  })

  test('is previewed on the authority of whoever asked, and of nobody else', async () => {
    const plan = await waiting()
    const token = await world.person(freshName('bob'), ['read', 'write', 'approve'])
    await expectRefused(world, 'person_required', () =>
      onPlan(world, plan, 'preview', {}, { token }),
    )
  })
})

const changes = (catalogue as readonly Operation[]).filter(
  (operation) => operation.versioned && operation.place === 'zone',
)

describe('a change in between', () => {
  test.each(changes.map(({ id }) => id))('%s makes an approved plan stale', async (id) => {
    const make = await newZone(world)
    const change = await examples[id as keyof typeof examples](make)
    const plan = await approved(world, access('stale'), { zone: make.zone })
    await make.call(id as 'grants.create', change as never)
    if (id === 'zones.delete') {
      await expectApplyRefused(world, plan, 'zone_archived', 'not asked for')
      return
    }
    await expectApplyRefused(world, plan, 'stale', 'minted')
    const stale = await readPlan(world, plan)
    expect(stale).toMatchObject({ state: 'stale', failure: { code: 'stale' } })
    await expectRefused(world, 'stale', () =>
      onPlan(world, plan, 'approve', { digest: plan.digest }),
    )
    const again: Plan = (await onPlan(world, plan, 'preview')).body
    expect(again).toMatchObject({ state: 'pending_approval', failure: null })
    await approve(world, again)
    expect((await apply(world, again)).plan.state).toBe('applied')
  })

  test('is met at the approval already', async () => {
    const make = await newZone(world)
    const plan = await propose(world, access('late'), { zone: make.zone })
    await make.application()
    const digest = plan.digest ?? ''
    await expectRefused(world, 'stale', () => onPlan(world, plan, 'approve', { digest }))
    expect((await readPlan(world, plan)).state).toBe('stale')
  })

  test('elsewhere, or of what is no state of the zone, leaves the plan as it is', async () => {
    const [make, other] = [await newZone(world), await newZone(world)]
    const plan = await approved(world, access('kept'), { zone: make.zone })
    await other.grant()
    await make.conversation()
    await make.plan()
    await make.adminToken()
    await make.call('grants.list', {})
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('by another plan: of two that were approved on one state, the first is applied', async () => {
    const make = await newZone(world)
    const as = { zone: make.zone }
    const first = await propose(world, [application('first')], as)
    const second = await propose(world, [application('second')], as)
    await approve(world, first)
    await approve(world, second)
    await apply(world, first)
    await expectApplyRefused(world, second, 'stale', 'minted')
  })
})
