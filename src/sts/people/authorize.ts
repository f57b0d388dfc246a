import { createHash } from 'node:crypto'
import { hashOfSecret, newSecret } from '../../kernel/bearer-secret.ts'
import type { TokenEventType } from '../../audit/event-types.ts'
import { isFault, refuse, type Fault } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import { insertCode } from '../../store/authorization-codes.ts'
import { findTokenByHash, isLive } from '../../store/principals.ts'
import { signInIssuers } from '../../store/subject-issuers.ts'
import type { SeenUser } from '../../store/subjects.ts'
import { issuerOf } from '../issuer.ts'
import type { Parameters } from '../parameters.ts'
import type { EndpointRequest, Exchange, Parts } from '../parts.ts'
import { admitSignIn, countSignInFailure } from '../rates.ts'
import { serve, type Settled } from '../serve.ts'
import {
  findReturn,
  parseRequest,
  type AuthorizationRequest,
  type ReturnAddress,
} from './authorization-request.ts'
import { beginRoundTrip, endRoundTrip } from './round-trip.ts'
import { refusalPage, signInPage, type Page } from './sign-in-page.ts'

/** A request to the authorization endpoint: `form` is its query, or the form of the page. */
export interface AuthorizeRequest extends EndpointRequest {
  /** What the cookie of the page holds in this browser. */
  readonly browser: string
}

/** What a browser is answered: a page, or where to go. */
export type AuthorizeAnswer =
  | { readonly page: Page; readonly location: null }
  | { readonly page: null; readonly location: string }

/** RFC 6749 section 4.1.1: a client has sent somebody here, who is asked who they are. */
export function askToSignIn(parts: Parts, request: AuthorizeRequest): Promise<AuthorizeAnswer> {
  return answered(parts, request, 'authorize.request', async (exchange, back) => {
    const { parameters } = exchange
    const wanted = parseRequest(parameters, await back.find(parameters))
    return { answer: await pageAnswer(exchange, request, wanted, null) }
  })
}

/** The form of the page comes back: with an admin token, or for a way to an issuer. */
export function signIn(parts: Parts, request: AuthorizeRequest): Promise<AuthorizeAnswer> {
  return answered(parts, request, 'authorize.sign_in', async (exchange, back) => {
    const { parameters, nowMs, event } = exchange
    refuseForged(parameters, request.browser)
    const wanted = parseRequest(parameters, await back.find(parameters))
    const issuer = parameters.get('subject_issuer')
    if (issuer !== undefined) return beginRoundTrip(exchange, wanted, issuer, request.browser)
    const person = await personOf(exchange, parameters.get('admin_token') ?? '')
    if (person === null) {
      event.reason = 'admin_token_not_accepted'
      back.show(
        await pageAnswer(exchange, request, wanted, 'This admin token signs nobody in here.'),
      )
      return refuse('access_denied', 'The admin token signs nobody in here.')
    }
    event.actor = { kind: 'person', id: person.user.userId, name: person.user.name }
    return giveCode(exchange, wanted, { ...person, issuedAtMs: nowMs })
  })
}

/** An issuer sends somebody back (OpenID Connect Core 1.0 section 3.1.2.5). */
export function returnFromIssuer(
  parts: Parts,
  request: AuthorizeRequest,
): Promise<AuthorizeAnswer> {
  return answered(parts, request, 'authorize.callback', async (exchange, back) => {
    const trip = await endRoundTrip(exchange, request.browser)
    const wanted = parseRequest(trip.parameters, await back.find(trip.parameters))
    const user = await trip.user(request.form ?? '')
    return giveCode(exchange, wanted, { user, adminTokenId: null, issuedAtMs: user.issuedAtMs })
  })
}

/** What a refusal becomes: a redirection once it is known where to, a page until then. */
interface Back {
  find(parameters: Parameters): ReturnType<typeof findReturn>
  show(answer: AuthorizeAnswer): void
}

interface Answered {
  readonly change?: Settled<AuthorizeAnswer>['change']
  readonly answer: AuthorizeAnswer
}

async function answered(
  parts: Parts,
  request: AuthorizeRequest,
  type: TokenEventType,
  run: (exchange: Exchange, back: Back) => Promise<Answered>,
): Promise<AuthorizeAnswer> {
  let refusedWith: ((fault: Fault) => AuthorizeAnswer) | null = null
  try {
    return await serve(parts, request, type, async (exchange) => {
      admitSignIn(exchange)
      const { change, answer } = await run(exchange, {
        async find(parameters) {
          const found = await findReturn(exchange, parameters)
          refusedWith = (fault) => redirect(exchange, found, errorParameters(fault))
          return found
        },
        show: (answer) => {
          refusedWith = () => answer
        },
      })
      return { change, answer: () => answer }
    })
  } catch (error) {
    if (!isFault(error)) throw error
    countSignInFailure(parts, request, error)
    const asRedirect = refusedWith as ((fault: Fault) => AuthorizeAnswer) | null
    if (asRedirect !== null) return asRedirect(error)
    return { page: refusalPage(error, request.requestId), location: null }
  }
}

