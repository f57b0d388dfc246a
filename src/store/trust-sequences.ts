import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import { trustChannel } from './notifications.ts'

/**
 * Numbers `count` changes of what a zone's mandates are verified by, and tells every replica when
 * they commit. It answers the last number. The zone's row stays locked until then, so numbers
 * become visible in their order and a reader who has seen one has seen all before it; take it last,
 * after the locks of whatever else the transaction changes. Index: primary key.
 */
export async function advanceTrust(queries: Queries, zone: ZoneId, count = 1): Promise<number> {
  const { rows } = await sql<{ sequence: number }>`
    with moved as (
      insert into trust_sequences (zone_id, sequence) values (${zone}, ${count})
      on conflict (zone_id) do update set sequence = trust_sequences.sequence + excluded.sequence
      returning sequence)
    select sequence, pg_notify(${trustChannel}, ${zone}) from moved`.execute(queries)
  const [row] = rows
  if (row === undefined) throw new Error('the database returned no sequence')
  return row.sequence
}

/** The last number of a zone; 0 before the first. Index: primary key. */
export async function trustSequence(queries: Queries, zone: ZoneId): Promise<number> {
  const row = await queries
    .selectFrom('trust_sequences')
    .select('sequence')
    .where('zone_id', '=', zone)
    .executeTakeFirst()
  return row?.sequence ?? 0
}

/** The last numbers of several zones, in a transaction that sees them all. Index: primary key. */
export async function trustSequences(
  queries: Queries,
  zones: readonly ZoneId[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await queries
    .selectFrom('trust_sequences')
    .select(['zone_id', 'sequence'])
    .where('zone_id', 'in', zones)
    .execute()
  return new Map(rows.map((row) => [row.zone_id, row.sequence]))
}
