import { hash } from 'node:crypto'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { MandateClaims, MandateUse } from './claims.ts'
import type { StsContext } from './context.ts'
import { issuerOf } from './issuer.ts'
import { isSignedBy, mandateType, readJws } from './jws.ts'
import { createRecent } from './recent.ts'
import type { Trust } from './trust.ts'

/** Why a mandate is not believed, in the order of the checks. */
export type MandateRefusal =
  | 'malformed'
  | 'wrong_type'
  | 'wrong_algorithm'
  | 'wrong_issuer'
  | 'unknown_key'
  | 'bad_signature'
  | 'issued_in_future'
  | 'expired'
  | 'wrong_audience'
  | 'wrong_use'
  | 'revoked'

export type Verified =
  | { readonly claims: MandateClaims; readonly refusal: null }
  | { readonly claims: null; readonly refusal: MandateRefusal }

/** What the verifier is there for; null: any. */
export interface Expected {
  readonly use: MandateUse | null
  readonly audience: string | null
}

/** Verifies mandates that a zone of this service has issued. */
export interface MandateVerifier {
  verify(zone: ZoneId, token: string, expected: Expected): Promise<Verified>
}

/** Verified signatures that are kept: checking one costs more than everything else together. */
const tokensKept = 10_000

export function createMandateVerifier(
  context: Pick<StsContext, 'clock' | 'issuerBase'>,
  trust: Trust,
): MandateVerifier {
  const signed = createRecent<string, MandateClaims>(tokensKept)

  async function claimsOf(zone: ZoneId, token: string): Promise<MandateClaims | MandateRefusal> {
    // By its hash, so that a copy of the memory holds no usable token.
    const name = `${zone}:${hash('sha256', token, 'base64url')}`
    const seen = signed.get(name)
    if (seen !== undefined) return seen
    const claims = await signedClaims(trust, zone, issuerOf(context.issuerBase(), zone), token)
    if (typeof claims !== 'string') signed.set(name, claims)
    return claims
  }

  return {
    async verify(zone, token, expected) {
      const claims = await claimsOf(zone, token)
      if (typeof claims === 'string') return { claims: null, refusal: claims }
      const refusal = refusalOf(claims, expected, context.clock.now())
      if (refusal !== null) return { claims: null, refusal }
      if (await trust.isRevoked(zone, claims)) return { claims: null, refusal: 'revoked' }
      return { claims, refusal: null }
    },
  }
}

/** The claims of a token that this zone has signed, whatever they say. */
async function signedClaims(
  trust: Trust,
  zone: ZoneId,
  issuer: string,
  token: string,
): Promise<MandateClaims | MandateRefusal> {
  const jws = readJws(token)
  if (jws === null) return 'malformed'
  const { alg, typ, kid, crit } = jws.header
  if (typ !== mandateType) return 'wrong_type'
  // RFC 8725 section 3.1: the algorithm is the verifier's choice. No extension is understood.
  if (alg !== 'ES256' || crit !== undefined) return 'wrong_algorithm'
  if (jws.claims['iss'] !== issuer || jws.claims['zone_id'] !== zone) return 'wrong_issuer'
  const key = typeof kid === 'string' ? await trust.keyOf(zone, kid) : undefined
  if (key === undefined) return 'unknown_key'
  if (!isSignedBy(jws, key)) return 'bad_signature'
  // Only mandateClaims() is ever signed with a zone's key, so the shape is known from here on.
  return jws.claims as unknown as MandateClaims
}

function refusalOf(
  claims: MandateClaims,
  expected: Expected,
  nowMs: number,
): MandateRefusal | null {
  if (claims.iat * 1_000 > nowMs + limits.clockSkewSeconds * 1_000) return 'issued_in_future'
  if (claims.exp * 1_000 <= nowMs) return 'expired'
  if (expected.audience !== null && !claims.aud.includes(expected.audience)) return 'wrong_audience'
  if (expected.use !== null && claims.use !== expected.use) return 'wrong_use'
  return null
}
