import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { limits } from '../kernel/limits.ts'
import { policyOf } from '../policy/authority.ts'
import { explainDecision } from '../policy/explain.ts'
import { inputOfFacts } from '../policy/recorded-facts.ts'
import { replayDecisions, type Flip, type FlipKind } from '../policy/replay.ts'
import { decisionsOfZone } from '../store/events.ts'
import type { Tx } from '../store/tx.ts'
import type { AdminServices } from './handlers.ts'

/** Takes the zone's recorded decisions again on a version of a policy set, active or not. */
export async function replayOn(
  services: Pick<AdminServices, 'policy'>,
  tx: Tx,
  versionId: string,
  asked: Pick<InputOf<'policy_sets.replay'>, 'last' | 'from' | 'to'>,
): Promise<OutputOf<'policy_sets.replay'>> {
  const candidate = { zone: tx.zone, versionId, policy: await policyOf(tx.queries, versionId) }
  const events = await decisionsOfZone(tx.queries, tx.zone, {
    last: asked.last,
    ...(asked.from !== undefined && { from: new Date(asked.from) }),
    ...(asked.to !== undefined && { to: new Date(asked.to) }),
  })
  const { replayed, unreplayable, flips } = await replayDecisions(
    services.policy,
    candidate,
    events,
  )
  const count = (kind: FlipKind): number => flips.filter((flip) => flip.kind === kind).length
  return {
    version_id: versionId,
    replayed,
    unreplayable,
    allow_to_deny: count('allow_to_deny'),
    deny_to_allow: count('deny_to_allow'),
    narrowed: count('narrowed'),
    widened: count('widened'),
    flips: flips.slice(0, limits.replayFlips).map((flip) => flipView(flip, candidate)),
  }
}

type Candidate = Parameters<typeof replayDecisions>[1]

function flipView(
  { event, facts, kind, gained, lost, decision }: Flip,
  { zone, versionId, policy }: Candidate,
): OutputOf<'policy_sets.replay'>['flips'][number] {
  const application = event.application_id ?? ''
  const input = inputOfFacts(facts, { zone, application, versionId }, policy)
  return {
    event_id: event.id,
    request_id: event.request_id,
    time: event.time.toISOString(),
    change: kind,
    application_id: application,
    user_id: facts.user ?? null,
    resource_identifier: facts.resource ?? null,
    scopes: [...(facts.scopes ?? [])],
    gained: [...gained],
    lost: [...lost],
    reason_before: facts.reason ?? 'ok',
    reason: decision.reason,
    rules: [...decision.rules],
    explanation: explainDecision(input, decision).summary,
  }
}
