import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ZoneId } from '../kernel/ids.ts'
import { openPublicKey, type PublicJwk } from '../kernel/signing-key.ts'
import { liveRevocations, type Revoked } from '../store/revocations.ts'
import { verifyingKeys } from '../store/zone-keys.ts'
import type { MandateClaims } from './claims.ts'
import type { StsContext } from './context.ts'
import { createRecent } from './recent.ts'

/** What verifiers of a zone's mandates go by: its keys, and what has been revoked. */
export interface Trust {
  keyOf(zone: ZoneId, kid: string): Promise<KeyObject | undefined>
  isRevoked(zone: ZoneId, claims: MandateClaims): Promise<boolean>
  /** The zone's public keys, newest first. */
  publicKeys(zone: ZoneId): Promise<readonly PublicJwk[]>
  /** Reads again at the next question: this process has changed something. */
  forget(zone: ZoneId): void
}

/** How old an answer may be: what another replica revokes is refused here within this time. */
const staleAfterMs = 500
/**
 * Between two readings that unknown key ids ask for: a mandate of a key made this moment waits for
 * the next one, and tokens that somebody makes up cost one reading together.
 */
const unknownKeyEveryMs = 50
/** A key id is a SHA-256 in base64url. */
const keyId = /^[A-Za-z0-9_-]{43}$/
const zonesKept = 1_000

interface Snapshot {
  readonly jwks: readonly PublicJwk[]
  readonly keys: ReadonlyMap<string, KeyObject>
  readonly revoked: ReadonlySet<string>
}

interface Kept {
  /** On the process's monotonic clock: the age of a reading has nothing to do with the date. */
  readonly readAtMs: number
  readonly snapshot: Promise<Snapshot>
}

export function createTrust(context: Pick<StsContext, 'db' | 'clock'>): Trust {
  const kept = createRecent<ZoneId, Kept>(zonesKept)

  function readNow(zone: ZoneId): Promise<Snapshot> {
    const snapshot = read(context, zone)
    const reading = { readAtMs: performance.now(), snapshot }
    kept.set(zone, reading)
    // What could not be read is not known: the next question tries again.
    snapshot.catch(() => {
      if (kept.get(zone) === reading) kept.delete(zone)
    })
    return snapshot
  }

  function snapshotOf(zone: ZoneId): Promise<Snapshot> {
    const seen = kept.get(zone)
    const isFresh = seen !== undefined && performance.now() - seen.readAtMs <= staleAfterMs
    return isFresh ? seen.snapshot : readNow(zone)
  }

  /** What is true now: a reading that begins after the question does. */
  async function snapshotAfterNow(zone: ZoneId): Promise<Snapshot> {
    const askedAtMs = performance.now()
    const nextAtMs = (kept.get(zone)?.readAtMs ?? 0) + unknownKeyEveryMs
    if (nextAtMs > askedAtMs) await sleep(nextAtMs - askedAtMs)
    const seen = kept.get(zone)
    return seen !== undefined && seen.readAtMs >= askedAtMs ? seen.snapshot : readNow(zone)
  }

  return {
    async keyOf(zone, kid) {
      if (!keyId.test(kid)) return undefined
      const known = (await snapshotOf(zone)).keys.get(kid)
      return known ?? (await snapshotAfterNow(zone)).keys.get(kid)
    },
    async isRevoked(zone, claims) {
      const { revoked } = await snapshotOf(zone)
      return revoked.size > 0 && anchorsOf(claims).some((anchor) => revoked.has(nameOf(anchor)))
    },
    publicKeys: async (zone) => (await snapshotOf(zone)).jwks,
    forget: (zone) => kept.delete(zone),
  }
}

/** Everything whose revocation ends a mandate. */
function anchorsOf(claims: MandateClaims): readonly Revoked[] {
  const anchors: Revoked[] = [
    { anchor: 'jti', value: claims.jti },
    { anchor: 'session', value: claims.sid },
    { anchor: 'root_session', value: claims.root_sid },
    { anchor: 'client', value: claims.client_id },
  ]
  if (claims.agent_session_id !== undefined)
    anchors.push({ anchor: 'agent_session', value: claims.agent_session_id })
  for (const value of claims.delegation_path ?? []) anchors.push({ anchor: 'edge', value })
  if (claims.requester_token !== undefined)
    anchors.push({ anchor: 'requester_token', value: claims.requester_token })
  return anchors
}

function nameOf({ anchor, value }: Revoked): string {
  return `${anchor}:${value}`
}

async function read(context: Pick<StsContext, 'db' | 'clock'>, zone: ZoneId): Promise<Snapshot> {
  const nowMs = context.clock.now()
  return context.db.transaction(zone, async (queries) => {
    const jwks = await verifyingKeys(queries, zone, nowMs)
    const revoked = await liveRevocations(queries, zone, nowMs)
    return {
      jwks,
      keys: new Map(jwks.map((jwk) => [jwk.kid, openPublicKey(jwk)])),
      revoked: new Set(revoked.map(nameOf)),
    }
  })
}
