import type { Insertable, Selectable, Updateable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ApprovalRow, PlanRow } from './schema-operator.ts'

export type PlanRecord = Selectable<PlanRow>
export type ApprovalRecord = Selectable<ApprovalRow>

/** Index: primary key. */
export async function findPlan(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<PlanRecord | undefined> {
  return queries
    .selectFrom('plans')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .executeTakeFirst()
}

/** The same, locked: two transitions of one plan come one after the other. */
export async function lockPlan(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<PlanRecord | undefined> {
  return queries
    .selectFrom('plans')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .forUpdate()
    .executeTakeFirst()
}

export async function insertPlan(queries: Queries, plan: Insertable<PlanRow>): Promise<PlanRecord> {
  return queries.insertInto('plans').values(plan).returningAll().executeTakeFirstOrThrow()
}

/** Changes a plan and moves its revision on. */
export async function updatePlan(
  queries: Queries,
  id: string,
  patch: Updateable<PlanRow>,
): Promise<PlanRecord> {
  return queries
    .updateTable('plans')
    .set((eb) => ({ ...patch, revision: eb('revision', '+', 1) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** The decisions on some plans, in order. Index: approvals_plan. */
export async function approvalsOf(
  queries: Queries,
  planIds: readonly string[],
): Promise<readonly ApprovalRecord[]> {
  if (planIds.length === 0) return []
  return queries
    .selectFrom('approvals')
    .selectAll()
    .where('plan_id', 'in', [...planIds])
    .orderBy('id')
    .execute()
}

export async function insertApproval(
  queries: Queries,
  approval: Insertable<ApprovalRow>,
): Promise<void> {
  await queries.insertInto('approvals').values(approval).execute()
}

/** Ends the approvals of a plan that is another one from now on. */
export async function lapseApprovals(queries: Queries, planId: string, now: Date): Promise<void> {
  await queries
    .updateTable('approvals')
    .set({ expires_at: now })
    .where('plan_id', '=', planId)
    .where('expires_at', '>', now)
    .execute()
}

/** Uses up the approvals of a digest: none of them can release anything again. */
export async function consumeApprovals(queries: Queries, planId: string, now: Date): Promise<void> {
  await queries
    .updateTable('approvals')
    .set({ consumed_at: now })
    .where('plan_id', '=', planId)
    .where('consumed_at', 'is', null)
    .execute()
}

/**
 * The plans that some requests of a conversation have made since a time, by their events, oldest
 * first. Index: events_logged_request.
 */
export async function plansOfRequests(
  queries: Queries,
  conversationId: string,
  requestIds: readonly string[],
  since: Date,
): Promise<readonly string[]> {
  const rows = await queries
    .selectFrom('plans')
    .select('id')
    .where('conversation_id', '=', conversationId)
    .where('created_at', '>=', since)
    .where(
      'id',
      'in',
      queries
        .selectFrom('events')
        .select('plan_id')
        .where('request_id', 'in', requestIds)
        .where('outcome', '=', 'applied'),
    )
    .orderBy('id')
    .execute()
  return rows.map(({ id }) => id)
}
