import { sql } from 'kysely'
import { approvalStates } from '../../tools/approvals.ts'
import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { isApprover, type Approver } from '../../tools/approvers.ts'
import { announceHold } from '../outbox/announce.ts'
import { refuse } from '../kernel/faults.ts'
import {
  approvalsOf,
  countHolds,
  decisionsOn,
  findHold,
  insertDecision,
  isApproved,
  isInState,
  lockHold,
  moveHold,
  stateOf,
  type Hold,
  type HoldDecision,
} from '../store/holds.ts'
import { readPage } from '../store/pages.ts'
import type { Tx } from '../store/tx.ts'
import type { AdminCall, AdminHandlers } from './handlers.ts'
import { isoOrNull } from './views.ts'

type ApprovalView = OutputOf<'approvals.get'>
type Decision = HoldDecision['decision']

/** A person with an admin token of their own. */
interface Person extends Approver {
  readonly tokenId: string
}

export function approvalHandlers(): AdminHandlers<'approvals'> {
  return {
    async 'approvals.list'(tx, input) {
      const where = [sql`zone_id = ${tx.zone}`]
      if (input.state !== undefined) where.push(isInState(input.state, tx.now))
      const { rows, nextCursor } = await readPage<Hold>(tx.queries, {
        table: 'holds',
        where,
        by: 'id',
        order: 'desc',
        limit: input.limit,
        cursor: input.cursor,
      })
      const ids = rows.map(({ id }) => id)
      const byHold = Map.groupBy(await decisionsOn(tx.queries, ids), ({ hold_id }) => hold_id)
      const items = rows.map((hold) => approvalView(hold, byHold.get(hold.id) ?? [], tx.nowMs))
      return { items, next_cursor: nextCursor }
    },

    async 'approvals.counts'(tx) {
      const counts = await countHolds(tx.queries, tx.zone, approvalStates, tx.now)
      const entries = approvalStates.map((state) => [state, counts.get(state) ?? 0])
      return Object.fromEntries(entries) as OutputOf<'approvals.counts'>
    },

    async 'approvals.get'(tx, { approval_id: id }) {
      const hold = (await findHold(tx.queries, tx.zone, id)) ?? refuseUnknown(id)
      return approvalView(hold, await decisionsOn(tx.queries, [hold.id]), tx.nowMs)
    },

    'approvals.approve': (tx, input) => decide(tx, input, 'approve'),
    'approvals.reject': (tx, input) => decide(tx, input, 'reject'),
  }
}

/**
 * A person's decision on a held request. One rejection ends it; approval needs the quorum of every
 * tier. The same decision of the same person is the first one again.
 */
async function decide(
  tx: AdminCall,
  input: InputOf<'approvals.approve'>,
  decision: Decision,
): Promise<ApprovalView> {
  const person = personOf(tx)
  const { approval_id: id, reason = null } = input
  const hold = (await lockHold(tx.queries, tx.zone, id)) ?? refuseUnknown(id)
  const earlier = await decisionsOn(tx.queries, [hold.id])
  const own = earlier.find((one) => one.approver_id === person.id && one.lapsed_at === null)
  if (own?.decision === decision) return approvalView(hold, earlier, tx.nowMs)
  refuseDecided(stateOf(hold, tx.nowMs), own)
  const tiers = hold.requirements.filter((one) => isApprover(person, one.approver))
  if (decision === 'approve' && tiers.length === 0) refuseOther(hold)
  await insertDecision(tx.queries, {
    id: tx.newId('decision'),
    zone_id: hold.zone_id,
    hold_id: hold.id,
    approver_id: person.id,
    approver_name: person.name,
    approver_token_id: person.tokenId,
    decision,
    tiers: tiers.map(({ tier }) => tier),
    reason,
    lapsed_at: null,
    created_at: tx.now,
  })
  const decisions = await decisionsOn(tx.queries, [hold.id])
  const decided = await moveOn(tx, hold, decisions, decision, reason)
  if (decided.state !== hold.state)
    await announceHold(tx.queries, tx.nowMs, 'approval.decided', decided, {
      actor: { kind: 'person', id: person.id, name: person.name },
      requestId: tx.requestId,
      traceId: tx.traceId,
    })
  return approvalView(decided, decisions, tx.nowMs)
}

/** The hold after a decision, which need not have settled it. */
async function moveOn(
  tx: Tx,
  hold: Hold,
  decisions: readonly HoldDecision[],
  decision: Decision,
  reason: string | null,
): Promise<Hold> {
  const decided_at = tx.now
  if (decision === 'reject')
    return moveHold(tx.queries, hold.id, { state: 'rejected', reason, decided_at })
  return moveHold(
    tx.queries,
    hold.id,
    isApproved(hold, decisions) ? { state: 'approved', decided_at } : {},
  )
}

/** A person decides: no automation, and no mandate, which the door has refused before. */
function personOf({ principal }: AdminCall): Person {
  const { person, tokenId, capabilities, id, name } = principal
  if (person !== true || tokenId === undefined || capabilities === undefined)
    refuse('person_required', 'A person decides on an approval; this credential is not one’s own.')
  return { id, name, tokenId, capabilities }
}

function refuseDecided(state: Hold['state'], own: HoldDecision | undefined): void {
  if (state === 'expired')
    refuse('approval_expired', 'This approval has expired; the client has to ask anew.')
  if (state !== 'pending')
    refuse('approval_state', `This approval is ${state}; there is nothing to decide.`, {
      details: { state },
    })
  if (own !== undefined)
    refuse('approval_state', `You have decided already: ${own.decision}.`, {
      details: { state, decision: own.decision },
    })
}

function refuseOther({ requirements }: Hold): never {
  const approvers = [...new Set(requirements.map(({ approver }) => approver))]
  return refuse('approver_required', `Others approve this: ${approvers.join(', ')}.`, {
    details: { approvers },
  })
}

function refuseUnknown(id: string): never {
  return refuse('not_found', 'There is no such approval in this zone.', { details: { id } })
}

function approvalView(hold: Hold, decisions: readonly HoldDecision[], nowMs: number): ApprovalView {
  return {
    id: hold.id,
    zone_id: hold.zone_id,
    state: stateOf(hold, nowMs),
    application: { id: hold.application_id, name: hold.application_name },
    resource: { id: hold.resource_id, identifier: hold.resource_identifier },
    scopes: hold.scopes,
    session_id: hold.session_id,
    user_id: hold.user_id,
    policy_set_version_id: hold.policy_set_version_id,
    tier: hold.requirements[0]?.tier ?? '',
    tiers: hold.requirements.map((one) => ({
      tier: one.tier,
      approver: one.approver,
      quorum: one.quorum,
      approvals: approvalsOf(one, decisions),
      scopes: [...one.scopes],
    })),
    decisions: decisions.map((one) => ({
      approver: { id: one.approver_id, name: one.approver_name },
      decision: one.decision,
      tiers: one.tiers,
      reason: one.reason,
      at: one.created_at.toISOString(),
      lapsed_at: isoOrNull(one.lapsed_at),
    })),
    reason: hold.reason,
    revision: hold.revision,
    request_id: hold.request_id,
    mandate_jti: hold.mandate_jti,
    created_at: hold.created_at.toISOString(),
    expires_at: hold.expires_at.toISOString(),
    decided_at: isoOrNull(hold.decided_at),
    consumed_at: isoOrNull(hold.consumed_at),
  }
}
