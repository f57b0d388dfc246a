import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { Queries } from './database.ts'
import type { RevocationRow } from './schema-sessions.ts'
import { advanceTrust, trustSequence } from './trust-sequences.ts'

export type Anchor = RevocationRow['anchor']

/** What a verifier must refuse: whatever the anchor of a mandate names. */
export interface Revoked {
  readonly anchor: Anchor
  readonly value: string
}

export interface Revocation extends Revoked {
  /** When the last mandate that it concerns would expire by itself. */
  readonly expiresAt: Date
}

/**
 * Refuses from then on, at every replica and verifier, what the anchors name; saying it twice is
 * saying it once, for as long as the longer of the two. It locks as {@link advanceTrust} does.
 */
export async function insertRevocations(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  revocations: readonly Revocation[],
): Promise<void> {
  const distinct = [...new Map(revocations.map((one) => [nameOf(one), one])).values()]
  if (distinct.length === 0) return
  const last = await advanceTrust(queries, zone, distinct.length)
  await queries
    .insertInto('revocations')
    .values(
      distinct.map(({ anchor, value, expiresAt }, index) => ({
        zone_id: zone,
        anchor,
        value,
        revoked_at: now,
        expires_at: expiresAt,
        sequence: last - distinct.length + 1 + index,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['zone_id', 'anchor', 'value']).doUpdateSet((eb) => ({
        expires_at: eb.fn<Date>('greatest', ['revocations.expires_at', 'excluded.expires_at']),
        sequence: eb.ref('excluded.sequence'),
      })),
    )
    .execute()
}

/**
 * Lets go of what was refused until now: whoever has read it reads it once more, expired. It locks
 * as {@link advanceTrust} does. Index: primary key.
 */
export async function releaseRevocations(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  released: readonly Revoked[],
): Promise<void> {
  if (released.length === 0) return
  const last = await advanceTrust(queries, zone, released.length)
  await sql`
    update revocations r
    set expires_at = least(r.expires_at, ${now}::timestamptz),
      sequence = ${last - released.length} + f.nth
    from unnest(${released.map(({ anchor }) => anchor)}::text[],
      ${released.map(({ value }) => value)}::text[]) with ordinality f (anchor, value, nth)
    where r.zone_id = ${zone} and r.anchor = f.anchor and r.value = f.value`.execute(queries)
}

/** When the last mandate that is alive at a moment has expired by itself, wherever it is checked. */
export function endOfMandatesAt(nowMs: number): Date {
  return new Date(nowMs + (limits.mandateTtlSeconds + limits.clockSkewSeconds) * 1_000)
}

/** One text for an anchor and its value. */
export function nameOf({ anchor, value }: Revoked): string {
  return `${anchor}:${value}`
}

/** Revocations that are alive, up to a number of the zone: whoever has them goes on from there. */
export interface RevocationsUpTo {
  readonly sequence: number
  readonly revocations: readonly Revocation[]
}

/** Rows of one reading; where there are more, the next begins behind the last of them. */
const rowsOfReading = 1_000

/**
 * Everything numbered above `after`, oldest first: from the start what still makes a signed and
 * unexpired mandate of the zone invalid; to whoever has read before also what does not any more.
 * Index: revocations_sequence.
 */
export async function revocationsAfter(
  queries: Queries,
  zone: ZoneId,
  after: number,
  nowMs: number,
): Promise<RevocationsUpTo> {
  const found: Revocation[] = []
  for (let behind = after; ;) {
    // Read first: a change between the two statements is then among the rows, and read once more.
    const sequence = await trustSequence(queries, zone)
    const rows = await queries
      .selectFrom('revocations')
      .select(['anchor', 'value', 'expires_at', 'sequence'])
      .where('zone_id', '=', zone)
      .where('sequence', '>', behind)
      .$if(after === 0, (query) => query.where('expires_at', '>', new Date(nowMs)))
      .orderBy('sequence')
      .limit(rowsOfReading)
      .execute()
    for (const { anchor, value, expires_at: expiresAt } of rows)
      found.push({ anchor, value, expiresAt })
    const last = rows.at(-1)
    if (last === undefined || rows.length < rowsOfReading) return { sequence, revocations: found }
    behind = last.sequence
  }
}

/** Forgets what has expired by itself, in every zone. Index: revocations_age. */
export async function deleteExpiredRevocations(queries: Queries, now: Date): Promise<void> {
  await queries.deleteFrom('revocations').where('expires_at', '<', now).execute()
}
