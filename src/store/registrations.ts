import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ObjectRow } from './objects.ts'

/** How many workloads have registered themselves and are live. Index: applications_dcr. */
export async function countRegistrations(
  queries: Queries,
  zone: ZoneId,
  now: Date,
): Promise<number> {
  const { rows } = await sql<{ live: number }>`
    select count(*) as live from applications
    where zone_id = ${zone} and kind = 'dcr' and archived_at is null
      and expires_at > ${now}`.execute(queries)
  return rows[0]?.live ?? 0
}

/** The live ones, oldest first; as many as a zone may have. Index: applications_dcr. */
export async function liveRegistrations(
  queries: Queries,
  zone: ZoneId,
  now: Date,
): Promise<readonly ObjectRow<'applications'>[]> {
  const { rows } = await sql<ObjectRow<'applications'>>`
    select * from applications
    where zone_id = ${zone} and kind = 'dcr' and archived_at is null
      and expires_at > ${now}
    order by id`.execute(queries)
  return rows
}

/** The zones with some that expired before a time. Index: applications_dcr_expiry. */
export async function zonesOfExpired(queries: Queries, before: Date): Promise<readonly ZoneId[]> {
  const { rows } = await sql<{ zone_id: ZoneId }>`
    select distinct zone_id from applications
    where kind = 'dcr' and archived_at is null and expires_at < ${before}
    order by zone_id`.execute(queries)
  return rows.map(({ zone_id }) => zone_id)
}

/** Those that expired before a time and are not archived yet. Index: applications_dcr. */
export async function expiredRegistrations(
  queries: Queries,
  zone: ZoneId,
  before: Date,
): Promise<readonly ObjectRow<'applications'>[]> {
  const { rows } = await sql<ObjectRow<'applications'>>`
    select * from applications
    where zone_id = ${zone} and kind = 'dcr' and archived_at is null and expires_at < ${before}
    order by id`.execute(queries)
  return rows
}
