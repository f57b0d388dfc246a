import type { Insertable } from 'kysely'
import type { InputOf } from '../../../tools/catalogue.ts'
import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import { previewSteps, type StepsPreview } from '../../gate/preview.ts'
import { adminPrincipal } from '../../gate/admin-token.ts'
import type { AdminPrincipal, Principal } from '../../gate/principal.ts'
import { reachOf, type AssignedIds, type Step } from '../../gate/steps.ts'
import { refuse } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import { seeEveryZone } from '../../store/database.ts'
import {
  approvalsOf,
  insertPlan,
  lapseApprovals,
  updatePlan,
  type PlanRecord,
} from '../../store/plans.ts'
import type { PlanRow } from '../../store/schema-operator.ts'
import { findToken, isLive } from '../../store/principals.ts'
import { lockZone, type Zone } from '../../store/zones.ts'
import { planForChange } from './plan-lookup.ts'
import { planDigest, planView, stateOf, type PlanView, type Preview } from './plan-view.ts'
import { provenanceOf } from './provenance.ts'
import { baseOf, differencesSince } from './rebase.ts'
import { raised } from '../review/raise.ts'

/**
 * Makes a plan of steps and previews it in the same transaction: what is stored was seen to run.
 * Nothing but the plan is written.
 */
export async function createPlan(
  context: GateContext,
  call: Call,
  input: InputOf<'plans.create'>,
): Promise<PlanView> {
  const origin = call.principal.kind === 'control' ? 'chat' : call.surface
  const draft = { ...input, reach: reachOf(input.steps), origin } as const
  const shown = await previewDraft(context, call, draft)
  if (call.principal.kind !== 'control') return keepPlan(call, draft, shown)
  const provenance = await provenanceOf(call, input.steps)
  return keepPlan(call, draft, { ...shown, preview: { ...shown.preview, provenance } })
}

/** A plan that is not yet kept. */
export interface Draft {
  readonly steps: readonly Step[]
  readonly reach: PlanRecord['reach']
  readonly intent: string
  readonly summary: string
  readonly origin: PlanRecord['origin']
  /** The plan that it undoes. */
  readonly undoes?: string
  /** What a person is to know beside what the preview has seen. */
  readonly warnings?: readonly string[]
}

/** Keeps a plan with what its preview has shown. */
export async function keepPlan(call: Call, draft: Draft, shown: Shown): Promise<PlanView> {
  const { reach, origin, intent, summary, undoes = null } = draft
  const requester_id = call.principal.id
  const owner = { zone_id: call.zone, reach, requester_id, undoes, since: null }
  const facts = { ...shown, ...owner }
  const row = await insertPlan(call.queries, {
    ...previewColumns(facts),
    id: call.newId('plan'),
    requester_name: call.principal.name,
    requester_token_id: tokenOf(call.principal),
    origin,
    conversation_id: call.principal.kind === 'control' ? call.principal.conversationId : null,
    intent,
    summary,
    failure: 'null',
    request_id: null,
    revision: 1,
    created_at: call.now,
    updated_at: call.now,
    expires_at: new Date(call.nowMs + limits.planTtlMs),
  })
  return planView(row, [], call.nowMs)
}

const previewable: readonly PlanView['state'][] = [
  'previewed',
  'pending_approval',
  'approved',
  'stale',
]

/**
 * Previews an open or stale plan on the present state. Its digest changes, so approvals lapse. A
 * rebase notes what is otherwise than in the preview that was approved, or else shown last.
 */
export async function previewAgain(
  context: GateContext,
  call: Call,
  planId: string,
  how: 'anew' | 'rebase',
): Promise<PlanView> {
  const row = await planForChange(call, planId)
  const state = stateOf(row, call.nowMs)
  if (!previewable.includes(state))
    refuse('plan_state', `This plan is ${state}; propose a new one.`, { details: { state } })
  if (row.requester_id !== call.principal.id)
    refuse('person_required', 'Only who asked for a plan previews it again: it is their authority.')
  if (row.undoes !== null)
    refuse('plan_state', `Undo plan ${row.undoes} anew: what depends on it by now counts too.`, {
      details: { state, undoes: row.undoes },
    })
  const { zone_id, reach, requester_id, undoes } = row
  const draft = { reach, steps: row.steps as readonly Step[], origin: row.origin }
  const fresh = await previewDraft(context, call, draft, how === 'anew' ? {} : row.assigned_ids)
  const kept = keepProvenance(fresh.preview, row.preview as Preview)
  const preview = await raised(context, call, reach, kept, row.review)
  const shown = { ...fresh, preview }
  const approvals = await approvalsOf(call.queries, [row.id])
  const since = how === 'anew' ? null : differencesSince(baseOf(row, approvals), shown.preview)
  await lapseApprovals(call.queries, row.id, call.now)
  const updated = await updatePlan(call.queries, row.id, {
    ...previewColumns({ ...shown, zone_id, reach, requester_id, undoes, since }),
    requester_token_id: tokenOf(call.principal),
    failure: 'null',
    updated_at: call.now,
  })
  return planView(updated, await approvalsOf(call.queries, [row.id]), call.nowMs)
}

