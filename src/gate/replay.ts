import type { z } from 'zod'
import type { replayed } from '../../tools/plans.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { flipKindOf } from '../policy/replay.ts'
import type { Change } from '../store/tx.ts'
import type { GateContext } from './context.ts'
import type { Call } from './handler.ts'
import {
  decideAgain,
  recentDecisions,
  type Concerned,
  type RecentDecision,
} from './recent-decisions.ts'

export type Replayed = z.output<typeof replayed>
type Flip = Replayed['flips'][number]

/** Decisions of one zone that changes may turn, with what the outcome says of each. */
interface Turned {
  readonly zone: ZoneId
  readonly read: number
  readonly decisions: readonly RecentDecision[]
  readonly after: readonly ReadonlySet<string>[]
}

/**
 * Takes the recorded decisions again that changes may turn, as the zones are now: after the changes,
 * in the transaction that has made them. Decisions about anything else cannot come out otherwise.
 */
export async function replayOutcome(
  context: GateContext,
  call: Call,
  changes: readonly Change[],
): Promise<readonly Turned[]> {
  const zones = new Set(changes.filter(isDeciding).map(({ zoneId }) => zoneId as ZoneId))
  const turned: Turned[] = []
  for (const zone of zones) {
    const concerns = concernedBy(changes.filter(({ zoneId }) => zoneId === zone))
    const recent = await recentDecisions(call, zone, limits.previewReplayDecisions, concerns)
    const after = await decideAgain(context, call, zone, recent.decisions)
    turned.push({ zone, ...recent, after })
  }
  return turned
}

/** Compares with what the zones say now, when the changes have been taken back. */
export async function flipsOf(
  context: GateContext,
  call: Call,
  outcome: readonly Turned[],
): Promise<Replayed> {
  const flips: Flip[] = []
  for (const { zone, decisions, after } of outcome) {
    const before = await decideAgain(context, call, zone, decisions)
    for (const [i, decision] of decisions.entries()) {
      const flip = flipOf(decision, before[i] ?? new Set(), after[i] ?? new Set())
      if (flip !== null) flips.push(flip)
    }
  }
  const count = (change: Flip['change']): number =>
    flips.reduce((sum, flip) => sum + (flip.change === change ? flip.times : 0), 0)
  return {
    decisions: outcome.reduce((sum, { read }) => sum + read, 0),
    allow_to_deny: count('allow_to_deny'),
    deny_to_allow: count('deny_to_allow'),
    narrowed: count('narrowed'),
    widened: count('widened'),
    flips: flips.slice(0, limits.replayFlips),
  }
}

function flipOf(
  decision: RecentDecision,
  allowedBefore: ReadonlySet<string>,
  allowedAfter: ReadonlySet<string>,
): Flip | null {
  const [before, after] = [granted(decision, allowedBefore), granted(decision, allowedAfter)]
  const gained = after.filter((scope) => !before.includes(scope))
  const lost = before.filter((scope) => !after.includes(scope))
  const change = flipKindOf(before.length > 0, after.length > 0, gained, lost)
  if (change === null) return null
  const { application, user, resource, scopes, times, eventId } = decision
  return {
    change,
    application_id: application,
    user_id: user,
    resource_identifier: resource,
    scopes: [...scopes],
    ...{ gained, lost, times },
    last_event_id: eventId,
  }
}

/** Whoever asks for certain scopes is given all of them or none. */
function granted(
  { scopes, held }: RecentDecision,
  allowed: ReadonlySet<string>,
): readonly string[] {
  return held || scopes.every((scope) => allowed.has(scope))
    ? scopes.filter((scope) => allowed.has(scope))
    : []
}

/** Changes of anything else decide nothing; a new application or zone has asked for nothing yet. */
function isDeciding({ kind, effect }: Change): boolean {
  const isNew = effect === 'create'
  return (
    kind === 'grant' ||
    kind === 'resource' ||
    ((kind === 'application' || kind === 'zone') && !isNew)
  )
}

function concernedBy(changes: readonly Change[]): (one: Concerned) => boolean {
  const applications = new Set<unknown>()
  const resources = new Set<unknown>()
  for (const { kind, id, before, after } of changes) {
    if (kind === 'zone') return () => true
    if (kind === 'application') applications.add(id)
    if (kind === 'grant') applications.add((after ?? before)?.application_id)
    if (kind === 'resource') resources.add(before?.identifier).add(after?.identifier)
  }
  return ({ application, resource }) => applications.has(application) || resources.has(resource)
}
