import type { ZoneId } from '../kernel/ids.ts'
import { openPrivateKey } from '../kernel/signing-key.ts'
import { findSealedKey, zoneKeyPurpose } from '../store/zone-keys.ts'
import type { StsContext } from './context.ts'
import { mandateType, signerOf, type Signer } from './jws.ts'
import { createRecent } from './recent.ts'

/** The opened signing keys of zones, by the id of the key's row. */
export interface Signers {
  /** `keyId` is the active key as the request's own read has seen it, so rotation acts at once. */
  of(zone: ZoneId, keyId: string | null): Promise<Signer>
}

const keysKept = 1_000

export function createSigners(context: Pick<StsContext, 'db' | 'vault'>): Signers {
  const kept = createRecent<string, Signer>(keysKept)
  return {
    async of(zone, keyId) {
      if (keyId === null) throw new Error(`zone ${zone} has no active signing key`)
      const seen = kept.get(keyId)
      if (seen !== undefined) return seen
      const sealed = await context.db.transaction(zone, (queries) =>
        findSealedKey(queries, zone, keyId),
      )
      if (sealed === undefined) throw new Error(`signing key ${keyId} is gone`)
      const privateDer = context.vault.open(sealed.sealedPrivate, zoneKeyPurpose(zone))
      const signer = signerOf(sealed.kid, openPrivateKey(privateDer), mandateType)
      kept.set(keyId, signer)
      return signer
    },
  }
}
