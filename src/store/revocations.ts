import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { Queries } from './database.ts'
import type { RevocationRow } from './schema.ts'

export type Anchor = RevocationRow['anchor']

export interface Revocation {
  readonly anchor: Anchor
  readonly value: string
  /** When the last mandate that it concerns would expire by itself. */
  readonly expiresAt: Date
}

/** Refuses from then on what the anchor names; saying it twice is saying it once. */
export async function insertRevocations(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  revocations: readonly Revocation[],
): Promise<void> {
  await queries
    .insertInto('revocations')
    .values(
      revocations.map(({ anchor, value, expiresAt }) => ({
        zone_id: zone,
        anchor,
        value,
        revoked_at: now,
        expires_at: expiresAt,
      })),
    )
    .onConflict((conflict) => conflict.columns(['zone_id', 'anchor', 'value']).doNothing())
    .execute()
}

/** What a verifier must refuse: an anchor of a mandate, its client or the token behind it. */
export interface Revoked {
  readonly anchor: Anchor | 'client' | 'requester_token'
  readonly value: string
}

/**
 * Everything that makes a signed and unexpired mandate of the zone invalid: its revocations, the
 * applications archived while a mandate of theirs may be alive and, in a system zone, the admin
 * tokens revoked or expired behind a control mandate. Indexes: the primary key of revocations,
 * applications_zone; admin tokens are few.
 */
export async function liveRevocations(
  queries: Queries,
  zone: ZoneId,
  nowMs: number,
): Promise<readonly Revoked[]> {
  const now = new Date(nowMs)
  const since = new Date(nowMs - (limits.mandateTtlSeconds + limits.clockSkewSeconds) * 1_000)
  const { rows } = await sql<Revoked>`
    select anchor, value from revocations where zone_id = ${zone} and expires_at > ${now}
    union all
    select 'client', id from applications where zone_id = ${zone} and archived_at > ${since}
    union all
    select 'requester_token', id from admin_tokens
    where (revoked_at > ${since} or (expires_at > ${since} and expires_at <= ${now}))
      and exists (select from zones where id = ${zone} and system)`.execute(queries)
  return rows
}

/** Forgets what has expired by itself, in every zone. Index: revocations_age. */
export async function deleteExpiredRevocations(queries: Queries, now: Date): Promise<void> {
  await queries.deleteFrom('revocations').where('expires_at', '<', now).execute()
}
