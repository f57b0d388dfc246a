import { hash } from 'node:crypto'
import { compactVerify } from 'jose'
import { createProofCheck, type ProofCheck } from './dpop.ts'
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts'
import { readJws, type UnverifiedJws } from './jws.ts'
import { anchorsOf, claimsOf, mandateOf, type Mandate, type MandateClaims } from './mandate.ts'
import { MandateError } from './mandate-error.ts'
import type { MandateRefusalCode } from './refusals-table.ts'
import { followRevocations, type Revocations } from './revocations.ts'

export interface MandateVerifierOptions {
  /** The issuer of the zone, `https://HOST/zones/zone_...`, letter for letter. */
  readonly issuer: string
  /** The identifier of the resource that is protected. */
  readonly audience: string
  /** The zone; absent: the one that the issuer names. */
  readonly zoneId?: string
  /** Scopes that every request needs, beside those of its route. */
  readonly requiredScopes?: readonly string[]
  /** What mandates must have been made for; `resource` when absent. */
  readonly use?: string
  readonly dpop?: {
    /** `https://api.example`: what clients call this server. Absent: the audience, if it is a URL. */
    readonly origin?: string
    /** Whether mandates that are bound to no key are refused. */
    readonly required?: boolean
  }
  /** Where this resource's metadata is (RFC 9728), for the challenges. */
  readonly resourceMetadataUrl?: string
  /** Base URL at which the issuer is reached from here, where that is not its own name. */
  readonly serviceUrl?: string
  /** For how long the issuer may be silent before every request is refused; 10,000 when absent. */
  readonly feedStaleAfterMs?: number
  /** By how much clocks may differ; 5 when absent. */
  readonly clockSkewSeconds?: number
  readonly fetch?: typeof fetch
  /** Unix milliseconds; the system's clock when absent. */
  readonly now?: () => number
}

/** The parts of a request that a mandate is judged by. */
export interface MandateRequest {
  readonly method: string
  /** Path and query, as they came. */
  readonly path: string
  readonly authorization: string | null | undefined
  /** The `DPoP` header. */
  readonly dpop: string | null | undefined
}

export interface RouteOptions {
  /** The scopes that the route needs. */
  readonly scopes?: readonly string[]
}

/** Verifies the mandates that a resource server is shown. Closing it ends its stream. */
export interface MandateVerifier extends AsyncDisposable {
  readonly issuer: string
  readonly audience: string
  /** Resolves when the issuer has been asked for its revocations; requests wait for that. */
  readonly ready: Promise<unknown>
  /** Throws {@link MandateError} where the request is to be refused. */
  verify(request: MandateRequest, route?: RouteOptions): Promise<Mandate>
}

/** A mandate whose signature holds: it stays so, and all else is judged each time. */
interface Signed {
  readonly kid: string
  readonly mandate: Mandate
  readonly anchors: readonly string[]
}

interface Parts {
  readonly options: MandateVerifierOptions
  readonly zone: string
  readonly skewMs: number
  readonly origin: string | null
  readonly now: () => number
  readonly keys: IssuerKeys
  readonly revocations: Revocations
  readonly proofs: ProofCheck
  readonly signed: Map<string, Signed>
}

const staleAfterMsDefault = 10_000
const skewSecondsDefault = 5
/** Mandates whose signatures are kept: checking one costs more than everything else together. */
const mandatesKept = 20_000

/**
 * Begins to follow the issuer. Throws `TypeError` for an issuer that is neither https nor on this
 * machine: whoever stands between could revoke, and unrevoke, whatever he likes.
 */
export function createMandateVerifier(options: MandateVerifierOptions): MandateVerifier {
  const { issuer, audience, serviceUrl, now = Date.now, fetch: send = fetch } = options
  const path = new URL(issuer).pathname.replace(/\/+$/, '')
  const at = serviceUrl === undefined ? issuer : `${serviceUrl.replace(/\/+$/, '')}${path}`
  if (serviceUrl === undefined) requireSafe(issuer)
  const skewSeconds = options.clockSkewSeconds ?? skewSecondsDefault
  const revocations = followRevocations({
    url: `${at}/revocations`,
    ...{ send, now },
    staleAfterMs: options.feedStaleAfterMs ?? staleAfterMsDefault,
  })
  const parts: Parts = {
    ...{ options, now, revocations },
    zone: options.zoneId ?? path.slice(path.lastIndexOf('/') + 1),
    skewMs: skewSeconds * 1_000,
    origin: options.dpop?.origin ?? originOf(audience),
    keys: createIssuerKeys(`${at}/.well-known/jwks.json`, send),
    proofs: createProofCheck(now, skewSeconds),
    signed: new Map(),
  }
  return {
    ...{ issuer, audience },
    ready: revocations.asked,
    verify: (request, route = {}) => verify(parts, request, route),
    [Symbol.asyncDispose]: () => revocations[Symbol.asyncDispose](),
  }
}

function requireSafe(issuer: string): void {
  const { protocol, hostname } = new URL(issuer)
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
  if (protocol !== 'https:' && !isLocal)
    throw new TypeError(`${issuer} is not https; give serviceUrl where the way to it is safe`)
}

