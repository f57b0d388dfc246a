import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  approvedOnly,
  autopiloted,
  obedient,
  order,
  revocation,
  switchOff,
  switchOn,
} from '../../support/autopilot.ts'
import type { Conversation } from '../../support/conversations.ts'
import { onPlan, readPlan, type Plan, type PlanStep } from '../../support/plans.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { newZone } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

const model = scriptedModel()
obedient(model)
let world: World

beforeEach(async () => {
  world = await startWorld({ model })
})
afterEach(() => world[Symbol.asyncDispose]())

interface Prepared {
  readonly conversation: Conversation
  readonly steps: readonly PlanStep[]
}

async function prepare(count: number, zones: 'one' | 'each'): Promise<readonly Prepared[]> {
  const shared = await newZone(world)
  const prepared: Prepared[] = []
  for (let i = 0; i < count; i += 1) {
    const make = zones === 'one' ? shared : await newZone(world)
    const conversation = await autopiloted(world, make)
    prepared.push({ conversation, steps: [await revocation(make)] })
  }
  return prepared
}

function applied(plans: readonly Plan[]): number {
  return plans.filter(({ state }) => state === 'applied').length
}

async function appliedIn(): Promise<number> {
  const [row] = await world.sql<{ count: string }>(
    `select count(*) from plans where state = 'applied'`,
  )
  return Number(row?.count)
}

describe('a budget is spent once', () => {
  test('by plans of many zones at once: the day’s', async () => {
    await switchOn(world, { writes_per_day: 2 })
    const prepared = await prepare(5, 'each')
    const plans = await Promise.all(
      prepared.map(({ conversation, steps }) => order(world, conversation, steps)),
    )
    expect(applied(plans)).toBe(2)
    const { body } = await world.call('GET', '/v1/operator/autopilot')
    expect(body.written_today).toBe(2)
    world.pass(24 * 3_600_000)
    const [next] = await prepare(1, 'one')
    if (next === undefined) throw new Error('nothing was prepared')
    expect((await order(world, next.conversation, next.steps)).state).toBe('applied')
  })

  test('by messages of one conversation: the conversation’s', async () => {
    await switchOn(world, { writes_per_conversation: 2 })
    const make = await newZone(world)
    const conversation = await autopiloted(world, make)
    const orders: PlanStep[] = []
    for (let i = 0; i < 4; i += 1) orders.push(await revocation(make))
    const plans = await Promise.all(orders.map((step) => order(world, conversation, [step])))
    // Plans that were previewed before another was applied are stale, and left too.
    expect(applied(plans)).toBeLessThanOrEqual(2)
    const more: Plan[] = []
    for (let i = 0; i < 3; i += 1)
      more.push(await order(world, conversation, [await revocation(make)]))
    const all = [...plans, ...more]
    expect(applied(all)).toBeLessThanOrEqual(2)
    // What was approved and came too late to be applied has spent its part all the same.
    expect(all.filter(({ approvals }) => approvals.length > 0)).toHaveLength(2)
  })

  test('by one plan: the plan’s', async () => {
    await switchOn(world, { writes_per_plan: 1 })
    const make = await newZone(world)
    const conversation = await autopiloted(world, make)
    const steps = [await revocation(make, 'one'), await revocation(make, 'two')]
    expect((await order(world, conversation, steps)).state).toBe('pending_approval')
    expect((await order(world, conversation, steps.slice(1))).state).toBe('applied')
  })
})

describe('the kill switch', () => {
  test('once it has answered, nothing more is applied, whatever runs', async () => {
    await switchOn(world)
    const prepared = await prepare(6, 'each')
    const running = Promise.all(
      prepared.map(({ conversation, steps }) => order(world, conversation, steps)),
    )
    while ((await appliedIn()) === 0) await delay(1)
    expect((await switchOff(world)).status).toBe(200)
    const then = await appliedIn()
    await running
    expect(await appliedIn()).toBe(then)
  })

  test('thrown between the mandate and the apply, nothing is kept', async () => {
    await switchOn(world)
    const [one] = await prepare(1, 'one')
    if (one === undefined) throw new Error('nothing was prepared')
    const plan = await approvedOnly(world, one.conversation, one.steps)
    const before = await kept()
    const mark = await world.eventCount()
    const other = new pg.Client(world.connection)
    await other.connect()
    try {
      await other.query('begin')
      await other.query('select from zones where id = $1 for update', [plan.zone_id])
      const answer = onPlan(world, plan, 'apply')
      await waits(plan.zone_id)
      expect((await switchOff(world)).status).toBe(200)
      await other.query('rollback')
      expect((await answer).body).toMatchObject({ error: 'autopilot_off' })
    } finally {
      await other.end()
    }
    expect(await kept()).toEqual(before)
    const left = (await world.events(mark)).map(({ type, outcome }) => `${type} ${outcome}`)
    expect(left.toSorted()).toEqual([
      'autopilot.off applied',
      'plans.apply refused',
      'token.plan_mandate allow',
    ])
    expect((await readPlan(world, plan)).state).toBe('approved')
  })

  /** What a plan could have changed. */
  function kept(): Promise<unknown[]> {
    return world.sql(`
      select id, revision, archived_at from grants union all
      select id, revision, archived_at from zones order by id`)
  }

  /** Until somebody waits for a lock. */
  async function waits(zone: string): Promise<void> {
    for (;;) {
      const rows = await world.sql(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      )
      if (rows.length > 0) return
      expect(zone).toMatch(/^zone_/)
      await delay(5)
    }
  }
})

describe('two replicas', () => {
  test('the switch of one stops the other', async () => {
    await using second = await startWorld({ model, sharing: world })
    await switchOn(world)
    const [one, two] = await prepare(2, 'each')
    if (one === undefined || two === undefined) throw new Error('nothing was prepared')
    const plan = await approvedOnly(world, one.conversation, one.steps)
    await switchOff(second)
    expect((await onPlan(world, plan, 'apply')).body).toMatchObject({ error: 'autopilot_off' })
    expect((await order(world, two.conversation, two.steps)).state).toBe('pending_approval')
  })

  test('apply one approved plan at once: it is applied once', async () => {
    await using second = await startWorld({ model, sharing: world })
    await switchOn(world)
    const [one] = await prepare(1, 'one')
    if (one === undefined) throw new Error('nothing was prepared')
    const plan = await approvedOnly(world, one.conversation, one.steps)
    const answers = await Promise.all(
      [world, second].map((replica) => onPlan(replica, plan, 'apply')),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(answers.map(({ body }) => body.replayed as boolean).toSorted()).toEqual([false, true])
    const events = await world.events()
    expect(events.filter(({ type }) => type === 'grants.delete')).toHaveLength(1)
  })
})
