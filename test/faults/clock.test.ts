import { afterEach, expect, test } from 'vitest'
import type { FaultCode } from '../../src/kernel/faults.ts'
import type { Id } from '../../src/kernel/ids.ts'
import { everythingLogged } from '../support/audit-log.ts'
import { nothing, traceOf, whole } from '../support/apply-trace.ts'
import { access, onPlan, propose, readPlan, type Plan } from '../support/plans.ts'
import { freshName } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * The clock jumps, back an hour and forward a day, between the preview of a plan, its approval, its
 * mandate and its apply. Only what has run out refuses, nothing runs for longer than it may, and the
 * log stays in order.
 */

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

let world: World | undefined

afterEach(() => world?.[Symbol.asyncDispose]())

type Doing = 'approve' | 'apply' | 'mandate'

/** What is done, after the clock has jumped by so much, and with which code that is refused. */
type Act = readonly [jumpMs: number, doing: Doing, refusal?: FaultCode]

const cases: readonly (readonly [string, readonly Act[], 'applied' | 'not'])[] = [
  [
    'nothing jumps',
    [
      [0, 'approve'],
      [0, 'apply'],
    ],
    'applied',
  ],
  [
    'back an hour before the approval',
    [
      [-hour, 'approve'],
      [0, 'apply'],
    ],
    'applied',
  ],
  [
    'back an hour after the approval',
    [
      [0, 'approve'],
      [-hour, 'apply'],
    ],
    'applied',
  ],
  [
    'back an hour twice',
    [
      [-hour, 'approve'],
      [-hour, 'apply'],
    ],
    'applied',
  ],
  ['a day on before the approval', [[day, 'approve', 'plan_expired']], 'not'],
  [
    'a day on after the approval',
    [
      [0, 'approve'],
      [day, 'apply', 'plan_expired'],
    ],
    'not',
  ],
  [
    'a day on and back',
    [
      [day, 'approve', 'plan_expired'],
      [-day, 'approve'],
      [0, 'apply'],
    ],
    'applied',
  ],
  [
    'an hour on: the approval has run out, and is given again',
    [
      [0, 'approve'],
      [hour, 'apply', 'approval_expired'],
      [0, 'approve'],
      [0, 'apply'],
    ],
    'applied',
  ],
  [
    'an hour on, refused, and back: the hour of the approval is not over',
    [
      [0, 'approve'],
      [hour, 'apply', 'approval_expired'],
      [-hour, 'apply'],
    ],
    'applied',
  ],
  [
    'back an hour and on: an approval lives no longer than its hour',
    [
      [0, 'approve'],
      [-hour, 'mandate'],
      [2 * hour, 'apply', 'approval_expired'],
    ],
    'not',
  ],
  [
    'a mandate lives for its minute, whatever the clock says later',
    [
      [0, 'approve'],
      [0, 'mandate'],
      [0, 'apply'],
    ],
    'applied',
  ],
]

async function act(plan: Plan, doing: Doing): Promise<string | null> {
  if (world === undefined) throw new Error('no world')
  if (doing === 'mandate') return mandateLivesAMinute(world, plan)
  const current = await readPlan(world, plan)
  const body = doing === 'approve' ? { digest: current.digest } : {}
  const answer = await onPlan(world, plan, doing, body)
  return answer.status === 200 ? null : String(answer.body.error)
}

/** Asks for the mandate of the plan; it is of this moment, and is believed for its minute alone. */
async function mandateLivesAMinute(at: World, plan: Plan): Promise<string | null> {
  const { sts } = at.service.context
  const planId = plan.id as Id<'plan'>
  const token = await sts.planMandate({ planId, requestId: 'req_clock' })
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    iat: number
    exp: number
  }
  expect(claims.iat).toBe(Math.floor(at.now() / 1_000))
  expect(claims.exp - claims.iat).toBe(60)
  await sts.verifyControl(token)
  for (const jumpMs of [61_000, day, -hour]) {
    at.pass(jumpMs)
    await expect(sts.verifyControl(token)).rejects.toMatchObject({ code: 'invalid_mandate' })
    at.pass(-jumpMs)
  }
  return null
}

test.each(cases)('%s', async (_, acts, end) => {
  world = await startWorld({ still: true })
  const plan = await propose(world, access(freshName()))
  for (const [jumpMs, doing, refusal = null] of acts) {
    world.pass(jumpMs)
    expect(await act(plan, doing), doing).toBe(refusal)
  }
  const trace = await traceOf(world, plan)
  if (end === 'applied') expect(trace).toMatchObject({ ...whole, consumed: expect.any(Number) })
  else
    expect(trace).toMatchObject({ objects: 0, events: 0, told: false, consumed: nothing.consumed })
  await everythingLogged(world)
  const { body } = await world.call('GET', 'audit/verify')
  expect(body).toMatchObject({ verified: true, findings: [] })
  const rows = await world.sql<{ sequence: number }>(
    `select sequence from events where zone_id = $1 and sequence is not null order by position`,
    [plan.zone_id],
  )
  expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_row, place) => place))
})
