import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { newSecret } from '../kernel/bearer-secret.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { foldName } from '../kernel/names.ts'
import { archiveApplication } from '../store/applications.ts'
import { insertObject } from '../store/objects.ts'
import { countRegistrations, liveRegistrations } from '../store/registrations.ts'
import { atRevision, type Tx } from '../store/tx.ts'
import { lockZone, type Zone } from '../store/zones.ts'
import { applicationView } from './application-view.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { refuseReserved } from './lookup.ts'

/** Dynamic client registration (authority.md, DCR): a workload becomes an application for a while. */
export function registrationHandlers(
  services: AdminServices,
): Pick<AdminHandlers<'applications'>, 'applications.register'> {
  return {
    async 'applications.register'(tx, input) {
      const zone = await openZone(tx)
      refuseReserved(tx.zone, services.system().zone, input.name)
      if (input.auth_method === 'private_key_jwt') refuseUnusableKeys(input.jwks)
      await refuseTooMany(tx)
      const secret = input.auth_method === 'client_secret' ? newSecret('cs') : null
      // A runtime act: the plans that people are deciding on stay as good as they were.
      const row = await insertObject(atRevision(tx, zone.revision), 'applications', {
        name: input.name,
        name_key: foldName(input.name),
        kind: 'dcr',
        auth_method: input.auth_method,
        secret_hash: secret?.hash ?? null,
        jwks: secret === null ? (input.jwks ?? null) : null,
        labels: [],
        dpop_required: input.dpop_required,
        redirect_uris: [],
        expires_at: new Date(tx.nowMs + input.expires_in * 1_000),
      })
      return { ...applicationView(row), client_secret: secret?.secret ?? null }
    },
  }
}

/** The zone, held so that registration is not turned off nor the last place taken meanwhile. */
async function openZone(tx: Tx): Promise<Zone> {
  const zone = await lockZone(tx.queries, tx.zone)
  if (zone?.dcr_enabled !== true)
    return refuse('dcr_disabled', 'Workloads cannot register in this zone; turn dcr_enabled on.')
  return zone
}

async function refuseTooMany(tx: Tx): Promise<void> {
  const live = await countRegistrations(tx.queries, tx.zone, tx.now)
  if (live >= limits.dcrLiveApplications)
    refuse('limit_reached', 'The zone has as many registered workloads as it may have.', {
      details: { live_applications: live },
    })
}

/** Nobody corrects the keys of an application that lives for an hour: they must serve as they are. */
function refuseUnusableKeys(jwks: { readonly keys: readonly object[] } | undefined): void {
  if (jwks === undefined)
    return refuse('invalid_body', 'private_key_jwt needs jwks: the public keys of the application.')
  if (!jwks.keys.every(isUsable))
    refuse('invalid_body', 'jwks holds a key that verifies nothing: give EC, OKP or RSA keys.')
}

/** RFC 7518 sections 3.3 and 3.5: an RSA key has 2048 bits or more. */
const rsaBits = 2_048

function isUsable(jwk: object): boolean {
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    return (
      key.asymmetricKeyType !== 'rsa' || rsaBits <= (key.asymmetricKeyDetails?.modulusLength ?? 0)
    )
  } catch {
    return false
  }
}

/**
 * What becomes of the registered workloads when registration is turned off. Those that are archived
 * lose their grants and, as every archived application does, their mandates.
 */
export async function shutDownRegistration(
  tx: Tx,
  wanted: 'keep_live' | 'revoke_live' | undefined,
): Promise<void> {
  if (wanted === 'keep_live') return
  const live = await liveRegistrations(tx.queries, tx.zone, tx.now)
  if (live.length === 0) return
  if (wanted === undefined)
    refuse(
      'dcr_shutdown_required',
      'Registered workloads are live: say dcr_shutdown keep_live or revoke_live.',
      { details: { live_applications: live.length } },
    )
  for (const application of live) await archiveApplication(tx, application)
}
