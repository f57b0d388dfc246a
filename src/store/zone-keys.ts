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

/** What a rotation leaves: the key that signs from then on and those that no longer do, by `kid`. */
export interface RotatedKey {
  readonly kid: string
  readonly retired: readonly string[]
}

/**
 * Gives the zone a fresh signing key and retires the one it had: that one signs nothing more and
 * verifies until the last mandate it signed has expired. The caller holds the zone's lock, or the
 * index zone_keys_active refuses the second of two rotations.
 */
export async function createZoneKey(
  queries: Queries,
  vault: Vault,
  zone: ZoneId,
  now: Date,
): Promise<RotatedKey> {
  const { publicJwk, privateDer } = generateSigningKey()
  const retired = await queries
    .updateTable('zone_keys')
    .set({ state: 'retired', retired_at: now })
    .where('zone_id', '=', zone)
    .where('state', '=', 'active')
    .returning('public_jwk')
    .execute()
  const id: string = newId('key', now.getTime())
  await queries
    .insertInto('zone_keys')
    .values({
      id,
      zone_id: zone,
      public_jwk: JSON.stringify(publicJwk),
      sealed_private: vault.seal(privateDer, zoneKeyPurpose(zone)),
      state: 'active',
      created_at: now,
      retired_at: null,
    })
    .execute()
  await advanceTrust(queries, zone)
  return { kid: publicJwk.kid, retired: retired.map((row) => publicJwkOf(row.public_jwk).kid) }
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

/**
 * The public keys that a mandate of the zone may be signed with, newest first: the active one, and
 * those retired so recently that a mandate they signed may be alive. Index: zone_keys_zone.
 */
export async function verifyingKeys(
  queries: Queries,
  zone: ZoneId,
  nowMs: number,
): Promise<readonly PublicJwk[]> {
  const alive = new Date(nowMs - (limits.mandateTtlSeconds + retiringSeconds) * 1_000)
  const rows = await queries
    .selectFrom('zone_keys')
    .select('public_jwk')
    .where('zone_id', '=', zone)
    .where((eb) => eb.or([eb('state', '=', 'active'), eb('retired_at', '>', alive)]))
    .orderBy('id', 'desc')
    .execute()
  return rows.map((row) => publicJwkOf(row.public_jwk))
}

/** The rows hold what {@link createZoneKey} wrote. */
function publicJwkOf(stored: Readonly<Record<string, string>>): PublicJwk {
  return stored as unknown as PublicJwk
}
