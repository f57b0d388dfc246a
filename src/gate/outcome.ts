import { sql } from 'kysely'
import { accessDiff, effectiveAccess } from '../admin/access-diff.ts'
import type { AccessTuple } from '../admin/pair-access.ts'
import { isFault } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { decisionInput, loadAuthority } from '../policy/authority.ts'
import { givenOf, isApplicationId, readFacts } from '../policy/recorded-facts.ts'
import { decisionsOfZone } from '../store/events.ts'
import type { GateContext } from './context.ts'
import type { Call } from './handler.ts'
import { lockOut } from './lock-out.ts'

/** What some steps do to a whole zone, seen before and after them: counts of access tuples. */
export interface Outcome {
  readonly gained: number
  /** Of those gained, the ones that somebody had to ask for, or could have at times alone. */
  readonly ungated: number
  readonly lost: number
  readonly newly_gated: number
  /** Recorded refusals that were decided again, before and after. */
  readonly redecided: number
  /** Of those, the ones that are refused before and allowed after. */
  readonly deny_to_allow: number
  /** What nobody could do any more, in a sentence. */
  readonly locked_out: string | null
}

/**
 * Runs steps and compares all of the zone's effective access, and what its recorded refusals would
 * be answered by now, with what they were before. The outcome is null where there is more access than
 * one comparison holds: then nothing is known of it.
 */
export async function seeOutcome<T>(
  context: GateContext,
  call: Call,
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly outcome: Outcome | null }> {
  const refusals = await recentRefusals(call)
  const accessBefore = await wholeAccess(context, call)
  const allowedBefore = await allowedOf(context, call, refusals)
  const result = await run()
  const accessAfter = await wholeAccess(context, call)
  if (accessBefore === null || accessAfter === null) return { result, outcome: null }
  const allowedAfter = await allowedOf(context, call, refusals)
  const { gained, lost, newly_gated } = accessDiff(accessBefore, accessAfter)
  const had = new Set(accessBefore.map(keyOf))
  const outcome = {
    gained: gained.length,
    ungated: gained.filter((tuple) => had.has(keyOf(tuple))).length,
    lost: lost.length,
    newly_gated: newly_gated.length,
    redecided: refusals.length,
    deny_to_allow: [...allowedAfter].filter((one) => !allowedBefore.has(one)).length,
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

interface Refused {
  readonly application: string
  readonly resource: string
  readonly user: string | null
  readonly scopes: readonly string[]
  readonly sourceIp: string | null
  readonly hops: number
}

/** What was asked for of late and not given, each once, newest first. */
async function recentRefusals(call: Call): Promise<readonly Refused[]> {
  const last = { last: limits.autopilotDenialsRead }
  const refused = new Map<string, Refused>()
  for (const event of await decisionsOfZone(call.queries, call.zone, last)) {
    const facts = readFacts(event.facts)
    if (facts?.resource === undefined || !isApplicationId(event.application_id)) continue
    const given = givenOf(facts)
    const one = {
      application: event.application_id,
      resource: facts.resource,
      user: facts.user ?? null,
      scopes: (facts.scopes ?? []).filter((scope) => !given.includes(scope)),
      sourceIp: facts.source_ip ?? null,
      hops: facts.hops ?? 0,
    }
    if (one.scopes.length > 0) refused.set(JSON.stringify(one), one)
    if (refused.size === limits.autopilotDenialsDecided) break
  }
  return [...refused.values()]
}

/** Which of the refusals, and which scopes of each, the zone as it is now would allow. */
async function allowedOf(
  { policy }: GateContext,
  call: Call,
  refusals: readonly Refused[],
): Promise<ReadonlySet<string>> {
  const allowed = new Set<string>()
  for (const [i, refused] of refusals.entries()) {
    const authority = await loadAuthority(call.queries, call.zone, {
      applicationId: refused.application,
      resource: { identifier: refused.resource },
    })
    if (authority.application === null || authority.resource === null) continue
    const input = decisionInput(authority, {
      userId: refused.user,
      scopes: refused.scopes,
      nowMs: call.nowMs,
      sourceIp: refused.sourceIp,
      hops: refused.hops,
      approved: [],
    })
    const { scopes } = await policy.decideWith(authority.custom, input)
    for (const scope of refused.scopes)
      if (scopes[scope]?.verdict === 'allow') allowed.add(`${i} ${scope}`)
  }
  return allowed
}
