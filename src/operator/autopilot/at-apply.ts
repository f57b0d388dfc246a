import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import { seeOutcome } from '../../gate/outcome.ts'
import type { StepRun } from '../../gate/steps.ts'
import { refuse } from '../../kernel/faults.ts'
import { holdSwitch, lockConversation } from '../../store/autopilot.ts'
import type { ApprovalRecord, PlanRecord } from '../../store/plans.ts'
import { isAsShown, runSteps } from '../plans/run-steps.ts'
import { planFacts, type PlanParts, type ProofFacts } from './facts.ts'
import { failuresOf } from './obligations.ts'
import { authorityOf, personFacts } from './person.ts'
import type { Proof } from './proof.ts'

/**
 * Runs the steps of an approved plan. Where it is autopilot's approval that releases it, the switch
 * must still be on as it was, its person must still be in, and every obligation must hold on what the
 * steps have now done; else nothing of it is kept.
 */
export async function runReleased(
  context: GateContext,
  call: Call,
  plan: PlanRecord,
  released: readonly ApprovalRecord[],
): Promise<readonly StepRun[]> {
  const people = new Set(
    released.filter(({ kind }) => kind === 'person').map((approval) => approval.approver_id),
  )
  if (people.size >= plan.approvals_required) return runSteps(context, call, plan)
  const approval = released.find(({ kind }) => kind === 'autopilot')
  // The STS has counted the approvals; what it counted has run out in between.
  if (approval === undefined || approval.proof === null)
    refuse('approval_expired', 'The approval of this plan has expired.')
  const { facts } = approval.proof as unknown as Proof
  const standing = await standingOf(call, plan, approval, facts)
  if (!standing.switched_on || !standing.conversation.opted_in)
    refuse(
      'autopilot_off',
      'Autopilot approved this plan and has been switched off since: a person decides now.',
    )
  const seen = await seeOutcome(context, call, () => runSteps(context, call, plan))
  const as_shown = isAsShown(plan, seen.result)
  const outcome = seen.outcome && { ...seen.outcome, as_shown }
  const now = { ...facts, ...standing, plan: planFacts(plan as PlanParts), outcome }
  const [failed] = failuresOf(now, 'whole')
  if (failed !== undefined)
    refuse('autopilot_unproven', `What autopilot had proven does not hold: ${failed.reason}`, {
      details: { obligation: failed.obligation },
    })
  return seen.result
}

/** What may have changed since the approval: the switch, the opting in, the person's authority. */
async function standingOf(
  { queries, zone, nowMs }: Call,
  plan: PlanRecord,
  approval: ApprovalRecord,
  facts: ProofFacts,
): Promise<Pick<ProofFacts, 'switched_on' | 'conversation' | 'person'>> {
  const control = await holdSwitch(queries)
  const conversation =
    plan.conversation_id === null
      ? undefined
      : await lockConversation(queries, zone, plan.conversation_id)
  const person = await authorityOf(queries, approval.approver_token_id, nowMs)
  return {
    switched_on: control.enabled && control.generation === approval.switch_generation,
    conversation: {
      id: conversation?.id ?? '',
      zone: conversation?.zone_id ?? '',
      own: conversation?.id === facts.conversation.id,
      mode: conversation?.mode ?? 'ask',
      opted_in: conversation?.autopilot_token_id === approval.approver_token_id,
    },
    person: personFacts(person, zone),
  }
}
