import { proofAlgorithms, refusals, type MandateRefusalCode } from './refusals-table.ts'

/** What a challenge tells beside the refusal. */
export interface Challenge {
  /** The scopes that the route needs. */
  readonly scopes?: readonly string[]
  /** RFC 9728: where a client learns which issuer to ask. */
  readonly resourceMetadataUrl?: string | undefined
  /** Whether mandates must be bound to keys here. */
  readonly dpop?: boolean | undefined
}

/**
 * A request that is refused: `code` says why, exactly; the rest is the answer. `status` is 401, 403,
 * or 503 where the mandate cannot be judged at the moment and is to be sent again.
 */
export class MandateError extends Error {
  readonly code: MandateRefusalCode
  readonly status: number
  /** RFC 6750 section 3: what goes into `WWW-Authenticate`; null where trying again is all. */
  readonly wwwAuthenticate: string | null
  /** The headers of the answer, among them the challenge. */
  readonly headers: Readonly<Record<string, string>>
  /** The body of the answer, to be sent as JSON. */
  readonly body: {
    readonly error: string
    readonly reason: MandateRefusalCode
    readonly error_description: string
  }

  constructor(code: MandateRefusalCode, challenge: Challenge = {}, cause?: unknown) {
    const { status, error, message } = refusals[code]
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'MandateError'
    this.code = code
    this.status = status
    this.wwwAuthenticate = status === 503 ? null : challengeOf(code, challenge)
    this.headers = {
      'cache-control': 'no-store',
      ...(this.wwwAuthenticate === null
        ? { 'retry-after': '1' }
        : { 'www-authenticate': this.wwwAuthenticate }),
    }
    this.body = {
      error: error ?? (status === 503 ? 'temporarily_unavailable' : 'invalid_request'),
      reason: code,
      error_description: message,
    }
  }
}

function challengeOf(code: MandateRefusalCode, challenge: Challenge): string {
  const { error, message } = refusals[code]
  const { scopes = [], resourceMetadataUrl } = challenge
  const isBound =
    challenge.dpop === true || code.startsWith('dpop_proof') || code === 'dpop_required'
  const parameters = [
    // RFC 6750 section 3.1: without credentials, no error.
    ...(error === null ? [] : [['error', error] as const, ['error_description', message] as const]),
    ...(scopes.length === 0 ? [] : [['scope', scopes.join(' ')] as const]),
    ...(isBound ? [['algs', proofAlgorithms.join(' ')] as const] : []),
    ...(resourceMetadataUrl === undefined
      ? []
      : [['resource_metadata', resourceMetadataUrl] as const]),
  ]
  const quoted = parameters.map(([name, value]) => `${name}="${value.replace(/["\\]/g, '')}"`)
  return [isBound ? 'DPoP' : 'Bearer', quoted.join(', ')].join(' ').trim()
}
