import type { PlatformEvent } from '../../audit/event.ts'
import { recordEvents } from '../../audit/record.ts'
import { authorityOf } from '../autopilot/person.ts'
import type { CarriedOut } from '../autopilot/carry-out.ts'
import type { Asked } from '../autopilot/decide.ts'
import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import type { StepsPreview } from '../../gate/preview.ts'
import { platform } from '../../gate/principal.ts'
import { highest } from '../../gate/risk.ts'
import { seeEveryZone, type Queries } from '../../store/database.ts'
import { findPlan, lockPlan, updatePlan, type PlanRecord } from '../../store/plans.ts'
import { openTx } from '../../store/tx.ts'
import { previewColumns } from '../plans/draft.ts'
import { planView, stateOf, type PlanView } from '../plans/plan-view.ts'
import { raised, type Review } from './raise.ts'
import { openMeter, type UsageContext } from '../conversation/usage.ts'
import { readReview, type Reviewer } from './reviewer.ts'

/** What became of a review; only `raised` has changed anything. */
type Heard = 'raised' | 'kept' | 'lowering_ignored' | 'malformed_ignored' | 'failed'

/**
 * Has a waiting plan reviewed, without a lock while the model is awaited, and raises its risk where
 * the answer says so: the plan then has another digest and is judged anew. Every review is one event.
 */
export async function reviewPlan(
  context: GateContext & UsageContext,
  reviewer: Reviewer,
  asked: Asked,
  signal: AbortSignal,
): Promise<CarriedOut | null> {
  const { zone, planId, conversationId } = asked
  const shown = await context.db.transaction(zone, async (queries) => {
    const plan = await findPlan(queries, zone, planId)
    return plan === undefined ? null : planView(plan, [], context.clock.now())
  })
  if (shown?.state !== 'pending_approval') return null
  const meter = openMeter(context, {
    ...{ zone, conversationId, messageId: null, purpose: 'review' },
    principalId: shown.requester.id,
  })
  const said = await reviewer.review(shown, { meter, signal }).catch(() => null)
  return context.db.transaction(zone, (queries) =>
    hear(context, queries, { reviewer, asked, shown, said }),
  )
}

interface Reviewed {
  readonly reviewer: Reviewer
  readonly asked: Asked
  readonly shown: PlanView
  /** The model's words; null where it gave none. */
  readonly said: string | null
}

async function hear(
  context: GateContext,
  queries: Queries,
  reviewed: Reviewed,
): Promise<CarriedOut | null> {
  const { reviewer, asked, shown, said } = reviewed
  const tx = openTx(queries, asked.zone, context.clock.now())
  const plan = await lockPlan(queries, asked.zone, asked.planId)
  // Decided on or previewed again meanwhile: the review is of something else.
  if (plan?.digest !== shown.digest || stateOf(plan, tx.nowMs) !== 'pending_approval') return null
  const answer = said === null ? null : readReview(said)
  const heard = heardOf(plan, said, answer)
  let after: PlanView | null = null
  if (heard === 'raised' && answer !== null) {
    const principal = (await authorityOf(queries, plan.requester_token_id, tx.nowMs)) ?? platform
    const { requestId, traceId } = asked
    if (plan.reach === 'platform') await seeEveryZone(queries)
    const call: Call = { ...tx, principal, requestId, traceId, surface: 'api', rehearsal: true }
    after = await keep(context, call, plan, { ...answer, model: reviewer.name })
  }
  await recordEvents(queries, tx.nowMs, [eventOf(plan, reviewed, heard, answer?.risk ?? null)])
  if (after === null) return null
  return {
    note: `A second look has raised the risk of plan ${plan.id} to ${after.risk}.`,
    plan: after,
  }
}

function heardOf(
  plan: PlanRecord,
  said: string | null,
  answer: ReturnType<typeof readReview>,
): Heard {
  if (said === null) return 'failed'
  if (answer === null) return 'malformed_ignored'
  const { risk } = plan.preview as StepsPreview
  if (answer.risk === risk) return 'kept'
  return highest([risk, answer.risk]) === risk ? 'lowering_ignored' : 'raised'
}

async function keep(
  context: GateContext,
  call: Call,
  plan: PlanRecord,
  review: Review,
): Promise<PlanView> {
  const { zone_id, reach, requester_id, undoes } = plan
  const { steps, assigned_ids, base_revisions, policy_set_version_id } = plan
  const preview = await raised(context, call, reach, plan.preview as StepsPreview, review)
  const updated = await updatePlan(call.queries, plan.id, {
    ...previewColumns({
      ...{ zone_id, reach, requester_id, undoes, since: plan.since, preview },
      ...{ steps, assigned_ids, base_revisions, policy_set_version_id },
    }),
    review: JSON.stringify(review),
    updated_at: call.now,
  })
  return planView(updated, [], call.nowMs)
}

function eventOf(
  plan: PlanRecord,
  { reviewer, asked }: Reviewed,
  heard: Heard,
  risk: string | null,
): PlatformEvent {
  return {
    zone: asked.zone,
    type: 'model.review',
    outcome: heard === 'raised' ? 'applied' : heard === 'kept' ? 'allow' : 'refused',
    actor: { kind: 'platform', id: platform.id, name: platform.name },
    onBehalfOf: { id: plan.requester_id, name: plan.requester_name },
    requestId: asked.requestId,
    traceId: asked.traceId,
    planId: plan.id,
    reason: heard === 'raised' || heard === 'kept' ? undefined : heard,
    diagnostics: { model: reviewer.name, heard, risk_before: plan.risk, risk },
  }
}
