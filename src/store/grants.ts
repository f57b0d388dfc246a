import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ObjectRow } from './objects.ts'

/** Live grants of an application or on a resource. Index: grants_pair, grants_resource. */
export async function liveGrantsOf(
  queries: Queries,
  zone: ZoneId,
  of: { readonly application_id: string } | { readonly resource_id: string },
): Promise<readonly ObjectRow<'grants'>[]> {
  const [[column, id] = ['id', '']] = Object.entries(of)
  const { rows } = await sql<ObjectRow<'grants'>>`
    select * from grants
    where zone_id = ${zone} and ${sql.ref(column)} = ${id} and archived_at is null
    order by id`.execute(queries)
  return rows
}
