import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'

export interface ObjectCounts {
  readonly applications: number
  readonly resources: number
  readonly providers: number
  readonly grants: number
  readonly policies: number
  readonly policy_sets: number
  readonly plans_awaiting_approval: number
}

/** How many live objects of each kind a zone has, in one statement. Index: <table>_zone. */
export async function countObjects(queries: Queries, zone: ZoneId): Promise<ObjectCounts> {
  const live = (table: string) =>
    sql`(select count(*) from ${sql.table(table)} where zone_id = ${zone} and archived_at is null)`
  const { rows } = await sql<ObjectCounts>`select
      ${live('applications')} as applications,
      ${live('resources')} as resources,
      ${live('providers')} as providers,
      ${live('grants')} as grants,
      ${live('policies')} as policies,
      ${live('policy_sets')} as policy_sets,
      (select count(*) from plans where zone_id = ${zone} and state = 'pending_approval')
        as plans_awaiting_approval`.execute(queries)
  const [counts] = rows
  if (counts === undefined) throw new Error('the database returned no row')
  return counts
}
