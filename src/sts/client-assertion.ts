import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose'
import type { Id } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { useOnce } from '../store/used-once.ts'
import { issuerOf, tokenEndpointOf } from './issuer.ts'
import type { Exchange } from './parts.ts'

/** What a client may sign its assertions with (RFC 8725 section 3.1: an allow-list). */
export const assertionAlgorithms = ['ES256', 'ES384', 'PS256', 'EdDSA', 'RS256'] as const

/** RFC 8725 section 3.11: what was signed to be something else is no assertion. */
const assertionTypes: readonly (string | undefined)[] = [
  undefined,
  'jwt',
  'client-authentication+jwt',
]

/** Why an assertion does not authenticate its client. */
export type AssertionRefusal =
  | 'assertion_malformed'
  | 'assertion_algorithm'
  | 'assertion_key_unknown'
  | 'assertion_kid_required'
  | 'assertion_signature'
  | 'assertion_type'
  | 'assertion_expired'
  | 'assertion_claims'
  | 'assertion_too_long'
  | 'assertion_replayed'

/** Refusals that come after the signature was verified: only the client itself learns of them. */
export const refusalsToTell: ReadonlySet<string> = new Set<AssertionRefusal>([
  'assertion_type',
  'assertion_expired',
  'assertion_claims',
  'assertion_too_long',
  'assertion_replayed',
])

const refusalByCode: Readonly<Record<string, AssertionRefusal>> = {
  [errors.JOSEAlgNotAllowed.code]: 'assertion_algorithm',
  [errors.JOSENotSupported.code]: 'assertion_algorithm',
  [errors.JWKSNoMatchingKey.code]: 'assertion_key_unknown',
  [errors.JWKSMultipleMatchingKeys.code]: 'assertion_kid_required',
  [errors.JWSSignatureVerificationFailed.code]: 'assertion_signature',
  [errors.JWTExpired.code]: 'assertion_expired',
  [errors.JWTClaimValidationFailed.code]: 'assertion_claims',
}

/**
 * Verifies a client assertion (RFC 7523 sections 2.2 and 3) with the client's registered keys: for
 * this zone, a minute long at the most, never seen before. Null: it authenticates the client.
 */
export async function refusalOfAssertion(
  exchange: Exchange,
  client: { readonly id: Id<'application'>; readonly jwks: object | null },
  assertion: string,
): Promise<AssertionRefusal | null> {
  const { context } = exchange.parts
  const base = context.issuerBase()
  if (client.jwks === null) return 'assertion_key_unknown'
  let claims: JWTPayload
  try {
    const verified = await jwtVerify(assertion, createLocalJWKSet(client.jwks as JSONWebKeySet), {
      algorithms: [...assertionAlgorithms],
      issuer: client.id,
      subject: client.id,
      audience: [issuerOf(base, exchange.zone), tokenEndpointOf(base, exchange.zone)],
      requiredClaims: ['exp', 'jti'],
      clockTolerance: limits.clockSkewSeconds,
      currentDate: new Date(exchange.nowMs),
    })
    if (!assertionTypes.includes(verified.protectedHeader.typ?.toLowerCase()))
      return 'assertion_type'
    claims = verified.payload
  } catch (error) {
    const code = error instanceof errors.JOSEError ? error.code : ''
    return refusalByCode[code] ?? 'assertion_malformed'
  }
  return refusalOfClaims(exchange, client.id, claims)
}

const jtiChars = 255

async function refusalOfClaims(
  exchange: Exchange,
  client: Id<'application'>,
  { exp = 0, iat = 0, jti }: JWTPayload,
): Promise<AssertionRefusal | null> {
  const nowSeconds = exchange.nowMs / 1_000
  const { clientAssertionTtlSeconds, clockSkewSeconds } = limits
  if (exp > nowSeconds + clientAssertionTtlSeconds + clockSkewSeconds) return 'assertion_too_long'
  if (iat > nowSeconds + clockSkewSeconds) return 'assertion_claims'
  if (typeof jti !== 'string' || jti === '' || jti.length > jtiChars) return 'assertion_claims'
  const until = new Date((exp + 2 * clockSkewSeconds) * 1_000)
  const isFirst = await exchange.parts.context.db.transaction(exchange.zone, (queries) =>
    useOnce(queries, exchange.zone, {
      purpose: 'client_assertion',
      value: `${client}:${jti}`,
      until,
    }),
  )
  return isFirst ? null : 'assertion_replayed'
}
