import type { InputOf } from '../../../tools/catalogue.ts'
import type { Call, Refusal } from '../../gate/handler.ts'
import type { AdminPrincipal } from '../../gate/principal.ts'
import { refuse } from '../../kernel/faults.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import { limits } from '../../kernel/limits.ts'
import {
  approvalsOf,
  insertApproval,
  lockPlan,
  updatePlan,
  type ApprovalRecord,
  type PlanRecord,
} from '../../store/plans.ts'
import { countApprovers } from '../../store/principals.ts'
import { lockBase, planForChange } from './plan-lookup.ts'
import { planDigest, planView, stateOf, type PlanView, type Preview } from './plan-view.ts'

/** A person's decision on exactly the plan with this digest. */
export async function approvePlan(call: Call, input: InputOf<'plans.approve'>): Promise<PlanView> {
  const approver = personOf(call)
  const plan = await planForChange(call, input.plan_id)
  // What autopilot has given is taken back by its switch; a person's approval stands by itself.
  const earlier = (await approvalsOf(call.queries, [plan.id])).filter(
    (approval) => approval.kind === 'person' && counts(approval, plan, call.nowMs),
  )
  refuseUnlessWaiting(plan, earlier.length, call.nowMs)
  if (input.digest !== plan.digest || planDigest(plan) !== plan.digest)
    refuse('approval_mismatch', 'This is not the plan that you have seen: show it again.', {
      details: { approved: input.digest, plan: planDigest(plan) },
    })
  if (plan.reach === 'platform' && approver.zone !== null)
    refuse('global_scope_required', 'A plan of the platform is approved with global scope.')
  await lockBase(call.queries, plan)
  const breakGlass = await checkSecondPerson(call, plan, approver, input.reason)
  if (earlier.some((approval) => approval.approver_id === approver.id))
    refuse('plan_state', 'You have approved this plan; another person is awaited.')
  await insertApproval(call.queries, {
    ...decisionOf(call, approver, plan, input.digest),
    decision: 'approve',
    reason: input.reason ?? null,
    break_glass: breakGlass,
  })
  const enough = earlier.length + 1 >= plan.approvals_required
  const updated = await updatePlan(call.queries, plan.id, {
    state: enough ? 'approved' : plan.state,
    updated_at: call.now,
  })
  return planView(updated, await approvalsOf(call.queries, [plan.id]), call.nowMs)
}

/** A person's refusal; whoever asked sees the reason. */
export async function rejectPlan(call: Call, input: InputOf<'plans.reject'>): Promise<PlanView> {
  const approver = personOf(call)
  const plan = await planForChange(call, input.plan_id)
  const state = stateOf(plan, call.nowMs)
  if (!['previewed', 'pending_approval', 'approved', 'stale'].includes(state))
    refuse('plan_state', `This plan is ${state}; there is nothing to reject.`, {
      details: { state },
    })
  await insertApproval(call.queries, {
    ...decisionOf(call, approver, plan, plan.digest ?? ''),
    decision: 'reject',
    reason: input.reason,
    break_glass: false,
  })
  const updated = await updatePlan(call.queries, plan.id, {
    state: 'rejected',
    updated_at: call.now,
  })
  return planView(updated, await approvalsOf(call.queries, [plan.id]), call.nowMs)
}

/** Whether a decision still counts for the plan as it is. */
export function counts(approval: ApprovalRecord, plan: PlanRecord, nowMs: number): boolean {
  return (
    approval.decision === 'approve' &&
    approval.digest === plan.digest &&
    approval.consumed_at === null &&
    approval.expires_at.getTime() > nowMs
  )
}

/** Approvals come from people: no automation and no mandate gives one. */
function personOf(call: Call): AdminPrincipal {
  const { principal } = call
  return principal.kind === 'admin' && principal.person
    ? principal
    : refuse('person_required', 'A person decides on a plan; this credential is not one’s own.')
}

/** A plan whose approvals have run out waits again: an approved one is not approved for good. */
function refuseUnlessWaiting(plan: PlanRecord, approvals: number, nowMs: number): void {
  const state = stateOf(plan, nowMs)
  if (state === 'pending_approval') return
  if (state === 'approved' && approvals < plan.approvals_required) return
  if (state === 'expired') refuse('plan_expired', 'This plan has expired; propose it again.')
  if (state === 'stale') refuse('stale', 'This plan is stale; preview it again.')
  refuse('plan_state', `This plan is ${state}; it does not wait for an approval.`, {
    details: { state },
  })
}

/**
 * High and critical risk need somebody else than the requester, where there is somebody. With one
 * administrator alone it is a break-glass, which takes a typed reason. Answers whether it was one.
 */
async function checkSecondPerson(
  call: Call,
  plan: PlanRecord,
  approver: AdminPrincipal,
  reason: string | undefined,
): Promise<boolean> {
  const grave = plan.risk === 'high' || plan.risk === 'critical'
  if (!grave || approver.id !== plan.requester_id) return false
  const { second_person: demanded } = (plan.preview as Preview).policy
  const others = await countApprovers(call.queries, reachOf(plan), plan.requester_id, call.now)
  if (others === 0 && demanded)
    refuse('second_person_required', 'Who could approve is gone: preview it again to go on alone.')
  if (others > 0)
    refuse('second_person_required', `A ${plan.risk}-risk plan is approved by another person.`)
  if (reason === undefined)
    refuse(
      'break_glass_reason_required',
      `You alone can approve, and this plan is of ${plan.risk} risk: give a reason.`,
    )
  return true
}

function reachOf(plan: PlanRecord): ZoneId | null {
  return plan.reach === 'platform' ? null : (plan.zone_id as ZoneId)
}

function decisionOf(call: Call, approver: AdminPrincipal, plan: PlanRecord, digest: string) {
  return {
    id: call.newId('approval'),
    zone_id: plan.zone_id,
    plan_id: plan.id,
    approver_id: approver.id,
    approver_name: approver.name,
    approver_token_id: approver.tokenId,
    digest,
    created_at: call.now,
    expires_at: new Date(call.nowMs + limits.approvalTtlMs),
    consumed_at: null,
  }
}

/** An approval that came too late says so on the plan. */
export async function approveRefused(
  { queries, zone, fault, now }: Refusal,
  input: InputOf<'plans.approve'>,
): Promise<void> {
  if (fault.code !== 'stale') return
  const plan = await lockPlan(queries, zone, input.plan_id)
  if (plan?.state !== 'pending_approval') return
  await updatePlan(queries, plan.id, {
    state: 'stale',
    failure: JSON.stringify({ code: fault.code, message: fault.message }),
    updated_at: now,
  })
}
