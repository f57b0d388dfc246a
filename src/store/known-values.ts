import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'

/**
 * Which of some texts a zone knows: ids, names and identifiers of its live objects, their scopes and
 * labels, and the users of its grants. Indexes: primary keys and <table>_zone.
 */
export async function knownValues(
  queries: Queries,
  zone: ZoneId,
  values: readonly string[],
): Promise<ReadonlySet<string>> {
  const live = (table: string, more = sql``) => sql`
    exists (select from ${sql.table(table)} t
      where t.zone_id = ${zone} and t.archived_at is null and (t.id = v ${more}))`
  const named = sql`or lower(t.name) = lower(v)`
  const { rows } = await sql<{ v: string }>`
    select distinct v from unnest(${[...values]}::text[]) v
    where ${live('applications', sql`${named} or v = any(t.labels)`)}
      or ${live('resources', sql`${named} or t.identifier = v or v = any(t.scopes)`)}
      or ${live('providers', named)} or ${live('policies', named)} or ${live('policy_sets', named)}
      or ${live('policy_versions')} or ${live('policy_set_versions')}
      or ${live('grants', sql`or t.user_id = v`)}`.execute(queries)
  return new Set(rows.map((row) => row.v))
}
