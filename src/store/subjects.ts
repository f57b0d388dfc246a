import { sql, type Selectable } from 'kysely'
import { newId, type ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { SubjectRow } from './schema-people.ts'

export type Subject = Selectable<SubjectRow>

/** A user as whoever vouches for them says it. */
export interface SeenUser {
  readonly userId: string
  readonly issuerId: string | null
  readonly name: string
}

/**
 * Notes that a user was seen, and holds their row until the transaction ends: whoever ends what the
 * user has waits, or comes first. Index: the unique one of zone and user.
 */
export async function noteSubject(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  { userId, issuerId, name }: SeenUser,
): Promise<Subject> {
  return queries
    .insertInto('subjects')
    .values({
      id: newId('subject', now.getTime()),
      zone_id: zone,
      user_id: userId,
      issuer_id: issuerId,
      name,
      first_seen_at: now,
      last_seen_at: now,
      revoked_at: null,
    })
    .onConflict((conflict) =>
      conflict.columns(['zone_id', 'user_id']).doUpdateSet({ name, last_seen_at: now }),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Refuses what the user got before now. Undefined: the zone has not seen them. Index: as above. */
export async function revokeSubject(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  userId: string,
): Promise<Subject | undefined> {
  return queries
    .updateTable('subjects')
    .set({ revoked_at: now })
    .where('zone_id', '=', zone)
    .where('user_id', '=', userId)
    .returningAll()
    .executeTakeFirst()
}

/** The sessions of a user that have not ended. Index: sessions_subject. */
export async function liveSessionsOf(
  queries: Queries,
  zone: ZoneId,
  userId: string,
): Promise<readonly string[]> {
  const rows = await queries
    .selectFrom('sessions')
    .select('id')
    .where('zone_id', '=', zone)
    .where('subject', '=', userId)
    .where('sub_type', '=', 'user')
    .where('state', '<>', 'terminated')
    .execute()
  return rows.map(({ id }) => id)
}

/** How many sessions each of some users has that could act at a time. Index: sessions_subject. */
export async function countLiveSessions(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ subject: string; count: number }>`
    select subject, count(*) as count from sessions
    where zone_id = ${zone} and subject = any(${[...userIds]}) and sub_type = 'user'
      and state = 'active' and (expires_at is null or expires_at > ${now})
    group by subject`.execute(queries)
  return new Map(rows.map(({ subject, count }) => [subject, count]))
}
