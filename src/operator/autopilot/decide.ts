import type { PlatformEvent } from '../../audit/event.ts'
import { recordEvents } from '../../audit/record.ts'
import { asFault } from '../../gate/database-faults.ts'
import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import { seeOutcome, takenBack } from '../../gate/outcome.ts'
import { platform, type AdminPrincipal } from '../../gate/principal.ts'
import { isFault } from '../../kernel/faults.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import { limits } from '../../kernel/limits.ts'
import {
  holdSwitch,
  isOptedIn,
  lockConversation,
  lockWritesOfDay,
  spendWrites,
  type AutopilotSwitch,
} from '../../store/autopilot.ts'
import type { ConversationRecord } from '../../store/conversations.ts'
import type { Queries } from '../../store/database.ts'
import { insertApproval, lockPlan, updatePlan, type PlanRecord } from '../../store/plans.ts'
import { openTx } from '../../store/tx.ts'
import { lockBase } from '../plans/plan-lookup.ts'
import { planDigest, stateOf } from '../plans/plan-view.ts'
import { isAsShown, runSteps } from '../plans/run-steps.ts'
import { planFacts, type PlanParts, type ProofFacts } from './facts.ts'
import { failuresOf, type Failed } from './obligations.ts'
import { authorityOf, personFacts } from './person.ts'
import { proofOf, type Proof } from './proof.ts'
import { dayOf } from './switch.ts'

/** A plan that a conversation has made. */
export interface Asked {
  readonly zone: ZoneId
  readonly conversationId: string
  readonly planId: string
  readonly requestId: string
  readonly traceId: string | undefined
}

/** What autopilot says of a plan; null: it was not asked, or the plan waits for nobody. */
type Verdict =
  | { readonly approved: true; readonly digest: string }
  | { readonly approved: false; readonly failed: readonly Failed[] }
  | null

interface Opened {
  readonly call: Call
  readonly plan: PlanRecord
  readonly conversation: ConversationRecord
  readonly person: AdminPrincipal | null
  readonly control: AutopilotSwitch
}

/**
 * Approves a plan for the person who has opted in, where every obligation holds on what its steps
 * were just seen to do; else leaves it to people. Either is one event, in the same transaction.
 */
export function decideOn(context: GateContext, asked: Asked): Promise<Verdict> {
  return context.db.transaction(asked.zone, async (queries) => {
    const tx = openTx(queries, asked.zone, context.clock.now())
    const { requestId, traceId } = asked
    const plan = await lockPlan(queries, asked.zone, asked.planId)
    if (plan === undefined || plan.digest === null) return null
    if (stateOf(plan, tx.nowMs) !== 'pending_approval') return null
    if (!(await isOptedIn(queries, asked.zone, asked.conversationId))) return null
    // Locked in the order in which an apply locks: plan, zone, switch, conversation.
    const isBase = await isUnmoved(queries, plan)
    const control = await holdSwitch(queries)
    const conversation = await lockConversation(queries, asked.zone, asked.conversationId)
    if (conversation === undefined) return null
    const person = await authorityOf(queries, conversation.autopilot_token_id, tx.nowMs)
    const principal = (await authorityOf(queries, plan.requester_token_id, tx.nowMs)) ?? platform
    const call: Call = {
      ...{ ...tx, principal, requestId, traceId },
      surface: 'api',
      rehearsal: true,
    }
    const opened = { call, plan, conversation, person, control }
    const facts = await factsOf(context, opened, isBase && principal.kind === 'admin')
    const failed = failuresOf(facts, 'whole')
    const proof = failed.length === 0 ? proofOf(facts) : null
    if (proof !== null) await approve(opened, plan.digest, proof)
    await recordEvents(queries, tx.nowMs, [eventOf(opened, asked, proof, failed)])
    return proof === null ? { approved: false, failed } : { approved: true, digest: plan.digest }
  })
}

/** Whether the zone is as it was previewed on, and the plan as it was shown. */
async function isUnmoved(queries: Queries, plan: PlanRecord): Promise<boolean> {
  try {
    await lockBase(queries, plan)
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
  return planDigest(plan) === plan.digest
}

async function factsOf(context: GateContext, opened: Opened, canRun: boolean): Promise<ProofFacts> {
  const { call, plan, conversation, person, control } = opened
  const facts: ProofFacts = {
    plan: planFacts(plan as PlanParts),
    switched_on: control.enabled,
    conversation: {
      id: conversation.id,
      zone: conversation.zone_id,
      own: plan.conversation_id === conversation.id && plan.origin === 'chat',
      mode: conversation.mode,
      opted_in: conversation.autopilot_token_id !== null,
    },
    person: personFacts(person, call.zone),
    budget: {
      plan: { spent: 0, limit: control.writes_per_plan },
      conversation: {
        spent: conversation.autopilot_writes,
        limit: control.writes_per_conversation,
      },
      day: {
        spent: await lockWritesOfDay(call.queries, dayOf(call.now)),
        limit: control.writes_per_day,
      },
    },
    outcome: null,
  }
  // What a plan says of itself is enough to leave most to people; only the rest is run.
  if (!canRun || failuresOf(facts, 'plan').length > 0) return facts
  return { ...facts, outcome: await rehearsedOutcome(context, call, plan) }
}

async function rehearsedOutcome(
  context: GateContext,
  call: Call,
  plan: PlanRecord,
): Promise<ProofFacts['outcome']> {
  try {
    return await takenBack(call, async () => {
      const seen = await seeOutcome(context, call, () => runSteps(context, call, plan))
      return seen.outcome && { ...seen.outcome, as_shown: isAsShown(plan, seen.result) }
    })
  } catch (error) {
    if (asFault(error) === null) throw error
    return null
  }
}

async function approve(opened: Opened, digest: string, proof: Proof): Promise<void> {
  const { call, plan, conversation, control } = opened
  const { queries, now } = call
  await insertApproval(queries, {
    id: call.newId('approval'),
    zone_id: plan.zone_id,
    plan_id: plan.id,
    approver_id: conversation.principal_id,
    approver_name: conversation.principal_name,
    approver_token_id: conversation.autopilot_token_id ?? conversation.token_id,
    digest,
    decision: 'approve',
    kind: 'autopilot',
    proof: JSON.stringify(proof),
    switch_generation: control.generation,
    reason: null,
    break_glass: false,
    created_at: now,
    expires_at: new Date(call.nowMs + limits.approvalTtlMs),
    consumed_at: null,
  })
  await updatePlan(queries, plan.id, { state: 'approved', updated_at: now })
  const writes = proof.facts.plan.changes.length
  await spendWrites(queries, { conversation: conversation.id, day: dayOf(now), writes })
}

/** For whom, and by what proof; or what did not hold. */
function eventOf(
  { call, plan, conversation }: Opened,
  asked: Asked,
  proof: Proof | null,
  failed: readonly Failed[],
): PlatformEvent {
  return {
    zone: asked.zone,
    type: 'autopilot.approve',
    outcome: proof === null ? 'refused' : 'applied',
    actor: { kind: 'platform', id: platform.id, name: autopilotName },
    onBehalfOf: { id: conversation.principal_id, name: conversation.principal_name },
    requestId: call.requestId,
    traceId: call.traceId,
    planId: plan.id,
    reason: failed[0]?.obligation,
    diagnostics: {
      conversation: conversation.id,
      digest: plan.digest,
      ...(proof === null ? { failed } : { proof }),
    },
  }
}

/** As the log names whoever approves and applies by proof. */
export const autopilotName = 'caracal.sys/autopilot'
