import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nothing, traceOf, whole } from '../support/apply-trace.ts'
import { access, apply, approved, onPlan, type Plan } from '../support/plans.ts'
import {
  startPostgresProxy,
  type Fate,
  type PostgresProxy,
  type Statement,
} from '../support/postgres-proxy.ts'
import { expectError } from '../support/refused.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * The connection to the database breaks at every statement of an apply: before it is sent, and after
 * it was run with the answer lost. All of the plan is there or nothing, its state says which, and
 * applying again does the rest exactly once.
 */

let world: World
let proxy: PostgresProxy
/** A replica whose way to the database can be cut; the world looks on. */
let replica: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  proxy = await startPostgresProxy(world.connection)
  replica = await startWorld({ sharing: { ...world, connection: proxy.connection } })
  make = await newZone(world)
})

afterAll(async () => {
  await replica[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

function somePlan(): Promise<Plan> {
  return approved(world, access(freshName()), { zone: make.zone })
}

/** Whether a statement is the zone's or, for the mandate, the STS's own zone's. */
function isOfApply({ zone }: Statement): boolean {
  return zone === make.zone || zone === replica.service.context.system().zone
}

/** Every statement of an apply and of its mandate, each by the transaction that leads to it. */
async function statementsOfApply(): Promise<readonly string[]> {
  const plan = await somePlan()
  const heard = new Set<string>()
  proxy.judge((statement) => {
    if (isOfApply(statement)) heard.add(statement.path.join('; '))
    return 'pass'
  })
  expect(await apply(replica, plan)).toMatchObject({ replayed: false })
  proxy.judge(() => 'pass')
  return [...heard]
}

/** Applies with the fate of one statement decided; says whether it came. */
async function applyBreaking(plan: Plan, at: string, fate: Fate) {
  let hasCome = false
  proxy.judge((statement) => {
    if (hasCome || !isOfApply(statement) || statement.path.join('; ') !== at) return 'pass'
    hasCome = true
    return fate
  })
  const answer = await onPlan(replica, plan, 'apply')
  proxy.judge(() => 'pass')
  return { answer, hasCome }
}

describe.each(['cut', 'lost'] as const)('an apply whose connection is %s', (fate) => {
  test('at any of its statements is whole or nothing, and goes on exactly once', async () => {
    const wholeAt: string[] = []
    let broken = 0
    for (const at of await statementsOfApply()) {
      const plan = await somePlan()
      const before = await world.state()
      const { answer, hasCome } = await applyBreaking(plan, at, fate)
      const where = `${fate} at ${at}`
      const trace = await traceOf(world, plan)
      expect([whole, nothing], where).toContainEqual(trace)
      broken += Number(hasCome)
      if (trace.state === 'applied') {
        if (hasCome) wholeAt.push(at)
      } else {
        expectError(answer, 'not_ready')
        expect(await world.state(), where).toBe(before)
      }
      const again = await apply(replica, plan)
      expect(again.replayed, where).toBe(trace.state === 'applied')
      expect(await traceOf(world, plan), where).toEqual(whole)
    }
    expect(broken).toBeGreaterThan(25)
    // The commit alone can leave a plan applied whose caller does not know of it.
    const uncertain = wholeAt.filter((at) => at.includes('insert into "grants"'))
    expect(uncertain).toEqual(
      fate === 'cut' ? [] : [expect.stringMatching(/update "plans".*; commit$/s)],
    )
  }, 180_000)
})

test('two replicas apply one plan at the same time: exactly one does it', async () => {
  for (let round = 0; round < 20; round += 1) {
    const plan = await somePlan()
    const answers = await Promise.all([world, replica].map((one) => onPlan(one, plan, 'apply')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(answers.map(({ body }) => Boolean(body.replayed)).sort()).toEqual([false, true])
    expect(await traceOf(world, plan)).toEqual(whole)
  }
})
