import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'

const tableOf: Readonly<Record<string, string>> = {
  zone: 'zones',
  application: 'applications',
  provider: 'providers',
  resource: 'resources',
  grant: 'grants',
  subjectIssuer: 'subject_issuers',
  policy: 'policies',
  policySet: 'policy_sets',
  webhook: 'webhooks',
  witness: 'witnesses',
  approval: 'holds',
  plan: 'plans',
  adminToken: 'admin_tokens',
}

/** The revision of an object, or null where there is none. Index: primary keys. */
export async function revisionOf(
  queries: Queries,
  zone: ZoneId,
  kind: string,
  id: string,
): Promise<number | null> {
  const table = tableOf[kind]
  if (table === undefined) return null
  const inZone = table === 'zones' || table === 'admin_tokens' ? sql`true` : sql`zone_id = ${zone}`
  const { rows } = await sql<{ revision: number }>`
    select revision from ${sql.table(table)} where id = ${id} and ${inZone}`.execute(queries)
  return rows[0]?.revision ?? null
}
