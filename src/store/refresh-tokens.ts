import { sql, type Insertable, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { RefreshTokenRow } from './schema-people.ts'
import { isVouchedFor } from './vouchers.ts'

/** A refresh token with what it rests upon. */
export type RefreshToken = Selectable<RefreshTokenRow> & {
  readonly subject: string
  readonly session_state: 'active' | 'suspended' | 'terminated'
  readonly session_ends_at: Date | null
  /** Whether the issuer or the admin token that vouched for the user still stands. */
  readonly is_vouched_for: boolean
}

/** Indexes: primary keys. */
export async function findRefreshToken(
  queries: Queries,
  zone: ZoneId,
  tokenHash: string,
  now: Date,
): Promise<RefreshToken | undefined> {
  const { rows } = await sql<RefreshToken>`
    select r.*, s.subject, s.state as session_state, s.expires_at as session_ends_at,
      ${isVouchedFor('r', now)} as is_vouched_for
    from refresh_tokens r join sessions s on s.id = r.session_id
    where r.token_hash = ${tokenHash} and r.zone_id = ${zone}`.execute(queries)
  return rows[0]
}

export async function insertRefreshToken(
  queries: Queries,
  token: Insertable<RefreshTokenRow>,
): Promise<void> {
  await queries.insertInto('refresh_tokens').values(token).execute()
}

/** Uses a token up; false where it was used before. Index: primary key. */
export async function useRefreshToken(
  queries: Queries,
  zone: ZoneId,
  tokenHash: string,
  now: Date,
): Promise<boolean> {
  const row = await queries
    .updateTable('refresh_tokens')
    .set({ used_at: now })
    .where('token_hash', '=', tokenHash)
    .where('zone_id', '=', zone)
    .where('used_at', 'is', null)
    .returning('token_hash')
    .executeTakeFirst()
  return row !== undefined
}

/** Forgets tokens that have expired, in every zone. Index: refresh_tokens_age. */
export async function deleteExpiredRefreshTokens(queries: Queries, before: Date): Promise<void> {
  await queries.deleteFrom('refresh_tokens').where('expires_at', '<', before).execute()
}