function originOf(audience: string): string | null {
  if (!URL.canParse(audience)) return null
  const { protocol, origin } = new URL(audience)
  return /^https?:$/.test(protocol) ? origin : null
}

async function verify(
  parts: Parts,
  request: MandateRequest,
  { scopes = [] }: RouteOptions,
): Promise<Mandate> {
  const { options, revocations } = parts
  const needed = [...(options.requiredScopes ?? []), ...scopes]
  const refuse = (code: MandateRefusalCode, cause?: unknown): never => {
    const { resourceMetadataUrl, dpop } = options
    const challenge = { scopes: needed, resourceMetadataUrl, dpop: dpop?.required }
    throw new MandateError(code, challenge, cause)
  }
  const [, scheme = '', token] = /^(bearer|dpop) +(\S+) *$/i.exec(request.authorization ?? '') ?? []
  if (token === undefined) return refuse('mandate_missing')
  const signed = await signedMandate(parts, token, refuse)
  const { mandate, anchors } = signed
  const refusal =
    refusalOfClaims(parts, mandate.claims) ??
    (await refusalOfBinding(parts, request, scheme, token, mandate.claims))
  if (refusal !== null) return refuse(refusal)
  await revocations.asked
  if (!revocations.isFresh()) return refuse('revocation_feed_stale')
  if (revocations.hasAny(anchors)) return refuse('revoked')
  if (!needed.every((scope) => mandate.scopes.includes(scope))) return refuse('insufficient_scope')
  return mandate
}

/** The mandate that a token is, kept by its hash: a copy of the memory holds no usable token. */
async function signedMandate(
  parts: Parts,
  token: string,
  refuse: (code: MandateRefusalCode, cause?: unknown) => never,
): Promise<Signed> {
  const name = hash('sha256', token, 'base64url')
  const seen = parts.signed.get(name)
  if (seen !== undefined && parts.keys.has(seen.kid)) return seen
  const jws = readJws(token)
  if (jws === null) return refuse('malformed')
  const refusal = refusalOfHeader(parts, jws)
  if (refusal !== null) return refuse(refusal)
  const kid = typeof jws.header.kid === 'string' ? jws.header.kid : ''
  const key = await parts.keys.keyOf(kid).catch((error: unknown) => {
    return refuse('keys_unavailable', error)
  })
  if (key === undefined) return refuse('unknown_key')
  await compactVerify(token, key, { algorithms: ['ES256'] }).catch((error: unknown) => {
    return refuse('bad_signature', error)
  })
  const claims = claimsOf(jws.claims)
  if (claims === null) return refuse('malformed')
  const signed = { kid, mandate: mandateOf(claims), anchors: anchorsOf(claims) }
  keep(parts.signed, name, signed)
  return signed
}

function keep(kept: Map<string, Signed>, name: string, signed: Signed): void {
  kept.set(name, signed)
  // A Map iterates in order of insertion, and mandates live about equally long.
  for (const oldest of kept.keys()) {
    if (kept.size <= mandatesKept) return
    kept.delete(oldest)
  }
}

/** RFC 8725 section 3: algorithm and type are the verifier's choice. No extension is understood. */
function refusalOfHeader(
  { options, zone }: Parts,
  { header, claims }: UnverifiedJws,
): MandateRefusalCode | null {
  if (header.typ !== 'at+jwt') return 'wrong_type'
  if (header.alg !== 'ES256' || header.crit !== undefined) return 'wrong_algorithm'
  if (claims.iss !== options.issuer) return 'wrong_issuer'
  return claims.zone_id === zone ? null : 'wrong_zone'
}

function refusalOfClaims(
  { options, skewMs, now }: Parts,
  claims: MandateClaims,
): MandateRefusalCode | null {
  if (claims.iat * 1_000 > now() + skewMs) return 'issued_in_future'
  if (claims.exp * 1_000 + skewMs <= now()) return 'expired'
  if (!claims.aud.includes(options.audience)) return 'wrong_audience'
  return claims.use === (options.use ?? 'resource') ? null : 'wrong_use'
}

/** RFC 9449 section 7.1: a bound mandate comes with a proof, under a scheme of its own. */
async function refusalOfBinding(
  { options, origin, proofs }: Parts,
  { method, path, dpop: proof }: MandateRequest,
  scheme: string,
  token: string,
  { cnf }: MandateClaims,
): Promise<MandateRefusalCode | null> {
  const isProven = scheme.toLowerCase() === 'dpop'
  if (cnf === undefined) {
    if (options.dpop?.required === true) return 'dpop_required'
    return isProven ? 'dpop_not_bound' : null
  }
  if (!isProven) return 'dpop_required'
  if (proof === undefined || proof === null) return 'dpop_proof_missing'
  // Taken from the request's Host header, the address would be the sender's choice.
  if (origin === null) return 'dpop_proof_wrong_request'
  const proven = { proof, method, url: `${origin}${path}`, token, thumbprint: cnf.jkt }
  return proofs.refusalOf(proven)
}
