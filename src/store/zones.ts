import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ZoneRow } from './schema.ts'
import type { Selectable } from 'kysely'

export type Zone = Selectable<ZoneRow>

/** By id or by slug; no other text is asked for. Index: primary key, zones_slug. */
export async function findZone(queries: Queries, idOrSlug: string): Promise<Zone | undefined> {
  if (!/^[a-z0-9_-]{1,63}$/.test(idOrSlug)) return undefined
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

type NewZone = Pick<Zone, 'name' | 'name_key' | 'slug' | 'system' | 'dcr_enabled'>

/** A new zone, at revision 1; its unique indexes refuse a name or slug that is taken. */
export async function insertZone(
  tx: { readonly queries: Queries; readonly now: Date; newId(kind: 'zone'): string },
  zone: NewZone,
): Promise<Zone> {
  return tx.queries
    .insertInto('zones')
    .values({
      ...zone,
      id: tx.newId('zone'),
      active_policy_set_version_id: null,
      revision: 1,
      created_at: tx.now,
      updated_at: tx.now,
      archived_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/**
 * Changes a zone, whose revision moves; without a real difference it answers the same row. The slug
 * is no part of it: paths and issuers name the zone by it, and it is given once.
 */
export async function updateZone(
  tx: { readonly queries: Queries; revise(zone: ZoneId): Promise<number> },
  current: Zone,
  patch: Partial<Omit<NewZone, 'slug'> & Pick<Zone, 'archived_at'>>,
): Promise<Zone> {
  const differs = Object.entries(patch).some(
    ([key, value]) => value !== current[key as keyof typeof patch],
  )
  if (!differs) return current
  await tx.revise(current.id as ZoneId)
  return tx.queries
    .updateTable('zones')
    .set(patch)
    .where('id', '=', current.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}
