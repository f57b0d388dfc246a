import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'

/** How many live objects of each kind a zone has, in one statement. Index: <table>_zone. */
export async function countObjects(queries: Queries, zone: ZoneId) {
  const live = (table: string) =>
    sql`(select count(*) from ${sql.table(table)} where zone_id = ${zone} and archived_at is null)`
  const { rows } = await sql<{
    applications: number
    resources: number
    providers: number
    grants: number
    policies: number
    policy_sets: number
    plans_awaiting_approval: number
  }>`select
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