/** The steps are the same, so that what they were made from is too. */
function keepProvenance(preview: StepsPreview, { provenance }: Preview): StepsPreview {
  return provenance === undefined ? preview : { ...preview, provenance }
}

export type Shown = Pick<
  PlanRecord,
  'steps' | 'assigned_ids' | 'base_revisions' | 'policy_set_version_id'
> & { readonly preview: StepsPreview }

/** Previews steps on the present state, under the lock of the zone and the requester's authority. */
export async function previewDraft(
  context: GateContext,
  call: Call,
  { reach, steps, origin, warnings = [] }: Pick<Draft, 'reach' | 'steps' | 'origin' | 'warnings'>,
  earlier: AssignedIds = {},
): Promise<Shown> {
  const { zone, principal } = await beginDraft(call, reach)
  const confined = origin === 'chat' || origin === 'mcp'
  const previewed = await previewSteps(context, { ...call, principal, confined }, steps, earlier)
  const { preview } = previewed
  return {
    steps: [...steps],
    preview: { ...preview, warnings: [...warnings, ...preview.warnings] },
    assigned_ids: previewed.assigned,
    base_revisions: { ...previewed.baseRevisions },
    policy_set_version_id: zone.active_policy_set_version_id,
  }
}

/** Locks the zone of a plan to be, and refuses whoever may not reach as far as it does. */
export async function beginDraft(
  call: Call,
  reach: PlanRecord['reach'],
): Promise<{ readonly zone: Zone; readonly principal: AdminPrincipal }> {
  const zone = await lockZone(call.queries, call.zone)
  if (zone === undefined || zone.system)
    refuse('system_zone_refused', 'No plan reaches a system zone.')
  const principal = await requesterOf(call)
  if (reach === 'platform') {
    if (principal.zone !== null)
      refuse('global_scope_required', 'A plan that reaches other zones needs global scope.')
    await seeEveryZone(call.queries)
  }
  return { zone, principal }
}

type PreviewColumns = Pick<
  Insertable<PlanRow>,
  | ('zone_id' | 'reach' | 'requester_id' | 'undoes' | 'since')
  | ('steps' | 'preview' | 'assigned_ids' | 'base_revisions' | 'policy_set_version_id')
  | ('risk' | 'approvals_required' | 'digest' | 'state')
>

/** The columns that a preview decides. */
export function previewColumns(
  facts: Shown & Pick<PlanRecord, 'zone_id' | 'reach' | 'requester_id' | 'undoes' | 'since'>,
): PreviewColumns {
  const shown = facts.preview
  const decided = { ...facts, risk: shown.risk, approvals_required: shown.policy.approvals }
  return {
    ...decided,
    digest: planDigest(asStored(decided)),
    state: stateAfter(shown),
    steps: JSON.stringify(facts.steps),
    preview: JSON.stringify(facts.preview),
    since: JSON.stringify(facts.since),
    assigned_ids: JSON.stringify(facts.assigned_ids),
    base_revisions: JSON.stringify(facts.base_revisions),
  }
}

/** The facts as they will be read back: what JSON has no word for is gone before the digest. */
function asStored<T>(facts: T): T {
  return JSON.parse(JSON.stringify(facts)) as T
}

function stateAfter(shown: StepsPreview): PlanView['state'] {
  const blocked = shown.steps.some((step) => step.effect === 'blocked')
  const empty = shown.steps.every((step) => step.effect === 'no-op')
  if (blocked || empty || shown.policy.decision === 'deny') return 'previewed'
  return shown.policy.approvals === 0 ? 'approved' : 'pending_approval'
}

/**
 * On whose authority the steps are previewed: the person's who asked, as their admin token has it
 * now. The Operator's own mandate could not run a single one of them.
 */
async function requesterOf(call: Call): Promise<AdminPrincipal> {
  if (call.principal.kind === 'admin') return call.principal
  const token = await findToken(call.queries, tokenOf(call.principal))
  if (token === undefined || !isLive(token, call.nowMs))
    refuse('invalid_admin_token', 'The credential under which this was asked for has ended.')
  return adminPrincipal(token)
}

function tokenOf(principal: Principal): string {
  return principal.kind === 'admin' || principal.kind === 'control'
    ? principal.tokenId
    : refuse('person_required', 'Only a person or an automation proposes plans.')
}
