import type { KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ZoneId } from '../kernel/ids.ts'
import { openPublicKey, type PublicJwk } from '../kernel/signing-key.ts'
import {
  nameOf,
  revocationsAfter,
  type Revoked,
  type RevocationsUpTo,
} from '../store/revocations.ts'
import { trustSequence } from '../store/trust-sequences.ts'
import { verifyingKeys } from '../store/zone-keys.ts'
import type { MandateClaims } from './claims.ts'
import type { StsContext } from './context.ts'
import { createRecent } from './recent.ts'

/** What verifiers of a zone's mandates go by: its keys, and what has been revoked. */
export interface Trust extends Disposable {
  keyOf(zone: ZoneId, kid: string): Promise<KeyObject | undefined>
  isRevoked(zone: ZoneId, claims: MandateClaims): Promise<boolean>
  /** The zone's public keys, newest first. */
  publicKeys(zone: ZoneId): Promise<readonly PublicJwk[]>
  /** Everything revoked, with the number up to which that is everything. */
  revocations(zone: ZoneId): Promise<RevocationsUpTo>
  /** Reads again at the next question: this process has changed something. */
  forget(zone: ZoneId): void
}

/** How old an answer may be; a test may widen it, to see what does not rest upon it. */
export interface Staleness {
  /**
   * Between two looks at the number of changes, one row of the zone. What another replica revokes
   * is refused here as soon as its notification arrives, and within this time where that is lost.
   */
  readonly checkAfterMs: number
  /** Between two readings of everything, whatever the number says: retired keys leave by age. */
  readonly readAfterMs: number
}

const staleness: Staleness = { checkAfterMs: 500, readAfterMs: 60_000 }
/**
 * Between two readings that unknown key ids ask for: a mandate of a key made this moment waits for
 * the next one, and tokens that somebody makes up cost one reading together.
 */
const unknownKeyEveryMs = 50
/** A key id is a SHA-256 in base64url. */
const keyId = /^[A-Za-z0-9_-]{43}$/
const zonesKept = 1_000

interface Snapshot {
  /** On the process's monotonic clock, as all times here: age has nothing to do with the date. */
  readonly readAtMs: number
  readonly revocations: RevocationsUpTo
  readonly jwks: readonly PublicJwk[]
  readonly keys: ReadonlyMap<string, KeyObject>
  readonly revoked: ReadonlySet<string>
}

interface Kept {
  readonly checkedAtMs: number
  readonly snapshot: Promise<Snapshot>
}

export function createTrust(
  context: Pick<StsContext, 'db' | 'clock'>,
  { checkAfterMs, readAfterMs }: Staleness = staleness,
): Trust {
  const kept = createRecent<ZoneId, Kept>(zonesKept)
  const hearing = context.db.trustNotices.hear((zone) => {
    // What was said while nobody listened may have been about any zone.
    if (zone === null) kept.clear()
    else kept.delete(zone as ZoneId)
  })

  function keep(zone: ZoneId, snapshot: Promise<Snapshot>): Promise<Snapshot> {
    const entry = { checkedAtMs: performance.now(), snapshot }
    kept.set(zone, entry)
    // What could not be read is not known: the next question tries again.
    snapshot.catch(() => {
      if (kept.get(zone) === entry) kept.delete(zone)
    })
    return snapshot
  }

  function snapshotOf(zone: ZoneId): Promise<Snapshot> {
    const seen = kept.get(zone)
    if (seen === undefined) return keep(zone, read(context, zone))
    const isFresh = performance.now() - seen.checkedAtMs <= checkAfterMs
    return isFresh ? seen.snapshot : keep(zone, confirm(zone, seen.snapshot))
  }

  async function confirm(zone: ZoneId, seen: Promise<Snapshot>): Promise<Snapshot> {
    const snapshot = await seen
    if (performance.now() - snapshot.readAtMs > readAfterMs) return read(context, zone)
    const sequence = await context.db.transaction(zone, (queries) => trustSequence(queries, zone))
    return sequence === snapshot.revocations.sequence ? snapshot : read(context, zone)
  }

  /** What is true now: a reading that begins after the question does. */
  async function snapshotAfterNow(zone: ZoneId): Promise<Snapshot> {
    const askedAtMs = performance.now()
    const nextAtMs = (kept.get(zone)?.checkedAtMs ?? 0) + unknownKeyEveryMs
    if (nextAtMs > askedAtMs) await sleep(nextAtMs - askedAtMs)
    const seen = kept.get(zone)
    return seen !== undefined && seen.checkedAtMs >= askedAtMs
      ? seen.snapshot
      : keep(zone, read(context, zone))
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
    revocations: async (zone) => (await snapshotOf(zone)).revocations,
    forget: (zone) => kept.delete(zone),
    [Symbol.dispose]: () => hearing[Symbol.dispose](),
  }
}

/** Everything whose revocation ends a mandate. */
function anchorsOf(claims: MandateClaims): readonly Revoked[] {
  const anchors: Revoked[] = [
    { anchor: 'jti', value: claims.jti },
    { anchor: 'session', value: claims.sid },
    { anchor: 'root_session', value: claims.root_sid },
    { anchor: 'client', value: claims.client_id },
    { anchor: 'subject', value: claims.sub },
  ]
  if (claims.agent_session_id !== undefined)
    anchors.push({ anchor: 'agent_session', value: claims.agent_session_id })
  for (const value of claims.delegation_path ?? []) anchors.push({ anchor: 'edge', value })
  if (claims.requester_token !== undefined)
    anchors.push({ anchor: 'requester_token', value: claims.requester_token })
  return anchors
}

async function read(context: Pick<StsContext, 'db' | 'clock'>, zone: ZoneId): Promise<Snapshot> {
  const [nowMs, readAtMs] = [context.clock.now(), performance.now()]
  return context.db.transaction(zone, async (queries) => {
    // First, so that a change in between is read again rather than missed.
    const revocations = await revocationsAfter(queries, zone, 0, nowMs)
    const jwks = await verifyingKeys(queries, zone, nowMs)
    return {
      readAtMs,
      revocations,
      jwks,
      keys: new Map(jwks.map((jwk) => [jwk.kid, openPublicKey(jwk)])),
      revoked: new Set(revocations.revocations.map(nameOf)),
    }
  })
}
