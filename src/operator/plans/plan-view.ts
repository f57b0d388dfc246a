import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { OutputOf } from '../../../tools/catalogue.ts'
import { digestOf } from '../../kernel/canonical.ts'
import type { ApprovalRecord, PlanRecord } from '../../store/plans.ts'

export type PlanView = OutputOf<'plans.get'>
type Since = Omit<NonNullable<PlanRecord['since']>, 'preview'>
export type Preview = NonNullable<PlanView['preview']>

/**
 * The digest of a plan: SHA-256 over the RFC 8785 form of everything that was shown, given and
 * assumed. It is computed from the stored plan itself, so a plan that was altered afterwards no
 * longer has the digest that was approved.
 */
export function planDigest(
  plan: Pick<
    PlanRecord,
    | 'zone_id'
    | 'reach'
    | 'requester_id'
    | 'base_revisions'
    | 'policy_set_version_id'
    | 'steps'
    | 'preview'
    | 'assigned_ids'
    | 'risk'
    | 'approvals_required'
    | 'undoes'
  > & { readonly since: Since | null },
): string {
  return digestOf({
    zone: plan.zone_id,
    reach: plan.reach,
    requester: plan.requester_id,
    base_revisions: plan.base_revisions,
    policy_set_version: plan.policy_set_version_id,
    steps: plan.steps,
    preview: plan.preview,
    assigned_ids: plan.assigned_ids,
    risk: plan.risk,
    approvals_required: plan.approvals_required,
    // Plans of before there were these words have digests without them.
    ...(plan.undoes !== null && { undoes: plan.undoes }),
    ...(plan.since !== null && { since: sinceView(plan.since) }),
  })
}

/** A plan as every surface shows it. A plan whose time is over says so, whatever its row says. */
export function planView(
  row: PlanRecord,
  approvals: readonly ApprovalRecord[],
  nowMs: number,
): PlanView {
  return {
    id: row.id,
    zone_id: row.zone_id,
    reach: row.reach,
    state: stateOf(row, nowMs),
    digest: row.digest,
    base_revisions: row.base_revisions,
    policy_set_version_id: row.policy_set_version_id,
    requester: { id: row.requester_id, name: row.requester_name },
    origin: row.origin,
    undoes: row.undoes,
    intent: row.intent,
    summary: row.summary,
    steps: row.steps as PlanView['steps'],
    preview: row.preview as PlanView['preview'],
    since: row.since === null ? null : sinceView(row.since),
    risk: row.risk as PlanView['risk'],
    approvals_required: row.approvals_required,
    approvals: approvals.filter((approval) => approval.plan_id === row.id).map(approvalView),
    failure: row.failure,
    request_id: row.request_id,
    revision: row.revision,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  }
}

function sinceView({ digest, approved, differences }: Since): NonNullable<PlanView['since']> {
  return { digest, approved, differences: [...differences] } as NonNullable<PlanView['since']>
}

const open: readonly string[] = ['draft', 'previewed', 'pending_approval', 'approved']

export function stateOf(
  row: Pick<PlanRecord, 'state' | 'expires_at'>,
  nowMs: number,
): PlanView['state'] {
  const over = open.includes(row.state) && row.expires_at.getTime() <= nowMs
  return over ? 'expired' : (row.state as PlanView['state'])
}

/** The same of rows that are not read yet. */
export function isInState(state: PlanView['state'], now: Date): RawBuilder<SqlBool> {
  const over = sql<SqlBool>`state = any(${open}) and expires_at <= ${now}`
  return state === 'expired'
    ? sql<SqlBool>`(state = 'expired' or ${over})`
    : sql<SqlBool>`(state = ${state} and not (${over}))`
}

function approvalView(row: ApprovalRecord): PlanView['approvals'][number] {
  return {
    id: row.id,
    approver: { id: row.approver_id, name: row.approver_name },
    digest: row.digest,
    decision: row.decision,
    kind: row.kind,
    ...(row.proof !== null && { proof: row.proof }),
    reason: row.reason,
    break_glass: row.break_glass,
    at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  }
}
