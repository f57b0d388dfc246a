import { isApprover } from '../../tools/approvers.ts'
import { announceHold, byItself } from '../outbox/announce.ts'
import type { Queries } from '../store/database.ts'
import {
  isApproved,
  lapseDecisions,
  moveHold,
  standingDecisionsOn,
  type Hold,
  type StandingDecision,
} from '../store/holds.ts'
import { isLive } from '../store/principals.ts'

/** What of an approved hold's approvals no longer counts, and whether the rest is enough. */
export interface Standing {
  readonly isApproved: boolean
  readonly lapsed: readonly StandingDecision[]
}

/** An approval counts as long as its person could still give it under the same token. */
export async function standingOf(queries: Queries, hold: Hold, nowMs: number): Promise<Standing> {
  const decisions = await standingDecisionsOn(queries, hold.id)
  const lapsed = decisions.filter((decision) => !couldGive(hold, decision, nowMs))
  const rest = decisions.filter((decision) => !lapsed.includes(decision))
  return { isApproved: isApproved(hold, rest), lapsed }
}

/** Lets a hold that the caller has locked wait again, without the approvals that have lapsed. */
export async function reopen(
  queries: Queries,
  hold: Hold,
  { lapsed }: Standing,
  { nowMs, requestId }: { readonly nowMs: number; readonly requestId: string },
): Promise<Hold> {
  const ids = lapsed.map(({ id }) => id)
  await lapseDecisions(queries, ids, new Date(nowMs))
  const reopened = await moveHold(queries, hold.id, { state: 'pending', decided_at: null })
  const approvers = lapsed.map((one) => ({ id: one.approver_id, name: one.approver_name }))
  await announceHold(queries, nowMs, 'approval.reopened', reopened, byItself(requestId), {
    lapsed: approvers,
  })
  return reopened
}

function couldGive(hold: Hold, decision: StandingDecision, nowMs: number): boolean {
  const { token, tiers } = decision
  const person = {
    id: decision.approver_id,
    name: decision.approver_name,
    capabilities: new Set<string>(token.capabilities),
  }
  return (
    isLive(token, nowMs) &&
    (token.zone_id === null || token.zone_id === hold.zone_id) &&
    person.capabilities.has('approve') &&
    hold.requirements.every(
      ({ tier, approver }) => !tiers.includes(tier) || isApprover(person, approver),
    )
  )
}
