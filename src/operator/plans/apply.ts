import { z } from 'zod'
import type { InputOf, OutputOf } from '../../../tools/catalogue.ts'
import { metaOf } from '../../../tools/fields.ts'
import { recordEvents } from '../../audit/record.ts'
import type { GateContext } from '../../gate/context.ts'
import type { Call, PrepareRequest, Refusal } from '../../gate/handler.ts'
import type { ControlPrincipal, Principal } from '../../gate/principal.ts'
import type { StepRun } from '../../gate/steps.ts'
import { refuse, type FaultCode } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import { seeEveryZone } from '../../store/database.ts'
import {
  approvalsOf,
  consumeApprovals,
  lockPlan,
  updatePlan,
  type PlanRecord,
} from '../../store/plans.ts'
import { useOnce } from '../../store/used-once.ts'
import { counts } from './approve.ts'
import { runReleased } from '../autopilot/at-apply.ts'
import { lockBase, planForChange, planOf } from './plan-lookup.ts'
import { planDigest, planView, stateOf } from './plan-view.ts'
import { isAsShown } from './run-steps.ts'

type Applied = OutputOf<'plans.apply'>

/** Where a plan's mandate comes from: the STS, which decides on the approvals by itself. */
export interface Mandates {
  forPlan(planId: string, requestId: string, traceId: string | undefined): Promise<ControlPrincipal>
}

/**
 * Checks what needs no lock and asks the STS for the mandate of the plan: 60 seconds, single use,
 * for this digest alone. Null for a plan that has been applied before.
 */
export async function prepareApply(
  context: GateContext,
  mandates: Mandates,
  request: PrepareRequest,
  input: InputOf<'plans.apply'>,
): Promise<ControlPrincipal | null> {
  const read = () =>
    context.db.transaction(request.zone, (queries) => planOf(queries, request.zone, input.plan_id))
  const plan = await read()
  if (plan.state === 'applied') return null
  refuseUnlessApproved(plan, input.digest, context.clock.now())
  try {
    return await mandates.forPlan(input.plan_id, request.requestId, request.traceId)
  } catch (error) {
    // Another call may have applied it while the STS was asked, and used up what it stands on.
    if ((await read()).state === 'applied') return null
    throw error
  }
}

/**
 * Runs the steps under the plan's mandate and commits them together, or nothing. What they did is
 * compared with what was approved before anything is kept.
 */
export async function applyPlan(
  context: GateContext,
  call: Call,
  input: InputOf<'plans.apply'>,
  mandate: ControlPrincipal | null,
): Promise<Applied> {
  const plan = await planForChange(call, input.plan_id)
  if (plan.state === 'applied') return replay(call, plan)
  refuseUnlessApproved(plan, input.digest, call.nowMs)
  if (mandate?.plan?.id !== plan.id || mandate.plan.digest !== plan.digest)
    refuse('approval_mismatch', 'The mandate was minted for another digest of this plan.')
  await lockBase(call.queries, plan)
  const until = new Date(call.nowMs + limits.planMandateTtlSeconds * 1_000)
  const use = { purpose: 'plan_mandate', value: mandate.jti, until } as const
  if (!(await useOnce(call.queries, call.zone, use)))
    refuse('approval_not_valid', 'This mandate has been used.')
  if (plan.reach === 'platform') await seeEveryZone(call.queries)
  const released = (await approvalsOf(call.queries, [plan.id])).filter((approval) =>
    counts(approval, plan, call.nowMs),
  )
  const runs = await runReleased(context, { ...call, principal: mandate }, plan, released)
  refuseDivergence(plan, runs)
  await consumeApprovals(call.queries, plan.id, call.now)
  const events = runs.map((run) => run.event)
  const ids = await recordEvents(call.queries, call.nowMs, events)
  const updated = await updatePlan(call.queries, plan.id, {
    state: 'applied',
    request_id: call.requestId,
    updated_at: call.now,
  })
  const approvals = await approvalsOf(call.queries, [plan.id])
  const isApprover = released.some((approval) => approval.approver_id === call.principal.id)
  return {
    plan: planView(updated, approvals, call.nowMs),
    replayed: false,
    events: events.map(({ zone, type, outcome }, i) => ({
      id: ids[i] ?? '',
      zone_id: zone,
      type,
      outcome,
    })),
    secrets: isApprover && isPerson(call.principal) ? secretsOf(runs) : [],
  }
}

/** A refused apply moves the plan on where it can never be applied as it is. */
export async function applyRefused(
  { queries, zone, fault, now }: Refusal,
  input: InputOf<'plans.apply'>,
): Promise<void> {
  // Locked: another call may be applying it at this moment, and what that did must stand.
  const plan = await lockPlan(queries, zone, input.plan_id)
  if (plan?.state !== 'approved' || stays.has(fault.code)) return
  await updatePlan(queries, plan.id, {
    state: fault.code === 'stale' ? 'stale' : 'failed',
    failure: JSON.stringify({ code: fault.code, message: fault.message }),
    updated_at: now,
  })
}

/** Refusals that say nothing about the plan: it can be applied by another call. */
const stays: ReadonlySet<FaultCode> = new Set([
  'approval_required',
  'approval_expired',
  'approval_mismatch',
  'autopilot_off',
  'plan_expired',
  'not_ready',
  'internal',
  'conflict',
  'revision_conflict',
  'idempotency_key_reused',
])

function refuseUnlessApproved(plan: PlanRecord, digest: string | undefined, nowMs: number): void {
  if (planDigest(plan) !== plan.digest || (digest !== undefined && digest !== plan.digest))
    refuse('approval_mismatch', 'This is not the plan that was approved; nothing was done.')
  const state = stateOf(plan, nowMs)
  if (state === 'approved') return
  if (state === 'pending_approval')
    refuse('approval_required', 'This plan waits for a person’s approval.', {
      details: { digest: plan.digest, approvals_required: plan.approvals_required },
    })
  if (state === 'expired') refuse('plan_expired', 'This plan has expired; propose it again.')
  if (state === 'stale') refuse('stale', 'This plan is stale; preview it again.')
  refuse('plan_state', `This plan is ${state} and cannot be applied.`, { details: { state } })
}

/** The diff of the run must be, byte for byte, the one that was shown. */
function refuseDivergence(plan: PlanRecord, runs: readonly StepRun[]): void {
  if (!isAsShown(plan, runs))
    refuse('plan_diverged', 'It would do something else than was approved; nothing was done.')
}

async function replay(call: Call, plan: PlanRecord): Promise<Applied> {
  const approvals = await approvalsOf(call.queries, [plan.id])
  return { plan: planView(plan, approvals, call.nowMs), replayed: true, events: [], secrets: [] }
}

function secretsOf(runs: readonly StepRun[]): Applied['secrets'] {
  return runs.flatMap((run) => {
    const { output: schema } = run.operation
    if (!(schema instanceof z.ZodObject)) return []
    return Object.entries(run.output as Record<string, unknown>).flatMap(([field, value]) => {
      const shape = schema.shape[field] as z.ZodType | undefined
      const secret = shape !== undefined && metaOf(shape).secret === true
      return secret && typeof value === 'string' ? [{ step: run.step.id, field, value }] : []
    })
  })
}

function isPerson(principal: Principal): boolean {
  return principal.kind === 'admin' && principal.person
}
