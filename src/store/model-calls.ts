import { sql, type Insertable, type Selectable, type Updateable } from 'kysely'
import type { Queries } from './database.ts'
import type { ModelCallRow } from './schema-operator.ts'

export type ModelCallRecord = Selectable<ModelCallRow>

/** What calls have come to. */
export interface CallTotals {
  readonly calls: number
  readonly tokens: number
}

/** Whose calls, and since when. */
export interface CallScope {
  readonly zone?: string
  readonly conversation?: string
  readonly since?: Date
}

/** Lets one caller at a time, of all replicas, find out what is left and take it. */
export async function lockModelBudgets(queries: Queries): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('caracal.model_budgets'))`.execute(queries)
}

/** What was called, with what running calls may come to. Indexes: model_calls_conversation, _zone_day, _age. */
export async function totalsOf(
  queries: Queries,
  { zone, conversation, since }: CallScope,
): Promise<CallTotals> {
  let query = queries
    .selectFrom('model_calls')
    .select(sql<number>`count(*)`.as('calls'))
    .select(sql<number>`coalesce(sum(spent), 0)::bigint`.as('tokens'))
  if (zone !== undefined) query = query.where('zone_id', '=', zone)
  if (conversation !== undefined) query = query.where('conversation_id', '=', conversation)
  if (since !== undefined) query = query.where('created_at', '>=', since)
  return query.executeTakeFirstOrThrow()
}

export async function insertModelCall(
  queries: Queries,
  row: Insertable<ModelCallRow>,
): Promise<void> {
  await queries.insertInto('model_calls').values(row).execute()
}

/** Index: primary key. */
export async function settleModelCall(
  queries: Queries,
  id: string,
  settled: Updateable<ModelCallRow>,
): Promise<void> {
  await queries.updateTable('model_calls').set(settled).where('id', '=', id).execute()
}