/** Codes that a client knows from this endpoint (RFC 6749 section 4.1.2.1, RFC 8707 section 2). */
const errorCodes: Readonly<Partial<Record<Fault['code'], string>>> = {
  invalid_request: 'invalid_request',
  access_denied: 'access_denied',
  unsupported_response_type: 'unsupported_response_type',
  invalid_scope: 'invalid_scope',
  invalid_target: 'invalid_target',
  not_ready: 'temporarily_unavailable',
}

function errorParameters(fault: Fault): Record<string, string> {
  return { error: errorCodes[fault.code] ?? 'server_error', error_description: fault.message }
}

/** RFC 9207: who answers is said with every answer, so that no other can pass for this zone. */
function redirect(
  { parts, zone }: Exchange,
  { redirectUri, state }: ReturnAddress,
  parameters: Readonly<Record<string, string>>,
): AuthorizeAnswer {
  const url = new URL(redirectUri)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  if (state !== null) url.searchParams.set('state', state)
  url.searchParams.set('iss', issuerOf(parts.context.issuerBase(), zone))
  return { page: null, location: url.href }
}

async function pageAnswer(
  { parts, zone, parameters }: Exchange,
  { browser }: AuthorizeRequest,
  wanted: AuthorizationRequest,
  refused: string | null,
): Promise<AuthorizeAnswer> {
  const issuers = await parts.context.db.transaction(zone, (queries) =>
    signInIssuers(queries, zone),
  )
  const { name: applicationName } = wanted.application
  const { redirectUri } = wanted
  const csrf = csrfOf(browser)
  return {
    page: signInPage({ applicationName, redirectUri, parameters, issuers, csrf, refused }),
    location: null,
  }
}

/** Follows from the cookie, which no other site can read: a form with it came from this page. */
function csrfOf(browser: string): string {
  return createHash('sha256').update(`form:${browser}`).digest('base64url')
}

function refuseForged(parameters: Parameters, browser: string): void {
  if (parameters.get('csrf') !== csrfOf(browser))
    refuse('origin_not_allowed', 'The form is not from this page, or the page has become old.', {
      details: { reason: 'csrf_mismatch' },
    })
}

interface Person {
  readonly user: SeenUser
  readonly adminTokenId: string | null
}

/** The person whom an admin token of this zone belongs to; an automation does not sign in. */
async function personOf({ parts, zone, nowMs }: Exchange, token: string): Promise<Person | null> {
  const found = await findTokenByHash(parts.context.db.unzoned, hashOfSecret(token))
  if (found === undefined || !isLive(found, nowMs)) return null
  if (found.principal_kind !== 'person') return null
  if (found.zone_id !== null && found.zone_id !== zone) return null
  const { principal_id: userId, principal_name: name } = found
  return { user: { userId, issuerId: null, name }, adminTokenId: found.id }
}

/** Sends the person back with a code that is good for a minute, once (RFC 6749 section 4.1.2). */
function giveCode(
  exchange: Exchange,
  wanted: AuthorizationRequest,
  { user, adminTokenId, issuedAtMs }: Person & { readonly issuedAtMs: number },
): Answered {
  const { zone, nowMs, event } = exchange
  event.onBehalfOf = { id: user.userId, name: user.name }
  const code = newSecret('ac')
  return {
    change: (queries) =>
      insertCode(queries, {
        code_hash: code.hash,
        zone_id: zone,
        application_id: wanted.application.id,
        redirect_uri: wanted.redirectUri,
        code_challenge: wanted.codeChallenge,
        resource: wanted.resource,
        scopes: wanted.scopes === null ? null : [...wanted.scopes],
        user_id: user.userId,
        user_name: user.name,
        issuer_id: user.issuerId,
        admin_token_id: adminTokenId,
        session_id: null,
        // When the user was vouched for: revoking them afterwards refuses the code.
        created_at: new Date(issuedAtMs),
        expires_at: new Date(nowMs + limits.authorizationCodeTtlSeconds * 1_000),
      }),
    answer: redirect(exchange, wanted, { code: code.secret }),
  }
}
