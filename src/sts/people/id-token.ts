import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose'
import { limits } from '../../kernel/limits.ts'
import type { SubjectIssuer } from '../../store/subject-issuers.ts'
import type { SeenUser } from '../../store/subjects.ts'
import type { IssuerKeys } from './issuer-keys.ts'

/** Why an id_token is not believed, in the order of the checks. */
export type IdTokenRefusal =
  | 'malformed'
  | 'wrong_type'
  | 'issuer_unknown'
  | 'wrong_algorithm'
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'wrong_party'
  | 'claim_missing'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_future'
  | 'subject_malformed'

/** A user for whom an issuer of the zone has vouched. */
export interface Vouched extends SeenUser {
  readonly issuerId: string
  /** Unix milliseconds. */
  readonly issuedAtMs: number
  readonly expiresAtMs: number
}

export type Believed =
  | { readonly user: Vouched; readonly refusal: null }
  | { readonly user: null; readonly refusal: IdTokenRefusal }

/** Longer than any id_token: what is larger is not even parsed. */
const tokenChars = 16_384

/** Who says to have issued an id_token, not believed yet; or why it is none. */
export function issuerIn(token: string): { readonly issuer: string } | IdTokenRefusal {
  if (token.length > tokenChars) return 'malformed'
  try {
    const { typ } = decodeProtectedHeader(token)
    // RFC 8725 section 3.11: what says to be something else, such as a mandate, is no id_token.
    if (typ !== undefined && typ.toUpperCase() !== 'JWT') return 'wrong_type'
    const { iss } = decodeJwt(token)
    return iss === undefined ? 'malformed' : { issuer: iss }
  } catch {
    return 'malformed'
  }
}

/**
 * Verifies an id_token of a subject issuer (OpenID Connect Core 1.0 section 3.1.3.7, RFC 8725).
 * Throws FetchError where the issuer's keys cannot be had.
 */
export async function believeIdToken(
  keys: IssuerKeys,
  issuer: SubjectIssuer,
  token: string,
  nowMs: number,
): Promise<Believed> {
  // The issuer is not asked for keys on behalf of a token that none of them could have signed.
  const { alg } = decodeProtectedHeader(token)
  if (!issuer.algorithms.includes(alg ?? '')) return refused('wrong_algorithm')
  const verified = await payloadOf(keys, issuer, token, nowMs)
  if (typeof verified === 'string') return refused(verified)
  const refusal = refusalOf(verified, issuer, nowMs)
  return refusal === null ? vouched(verified, issuer) : refused(refusal)
}

async function payloadOf(
  keys: IssuerKeys,
  issuer: SubjectIssuer,
  token: string,
  nowMs: number,
): Promise<JWTPayload | IdTokenRefusal> {
  const first = await verified(await keys.of(issuer), issuer, token, nowMs)
  // Its keys may have been rotated since they were read.
  return first === 'unknown_key' ? verified(await keys.anew(issuer), issuer, token, nowMs) : first
}

async function verified(
  key: JWTVerifyGetKey,
  issuer: SubjectIssuer,
  token: string,
  nowMs: number,
): Promise<JWTPayload | IdTokenRefusal> {
  try {
    const { payload } = await jwtVerify(token, key, {
      issuer: issuer.issuer,
      audience: issuer.audience,
      algorithms: issuer.algorithms,
      requiredClaims: ['iat', 'exp'],
      clockTolerance: limits.clockSkewSeconds,
      currentDate: new Date(nowMs),
    })
    return payload
  } catch (error) {
    return refusalFor(error)
  }
}

const refusalsByCode: Readonly<Record<string, IdTokenRefusal>> = {
  [errors.JOSEAlgNotAllowed.code]: 'wrong_algorithm',
  [errors.JOSENotSupported.code]: 'wrong_algorithm',
  [errors.JWKSNoMatchingKey.code]: 'unknown_key',
  [errors.JWKSMultipleMatchingKeys.code]: 'unknown_key',
  [errors.JWSSignatureVerificationFailed.code]: 'bad_signature',
  [errors.JWTExpired.code]: 'expired',
}

const refusalsByClaim: Readonly<Record<string, IdTokenRefusal>> = {
  iss: 'wrong_issuer',
  aud: 'wrong_audience',
  nbf: 'not_yet_valid',
}

function refusalFor(error: unknown): IdTokenRefusal {
  if (error instanceof errors.JWTClaimValidationFailed)
    return error.reason === 'missing'
      ? 'claim_missing'
      : (refusalsByClaim[error.claim] ?? 'claim_missing')
  // Whatever else a key of the issuer or a token of anybody brings about is no reason to believe it.
  return error instanceof errors.JOSEError
    ? (refusalsByCode[error.code] ?? 'malformed')
    : 'bad_signature'
}

function refusalOf(
  payload: JWTPayload,
  issuer: SubjectIssuer,
  nowMs: number,
): IdTokenRefusal | null {
  const { aud, azp, iat = Infinity } = payload
  // For several audiences the party must be named, and a party that is named must be this one.
  const several = Array.isArray(aud) && aud.length > 1
  if ((azp !== undefined || several) && azp !== issuer.audience) return 'wrong_party'
  if (iat * 1_000 > nowMs + limits.clockSkewSeconds * 1_000) return 'issued_in_future'
  return null
}

/** A subject goes into mandates, grants and events as it is. */
const printable = /^[\u0021-\u007e]{1,200}$/

function vouched(payload: JWTPayload, { id, claims }: SubjectIssuer): Believed {
  const subject = Object.hasOwn(payload, claims.subject) ? payload[claims.subject] : undefined
  if (typeof subject !== 'string' || !printable.test(subject)) return refused('subject_malformed')
  const { iat = 0, exp = 0 } = payload
  return {
    user: {
      // By the id of the issuer's object: two issuers may know different people by one name.
      userId: `${id}:${subject}`,
      issuerId: id,
      name: readable(Object.hasOwn(payload, claims.name) ? payload[claims.name] : null) ?? subject,
      issuedAtMs: iat * 1_000,
      expiresAtMs: exp * 1_000,
    },
    refusal: null,
  }
}

/** One line of visible characters, since people are shown it; null where nothing is left of it. */
function readable(name: unknown): string | null {
  if (typeof name !== 'string') return null
  const line = name.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return line === '' ? null : [...line].slice(0, limits.nameChars).join('')
}

function refused(refusal: IdTokenRefusal): Believed {
  return { user: null, refusal }
}
