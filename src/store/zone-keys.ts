import { newId, type ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { generateSigningKey, type PublicJwk } from '../kernel/signing-key.ts'
import type { Vault } from '../kernel/vault.ts'
import type { Queries } from './database.ts'
import { advanceTrust } from './trust-sequences.ts'

/** What the sealed private key of a zone is bound to. */
export function zoneKeyPurpose(zone: ZoneId): string {
  return `zone-key:${zone}`
}

/** What a rotation leaves, by `kid`: the new key and those whose place it takes. */
export interface RotatedKey {
  readonly kid: string
  readonly retired: readonly string[]
}

/** A key that is published and will sign. */
export interface NextKey {
  readonly kid: string
  readonly signsFrom: Date
}

/**
 * Gives the zone a fresh signing key at once and retires those it had: they sign nothing more and
 * verify until the last mandate they signed has expired. The caller holds the zone's lock, or the
 * index zone_keys_active refuses the second of two rotations.
 */
export async function createZoneKey(
  queries: Queries,
  vault: Vault,
  zone: ZoneId,
  now: Date,
): Promise<RotatedKey> {
  const retired = await queries
    .updateTable('zone_keys')
    .set({ state: 'retired', retired_at: now })
    .where('zone_id', '=', zone)
    .where('state', 'in', ['active', 'next'])
    .returning('public_jwk')
    .execute()
  const kid = await insertKey(queries, vault, zone, now, { state: 'active', signs_from: null })
  return { kid, retired: retired.map((row) => publicJwkOf(row.public_jwk).kid) }
}

/**
 * Publishes the key that signs next. Those who keep the zone's JWKS have read it before they meet a
 * mandate that it signed. The index zone_keys_next refuses a second one.
 */
export async function publishNextKey(
  queries: Queries,
  vault: Vault,
  zone: ZoneId,
  now: Date,
): Promise<NextKey> {
  const signsFrom = new Date(now.getTime() + limits.keyPublishingSeconds * 1_000)
  const columns = { state: 'next', signs_from: signsFrom } as const
  return { kid: await insertKey(queries, vault, zone, now, columns), signsFrom }
}

/** The key of a zone that is published and signs nothing yet. Index: zone_keys_next. */
export async function findNextKey(queries: Queries, zone: ZoneId): Promise<NextKey | undefined> {
  const row = await queries
    .selectFrom('zone_keys')
    .select(['public_jwk', 'signs_from', 'created_at'])
    .where('zone_id', '=', zone)
    .where('state', '=', 'next')
    .executeTakeFirst()
  return (
    row && { kid: publicJwkOf(row.public_jwk).kid, signsFrom: row.signs_from ?? row.created_at }
  )
}

/** A zone whose next key has become the active one. */
export interface ActivatedKey {
  readonly zone: ZoneId
  readonly kid: string
}

/**
 * Lets the keys sign whose time has come, in every zone; those that signed until then retire. A key
 * that another replica is activating is left to it. Index: zone_keys_next.
 */
export async function activateNextKeys(
  queries: Queries,
  now: Date,
): Promise<readonly ActivatedKey[]> {
  const due = await queries
    .selectFrom('zone_keys')
    .select(['id', 'zone_id', 'public_jwk'])
    .where('state', '=', 'next')
    .where('signs_from', '<=', now)
    .forUpdate()
    .skipLocked()
    .execute()
  for (const { id, zone_id } of due) {
    const keys = queries.updateTable('zone_keys').where('zone_id', '=', zone_id)
    await keys.set({ state: 'retired', retired_at: now }).where('state', '=', 'active').execute()
    await keys.set({ state: 'active' }).where('id', '=', id).execute()
  }
  return due.map((row) => ({
    zone: row.zone_id as ZoneId,
    kid: publicJwkOf(row.public_jwk).kid,
  }))
}

/** Destroys the keys that verify nothing any more, in every zone. Index: zone_keys_retired. */
export async function deleteRetiredKeys(queries: Queries, now: Date): Promise<void> {
  await queries
    .deleteFrom('zone_keys')
    .where('state', '=', 'retired')
    .where('retired_at', '<', new Date(now.getTime() - verifiesMs))
    .execute()
}

async function insertKey(
  queries: Queries,
  vault: Vault,
  zone: ZoneId,
  now: Date,
  columns: { readonly state: 'active' | 'next'; readonly signs_from: Date | null },
): Promise<string> {
  const { publicJwk, privateDer } = generateSigningKey()
  const id: string = newId('key', now.getTime())
  await queries
    .insertInto('zone_keys')
    .values({
      ...columns,
      id,
      zone_id: zone,
      public_jwk: JSON.stringify(publicJwk),
      sealed_private: vault.seal(privateDer, zoneKeyPurpose(zone)),
      created_at: now,
      retired_at: null,
    })
    .execute()
  await advanceTrust(queries, zone)
  return publicJwk.kid
}

/** One key by id. Index: primary key. */
export async function findSealedKey(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<{ readonly kid: string; readonly sealedPrivate: Buffer } | undefined> {
  const row = await queries
    .selectFrom('zone_keys')
    .select(['public_jwk', 'sealed_private'])
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .executeTakeFirst()
  return row && { kid: publicJwkOf(row.public_jwk).kid, sealedPrivate: row.sealed_private }
}

/** When the active key of a zone was made. Index: zone_keys_active. */
export async function activeKeySince(queries: Queries, zone: ZoneId): Promise<Date | undefined> {
  const row = await queries
    .selectFrom('zone_keys')
    .select('created_at')
    .where('zone_id', '=', zone)
    .where('state', '=', 'active')
    .executeTakeFirst()
  return row?.created_at
}

/** A replica may sign with the key it knew for a moment after another has retired it. */
const retiringSeconds = 60
/** How long a retired key verifies. */
const verifiesMs = (limits.mandateTtlSeconds + retiringSeconds) * 1_000

/**
 * The public keys that a mandate of the zone may be signed with, newest first: the next and the
 * active one, and those retired so recently that a mandate they signed may be alive. Index: zone_keys_zone.
 */
export async function verifyingKeys(
  queries: Queries,
  zone: ZoneId,
  nowMs: number,
): Promise<readonly PublicJwk[]> {
  const rows = await queries
    .selectFrom('zone_keys')
    .select('public_jwk')
    .where('zone_id', '=', zone)
    .where((eb) =>
      eb.or([eb('state', '!=', 'retired'), eb('retired_at', '>', new Date(nowMs - verifiesMs))]),
    )
    .orderBy('id', 'desc')
    .execute()
  return rows.map((row) => publicJwkOf(row.public_jwk))
}

/** The rows hold what {@link createZoneKey} wrote. */
function publicJwkOf(stored: Readonly<Record<string, string>>): PublicJwk {
  return stored as unknown as PublicJwk
}
