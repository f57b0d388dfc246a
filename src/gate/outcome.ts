import { sql } from 'kysely'
import { accessDiff, effectiveAccess } from '../admin/access-diff.ts'
import type { AccessTuple } from '../admin/pair-access.ts'
import { isFault } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import type { GateContext } from './context.ts'
import type { Call } from './handler.ts'
import { lockOut } from './lock-out.ts'
import { decideAgain, recentDecisions } from './recent-decisions.ts'

/** What some steps do to a whole zone, seen before and after them: counts of access tuples. */
export interface Outcome {
  readonly gained: number
  /** Of those gained, the ones that somebody had to ask for, or could have at times alone. */
  readonly ungated: number
  readonly lost: number
  readonly newly_gated: number
  /** Recorded decisions that were taken again, before and after. */
  readonly redecided: number
  /** Of their scopes, the ones that are refused before and allowed after. */
  readonly deny_to_allow: number
  /** What nobody could do any more, in a sentence. */
  readonly locked_out: string | null
}

/**
 * Runs steps and compares all of the zone's effective access, and what its recorded requests would
 * be answered by now, with what they were before. The outcome is null where there is more access than
 * one comparison holds: then nothing is known of it.
 */
export async function seeOutcome<T>(
  context: GateContext,
  call: Call,
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly outcome: Outcome | null }> {
  const { decisions } = await recentDecisions(call, call.zone, limits.previewReplayDecisions, any)
  const accessBefore = await wholeAccess(context, call)
  const allowedBefore = await decideAgain(context, call, call.zone, decisions)
  const result = await run()
  const accessAfter = await wholeAccess(context, call)
  if (accessBefore === null || accessAfter === null) return { result, outcome: null }
  const allowedAfter = await decideAgain(context, call, call.zone, decisions)
  const { gained, lost, newly_gated } = accessDiff(accessBefore, accessAfter)
  const had = new Set(accessBefore.map(keyOf))
  const outcome = {
    gained: gained.length,
    ungated: gained.filter((tuple) => had.has(keyOf(tuple))).length,
    lost: lost.length,
    newly_gated: newly_gated.length,
    redecided: decisions.length,
    deny_to_allow: newlyAllowed(allowedBefore, allowedAfter),
    locked_out: await lockOut(context, call),
  }
  return { result, outcome }
}

/** Runs work and takes back whatever it did to the database. */
export async function takenBack<T>(call: Call, work: () => Promise<T>): Promise<T> {
  await sql.raw('savepoint proof').execute(call.queries)
  try {
    return await work()
  } finally {
    await sql.raw('rollback to savepoint proof').execute(call.queries)
  }
}

function keyOf({ application_id, user_id, resource_id, scope }: AccessTuple): string {
  return JSON.stringify([application_id, user_id, resource_id, scope])
}

async function wholeAccess(
  context: GateContext,
  call: Call,
): Promise<readonly AccessTuple[] | null> {
  const none = new Set<string>()
  const slice = { zone: call.zone, all: true, applications: none, resources: none, pairs: none }
  try {
    return await effectiveAccess(context.policy, call, [slice])
  } catch (error) {
    if (isFault(error) && error.code === 'limit_reached') return null
    throw error
  }
}

function any(): boolean {
  return true
}

type Allowed = readonly ReadonlySet<string>[]

function newlyAllowed(before: Allowed, after: Allowed): number {
  return after.reduce(
    (sum, scopes, i) => sum + [...scopes].filter((scope) => before[i]?.has(scope) !== true).length,
    0,
  )
}
