import type { Id, ZoneId } from '../kernel/ids.ts'
import { generateSigningKey, type PublicJwk } from '../kernel/signing-key.ts'
import type { Vault } from '../kernel/vault.ts'
import type { Queries } from './database.ts'

export interface SealedCredential {
  readonly kid: string
  readonly sealedPrivate: Buffer
  readonly createdAt: Date
}

/** What the sealed private key of an application of the platform is bound to. */
export function credentialPurpose(application: Id<'application'>): string {
  return `system-credential:${application}`
}

/** The key that an application of the platform signs its client assertions with. Index: primary key. */
export async function findCredential(
  queries: Queries,
  zone: ZoneId,
  application: Id<'application'>,
): Promise<SealedCredential | undefined> {
  const row = await queries
    .selectFrom('system_credentials')
    .select(['public_jwk', 'sealed_private', 'created_at'])
    .where('application_id', '=', application)
    .where('zone_id', '=', zone)
    .executeTakeFirst()
  return (
    row && {
      kid: row.public_jwk['kid'] ?? '',
      sealedPrivate: row.sealed_private,
      createdAt: row.created_at,
    }
  )
}

/** Gives the application a fresh key in place of the one it had; returns the public half. */
export async function replaceCredential(
  queries: Queries,
  vault: Vault,
  zone: ZoneId,
  application: Id<'application'>,
  now: Date,
): Promise<PublicJwk> {
  const { publicJwk, privateDer } = generateSigningKey()
  const columns = {
    sealed_private: vault.seal(privateDer, credentialPurpose(application)),
    public_jwk: JSON.stringify(publicJwk),
    created_at: now,
  }
  await queries
    .insertInto('system_credentials')
    .values({ application_id: application, zone_id: zone, ...columns })
    .onConflict((conflict) => conflict.column('application_id').doUpdateSet(columns))
    .execute()
  return publicJwk
}
