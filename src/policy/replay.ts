import { setImmediate as afterInput } from 'node:timers/promises'
import type { ZoneId } from '../kernel/ids.ts'
import type { VersionPolicy } from './custom-policies.ts'
import type { Decision } from './input.ts'
import type { PolicyEngine } from './load.ts'
import {
  givenOf,
  inputOfFacts,
  isApplicationId,
  isGranted,
  readFacts,
  type RecordedFacts,
} from './recorded-facts.ts'

/** An event of a request that the policy of its zone may have decided on. */
export interface RecordedDecision {
  readonly id: string
  readonly time: Date
  readonly request_id: string
  readonly application_id: string | null
  /** As the event keeps them; null where it keeps none. */
  readonly facts: unknown
}

/** `narrowed` and `widened`: a request for whatever is held is granted too, with other scopes. */
export type FlipKind = 'allow_to_deny' | 'deny_to_allow' | 'narrowed' | 'widened'

export interface Flip {
  readonly event: RecordedDecision
  readonly facts: RecordedFacts
  readonly kind: FlipKind
  readonly gained: readonly string[]
  readonly lost: readonly string[]
  readonly decision: Decision
}

export interface Replay {
  /** Events whose decision was taken again. */
  readonly replayed: number
  /** Events that keep no facts to decide on: they are counted and not guessed. */
  readonly unreplayable: number
  /** In the order of the events. */
  readonly flips: readonly Flip[]
}

/** Decisions between two looks at what else there is to do: some milliseconds. */
const together = 100

/** Takes recorded decisions again, on the facts of their time, by what another version says. */
export async function replayDecisions(
  engine: PolicyEngine,
  candidate: { readonly zone: ZoneId; readonly versionId: string; readonly policy: VersionPolicy },
  events: readonly RecordedDecision[],
): Promise<Replay> {
  const flips: Flip[] = []
  let replayed = 0
  for (let from = 0; from < events.length; from += together) {
    const outcomes = await Promise.all(
      events.slice(from, from + together).map((event) => replayOne(engine, candidate, event)),
    )
    for (const outcome of outcomes) {
      if (outcome === 'unreplayable') continue
      replayed += 1
      if (outcome !== 'same') flips.push(outcome)
    }
    await afterInput()
  }
  return { replayed, unreplayable: events.length - replayed, flips }
}

async function replayOne(
  engine: PolicyEngine,
  { zone, versionId, policy }: Parameters<typeof replayDecisions>[1],
  event: RecordedDecision,
): Promise<Flip | 'same' | 'unreplayable'> {
  const facts = readFacts(event.facts)
  const { application_id: application } = event
  if (facts === null || !isApplicationId(application)) return 'unreplayable'
  const input = inputOfFacts(facts, { zone, application, versionId }, policy)
  const decision = await engine.decideWith(policy.custom, input)
  const allowed = input.scopes.filter((scope) => decision.scopes[scope]?.verdict === 'allow')
  const after = facts.asking === 'held' || decision.allow ? allowed : []
  const before = givenOf(facts)
  const gained = after.filter((scope) => !before.includes(scope))
  const lost = before.filter((scope) => !after.includes(scope))
  const wasGranted = isGranted(facts.asking, facts.reason ?? 'ok', before)
  const granted = isGranted(facts.asking, decision.reason, after)
  const kind = flipKindOf(wasGranted, granted, gained, lost)
  return kind === null ? 'same' : { event, facts, kind, gained, lost, decision }
}

/** What has become of an answer, by whether anything is granted and which scopes differ. */
export function flipKindOf(
  wasGranted: boolean,
  granted: boolean,
  gained: readonly string[],
  lost: readonly string[],
): FlipKind | null {
  if (wasGranted !== granted) return granted ? 'deny_to_allow' : 'allow_to_deny'
  if (lost.length > 0) return 'narrowed'
  return gained.length > 0 ? 'widened' : null
}
