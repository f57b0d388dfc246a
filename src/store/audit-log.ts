import { sql, type Insertable, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { LogCheckpointRow, LogRow, LogTileRow, WitnessRow } from './schema-audit.ts'

export type Log = Selectable<LogRow>
export type LogCheckpoint = Selectable<LogCheckpointRow>

/** The log of a zone; undefined before its first event is in it. Index: primary key. */
export async function findLog(queries: Queries, zone: ZoneId): Promise<Log | undefined> {
  return queries.selectFrom('logs').selectAll().where('zone_id', '=', zone).executeTakeFirst()
}

/** The logs of zones, locked: whoever else would append to them waits. */
export async function lockLogs(queries: Queries, zones: readonly ZoneId[]): Promise<Log[]> {
  return queries
    .selectFrom('logs')
    .selectAll()
    .where('zone_id', 'in', zones)
    .orderBy('zone_id')
    .forUpdate()
    .execute()
}

/** An event that is not yet in the log, by its place among such events. */
export interface PendingLeaf {
  readonly position: number
  readonly zone_id: ZoneId
  /** RFC 6962 section 2.1, made where the text is. */
  readonly leaf: Buffer
}

/** The oldest events that are in no log yet, of every zone but some. Index: primary key. */
export async function pendingLeaves(
  queries: Queries,
  without: readonly ZoneId[],
  limit: number,
): Promise<PendingLeaf[]> {
  const { rows } = await sql<PendingLeaf>`
    select position, zone_id, sha256('\\x00'::bytea || convert_to(entry::text, 'UTF8')) as leaf
    from events_pending where zone_id <> all(${without})
    order by position limit ${limit}`.execute(queries)
  return rows
}

/** Moves events into the logs of their zones, each to its place there. */
export async function integrateEvents(
  queries: Queries,
  places: readonly { readonly position: number; readonly sequence: number }[],
): Promise<void> {
  const positions = places.map(({ position }) => position)
  const sequences = places.map(({ sequence }) => sequence)
  await sql`select integrate_events(${positions}::bigint[], ${sequences}::bigint[])`.execute(
    queries,
  )
}

/** A tile at the edge of a zone's log may grow; nothing else of it ever changes. */
export async function keepTiles(
  queries: Queries,
  tiles: readonly Selectable<LogTileRow>[],
): Promise<void> {
  if (tiles.length === 0) return
  await queries
    .insertInto('log_tiles')
    .values(tiles)
    .onConflict((conflict) =>
      conflict
        .columns(['zone_id', 'level', 'index'])
        .doUpdateSet((eb) => ({ hashes: eb.ref('excluded.hashes') })),
    )
    .execute()
}

/** Those of the tiles named that are there. Index: primary key. */
export async function readTiles(
  queries: Queries,
  zone: ZoneId,
  places: readonly { readonly level: number; readonly index: number }[],
): Promise<Selectable<LogTileRow>[]> {
  if (places.length === 0) return []
  const { rows } = await sql<Selectable<LogTileRow>>`
    select tile.* from unnest(
      ${places.map(({ level }) => level)}::smallint[],
      ${places.map(({ index }) => index)}::bigint[]) as place (level, index)
    join log_tiles tile on tile.zone_id = ${zone} and tile.level = place.level
      and tile.index = place.index`.execute(queries)
  return rows
}

export async function insertLog(queries: Queries, row: Insertable<LogRow>): Promise<Log> {
  return queries.insertInto('logs').values(row).returningAll().executeTakeFirstOrThrow()
}

export async function insertCheckpoints(
  queries: Queries,
  rows: readonly Insertable<LogCheckpointRow>[],
): Promise<void> {
  await queries.insertInto('log_checkpoints').values(rows).execute()
}

export async function moveSizes(
  queries: Queries,
  sizes: readonly { readonly zone: ZoneId; readonly size: number }[],
): Promise<void> {
  await sql`
    update logs set size = moved.size
    from unnest(${sizes.map(({ zone }) => zone)}::text[], ${sizes.map(({ size }) => size)}::bigint[])
      as moved (zone_id, size)
    where logs.zone_id = moved.zone_id`.execute(queries)
}

/** The checkpoint of a size, or the newest one. Index: primary key. */
export async function findCheckpoint(
  queries: Queries,
  zone: ZoneId,
  size?: number,
): Promise<LogCheckpoint | undefined> {
  return queries
    .selectFrom('log_checkpoints')
    .selectAll()
    .where('zone_id', '=', zone)
    .$if(size !== undefined, (query) => query.where('size', '=', size ?? 0))
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** The newest checkpoint, or the first one that reaches a size. Index: primary key. */
export async function checkpointFrom(
  queries: Queries,
  zone: ZoneId,
  size: number | undefined,
): Promise<LogCheckpoint | undefined> {
  if (size === undefined) return findCheckpoint(queries, zone)
  return queries
    .selectFrom('log_checkpoints')
    .selectAll()
    .where('zone_id', '=', zone)
    .where('size', '>=', size)
    .orderBy('size')
    .limit(1)
    .executeTakeFirst()
}

/** Those whose cosignatures are kept. Index: witnesses_zone. */
export async function liveWitnesses(
  queries: Queries,
  zone: ZoneId,
): Promise<readonly Pick<Selectable<WitnessRow>, 'id' | 'name' | 'verifier_key'>[]> {
  return queries
    .selectFrom('witnesses')
    .select(['id', 'name', 'verifier_key'])
    .where('zone_id', '=', zone)
    .where('archived_at', 'is', null)
    .orderBy('id')
    .execute()
}

/** Keeps the signature line of a witness with the checkpoint of a size. */
export async function keepCosignature(
  queries: Queries,
  zone: ZoneId,
  size: number,
  witness: string,
  line: string,
): Promise<void> {
  await sql`
    update log_checkpoints set cosignatures = cosignatures || ${JSON.stringify({ [witness]: line })}::jsonb
    where zone_id = ${zone} and size = ${size}`.execute(queries)
}

/**
 * Drops checkpoints older than `before` that no witness has signed and that are not the newest of
 * their log: any of them can be made again from the tree, and those who keep one keep it themselves.
 */
export async function thinCheckpoints(queries: Queries, before: Date): Promise<void> {
  await sql`
    delete from log_checkpoints using logs
    where logs.zone_id = log_checkpoints.zone_id and log_checkpoints.size < logs.size
      and log_checkpoints.created_at < ${before} and cosignatures = '{}'`.execute(queries)
}

/** The logs of the zones that do not keep the bodies of events for ever. */
export async function logsWithRetention(
  queries: Queries,
): Promise<readonly { readonly zone: ZoneId; readonly days: number }[]> {
  const { rows } = await sql<{ zone: ZoneId; days: number }>`
    select zones.id as zone, audit_retention_days as days
    from zones join logs on logs.zone_id = zones.id
    where audit_retention_days is not null`.execute(queries)
  return rows
}

/**
 * The events at the beginning of a log that are older than a time, up to a limit: from the first one
 * that is kept up to and without `to`. Locks the log. Index: primary key.
 */
export async function expiredPrefix(
  queries: Queries,
  zone: ZoneId,
  before: Date,
  limit: number,
): Promise<{ readonly from: number; readonly to: number }> {
  const [log] = await lockLogs(queries, [zone])
  const from = log?.pruned ?? 0
  const { rows } = await sql<{ to: number | null }>`
    select coalesce(min(sequence) filter (where time >= ${before}), max(sequence) + 1) as to
    from (select sequence, time from events_logged
      where zone_id = ${zone} and sequence >= ${from} order by sequence limit ${limit}) oldest
  `.execute(queries)
  return { from, to: rows[0]?.to ?? from }
}

/** Removes the events of a log below a place. */
export async function prune(queries: Queries, zone: ZoneId, below: number): Promise<void> {
  await sql`select prune_events(${zone}, ${below}::bigint)`.execute(queries)
  await queries.updateTable('logs').set({ pruned: below }).where('zone_id', '=', zone).execute()
}

/** Entries of the log in their order, from one place up to and without another. Index: primary key. */
export async function entriesBetween(
  queries: Queries,
  zone: ZoneId,
  from: number,
  to: number,
): Promise<{ readonly sequence: number; readonly entry: string }[]> {
  const { rows } = await sql<{ sequence: number; entry: string }>`
    select sequence, entry::text as entry from events_logged
    where zone_id = ${zone} and sequence >= ${from} and sequence < ${to}
    order by sequence`.execute(queries)
  return rows
}

/** The place of an event in the log of its zone. Index: events_logged_id. */
export async function placeOfEvent(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<{ readonly sequence: number; readonly entry: string } | undefined> {
  const { rows } = await sql<{ sequence: number; entry: string }>`
    select sequence, entry::text as entry from events_logged
    where zone_id = ${zone} and id = ${id}`.execute(queries)
  return rows[0]
}
