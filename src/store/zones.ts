import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ZoneRow } from './schema.ts'
import type { Selectable } from 'kysely'

export type Zone = Selectable<ZoneRow>

/** By id or by slug. Index: primary key, zones_slug. */
export async function findZone(queries: Queries, idOrSlug: string): Promise<Zone | undefined> {
  return queries
    .selectFrom('zones')
    .selectAll()
    .where(idOrSlug.startsWith('zone_') ? 'id' : 'slug', '=', idOrSlug)
    .executeTakeFirst()
}

/** Locks the zone against other changes until the transaction ends. Index: primary key. */
export async function lockZone(queries: Queries, zone: ZoneId): Promise<Zone | undefined> {
  return queries
    .selectFrom('zones')
    .selectAll()
    .where('id', '=', zone)
    .forUpdate()
    .executeTakeFirst()
}

/** Moves the zone's revision on, which locks the zone until the transaction ends. */
export async function bumpRevision(queries: Queries, zone: ZoneId, now: Date): Promise<number> {
  const row = await queries
    .updateTable('zones')
    .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: now }))
    .where('id', '=', zone)
    .returning('revision')
    .executeTakeFirstOrThrow()
  return row.revision
}
