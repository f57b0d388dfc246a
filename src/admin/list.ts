import { sql, type RawBuilder } from 'kysely'
import type { GovernedTable, ObjectRow } from '../store/objects.ts'
import { readPage } from '../store/pages.ts'
import type { Tx } from '../store/tx.ts'

/** The input that every list has. */
interface ListInput {
  readonly limit: number
  readonly cursor?: string | undefined
  readonly include_archived: boolean
}

/** A page of the zone's objects of one kind, oldest first. Index: <table>_zone. */
export async function listObjects<T extends GovernedTable, View>(
  tx: Tx,
  table: T,
  input: ListInput,
  view: (row: ObjectRow<T>) => View,
  filters: Readonly<Record<string, RawBuilder<unknown> | false>> = {},
): Promise<{ items: View[]; next_cursor: string | null }> {
  const where = [
    sql`zone_id = ${tx.zone}`,
    ...(input.include_archived ? [] : [sql`archived_at is null`]),
    ...Object.values(filters).filter((filter) => filter !== false),
  ]
  const { rows, nextCursor } = await readPage<ObjectRow<T>>(tx.queries, {
    table,
    where,
    by: 'id',
    order: 'asc',
    limit: input.limit,
    cursor: input.cursor,
  })
  return { items: rows.map(view), next_cursor: nextCursor }
}

/** The condition that a column has the value asked for; none where nothing was asked. */
export function equals(column: string, value: string | undefined): RawBuilder<unknown> | false {
  return value !== undefined && sql`${sql.ref(column)} = ${value}`
}
