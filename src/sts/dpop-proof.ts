import { hash } from 'node:crypto'
import {
  calculateJwkThumbprint,
  decodeProtectedHeader,
  EmbeddedJWK,
  errors,
  jwtVerify,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from 'jose'
import { limits } from '../kernel/limits.ts'

/** What a proof may be signed with: asymmetric algorithms alone (RFC 9449 section 4.3, check 5). */
export const proofAlgorithms = ['ES256', 'ES384', 'PS256', 'EdDSA', 'RS256']

/** Why a proof proves nothing, in the order of the checks. */
export type ProofRefusal =
  | 'dpop_proof_malformed'
  | 'dpop_proof_type'
  | 'dpop_proof_algorithm'
  | 'dpop_proof_key'
  | 'dpop_proof_signature'
  | 'dpop_proof_claims'
  | 'dpop_proof_method'
  | 'dpop_proof_url'
  | 'dpop_proof_in_future'
  | 'dpop_proof_expired'
  | 'dpop_proof_token'

/** The request that a proof has to be about. */
export interface ProvenRequest {
  readonly method: string
  /** The URLs that name the endpoint, any of which the proof may be for. */
  readonly urls: readonly string[]
  /** A token that the request presents; null where it presents none. */
  readonly token: string | null
  readonly nowMs: number
}

/** A proof of the possession of a key. That it was never used before is for the caller to see to. */
export interface Proof {
  /** RFC 7638 thumbprint of the key: what `cnf.jkt` holds (RFC 9449 section 6.1). */
  readonly jkt: string
  readonly jti: string
  /** When it is too old to be believed, in Unix milliseconds. */
  readonly endsAtMs: number
}

/** Longer than a proof with the largest key allowed. */
const proofChars = 8_192
const jtiChars = 255

/**
 * Verifies a DPoP proof (RFC 9449 section 4.3) but for its single use. `ath` is what a proof at a
 * token endpoint may have and one at a resource server must (section 7.1): where it is there, it is
 * the hash of the token that the request presents.
 */
export async function verifyProof(
  proof: string,
  request: ProvenRequest,
): Promise<Proof | ProofRefusal> {
  const header = headerOf(proof)
  if (header === null) return 'dpop_proof_malformed'
  if (header.typ !== 'dpop+jwt') return 'dpop_proof_type'
  if (!proofAlgorithms.includes(header.alg ?? '')) return 'dpop_proof_algorithm'
  const claims = await signedClaims(proof, request.nowMs)
  if (typeof claims === 'string') return claims
  const refusal = refusalOfClaims(claims, request)
  if (refusal !== null) return refusal
  const { iat = 0, jti = '' } = claims
  return {
    // The signature was verified with it, so it is a key.
    jkt: await calculateJwkThumbprint(header.jwk ?? {}),
    jti,
    endsAtMs: (iat + limits.dpopProofTtlSeconds + limits.clockSkewSeconds) * 1_000,
  }
}

function headerOf(proof: string): ProtectedHeaderParameters | null {
  // Two headers arrive as one with a comma in it, which is no JWS (section 4.3, check 1).
  if (proof.length > proofChars || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(proof)) return null
  try {
    return decodeProtectedHeader(proof)
  } catch {
    return null
  }
}

async function signedClaims(proof: string, nowMs: number): Promise<JWTPayload | ProofRefusal> {
  try {
    const { payload } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: proofAlgorithms,
      clockTolerance: limits.clockSkewSeconds,
      currentDate: new Date(nowMs),
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return 'dpop_proof_signature'
    if (error instanceof errors.JWTExpired) return 'dpop_proof_expired'
    if (error instanceof errors.JWTClaimValidationFailed) return 'dpop_proof_claims'
    if (error instanceof errors.JWTInvalid) return 'dpop_proof_malformed'
    // What is left is about the embedded key: a private, a symmetric, a small or a wrong one.
    return 'dpop_proof_key'
  }
}

function refusalOfClaims(
  { htm, htu, iat, jti, ath }: JWTPayload,
  { method, urls, token, nowMs }: ProvenRequest,
): ProofRefusal | null {
  if (typeof htm !== 'string' || typeof htu !== 'string' || typeof iat !== 'number')
    return 'dpop_proof_claims'
  if (typeof jti !== 'string' || jti === '' || jti.length > jtiChars) return 'dpop_proof_claims'
  if (htm !== method) return 'dpop_proof_method'
  const target = withoutQuery(htu)
  if (target === null || !urls.some((url) => withoutQuery(url) === target)) return 'dpop_proof_url'
  const ageSeconds = nowMs / 1_000 - iat
  if (ageSeconds < -limits.clockSkewSeconds) return 'dpop_proof_in_future'
  if (ageSeconds > limits.dpopProofTtlSeconds + limits.clockSkewSeconds) return 'dpop_proof_expired'
  if (ath !== undefined && (token === null || ath !== hash('sha256', token, 'base64url')))
    return 'dpop_proof_token'
  return null
}

/** RFC 9449 section 4.3, check 9: without query and fragment, after normalization. */
function withoutQuery(url: string): string | null {
  if (!URL.canParse(url)) return null
  const parsed = new URL(url)
  parsed.search = ''
  parsed.hash = ''
  return parsed.href
}
