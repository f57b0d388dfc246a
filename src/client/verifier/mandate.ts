import { hash } from 'node:crypto'

/** The claims of a mandate that a resource server meets (RFC 9068 section 2.2). Times in seconds. */
export interface MandateClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly jti: string
  readonly zone_id: string
  readonly client_id: string
  /** Separated by spaces. */
  readonly scope: string
  readonly sid: string
  readonly root_sid: string
  readonly use: string
  readonly sub_type?: string
  readonly target?: readonly string[]
  /** Who acts for the subject; where it is nested, the outermost acts now (RFC 8693 section 4.1). */
  readonly act?: Readonly<Record<string, unknown>>
  readonly agent_session_id?: string
  readonly delegation_edge_id?: string
  readonly delegation_path?: readonly string[]
  readonly delegation_chain?: readonly string[]
  readonly hop_count?: number
  /** The thumbprint of the key that the mandate is bound to (RFC 9449 section 6.1). */
  readonly cnf?: { readonly jkt: string }
}

/** A mandate that was verified. */
export interface Mandate {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  /** Unix milliseconds. */
  readonly expiresAtMs: number
  readonly claims: MandateClaims
}

const texts = 'iss sub jti zone_id client_id scope sid root_sid use'.split(' ')
const optionalTexts = 'agent_session_id delegation_edge_id'.split(' ')
const optionalLists = 'delegation_path delegation_chain'.split(' ')

/** What is signed is still read as what it should be; null where a claim has another form. */
export function claimsOf(payload: Readonly<Record<string, unknown>>): MandateClaims | null {
  const { aud, exp, iat, cnf } = payload
  const audience = typeof aud === 'string' ? [aud] : aud
  const fits =
    texts.every((name) => typeof payload[name] === 'string') &&
    optionalTexts.every((name) => isAbsentOr(payload[name], isText)) &&
    optionalLists.every((name) => isAbsentOr(payload[name], isTexts)) &&
    isTexts(audience) &&
    Number.isFinite(exp) &&
    Number.isFinite(iat) &&
    isAbsentOr(cnf, isBinding)
  return fits ? ({ ...payload, aud: audience } as unknown as MandateClaims) : null
}

function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}

/** Of another binding than to a key by its thumbprint nothing is understood, so it is refused. */
function isBinding(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'jkt' in value && isText(value.jkt)
}

export function mandateOf(claims: MandateClaims): Mandate {
  return {
    subject: claims.sub,
    clientId: claims.client_id,
    scopes: claims.scope.split(' ').filter((scope) => scope !== ''),
    expiresAtMs: claims.exp * 1_000,
    claims,
  }
}

/** Everything whose revocation ends a mandate, as the feed names it: `anchor:value`. */
export function anchorsOf(claims: MandateClaims): readonly string[] {
  const { agent_session_id: agent, delegation_edge_id: edge } = claims
  return [
    `jti:${claims.jti}`,
    `session:${claims.sid}`,
    `root_session:${claims.root_sid}`,
    `client:${claims.client_id}`,
    `subject:${hash('sha256', claims.sub, 'base64url')}`,
    ...[agent ?? [], claims.delegation_chain ?? []].flat().map((id) => `agent_session:${id}`),
    ...[edge ?? [], claims.delegation_path ?? []].flat().map((id) => `edge:${id}`),
  ]
}
