import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  clockSkew,
  ClientSecretBasic,
  customFetch,
  discovery,
  None,
  type Configuration,
  type CustomFetchOptions,
} from 'openid-client'
import { FetchError, type SafeFetch } from '../../kernel/safe-fetch.ts'
import { subjectIssuerPurpose, type SubjectIssuer } from '../../store/subject-issuers.ts'
import type { StsContext } from '../context.ts'

/** What binds the way to an issuer to the way back. */
export interface RoundTrip {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly redirectUri: string
}

type PartyContext = Pick<StsContext, 'safeFetch' | 'vault' | 'clock'>

/** Where a person signs in at an issuer (OpenID Connect Core 1.0 section 3.1.2.1). */
export async function signInUrl(
  context: PartyContext,
  issuer: SubjectIssuer,
  trip: RoundTrip,
): Promise<string> {
  const url = buildAuthorizationUrl(await configured(context, issuer), {
    redirect_uri: trip.redirectUri,
    scope: 'openid profile',
    state: trip.state,
    nonce: trip.nonce,
    code_challenge: await calculatePKCECodeChallenge(trip.verifier),
    code_challenge_method: 'S256',
  })
  return url.href
}

/** The id_token for which an issuer's answer is exchanged; null where it gives none. */
export async function idTokenFrom(
  context: PartyContext,
  issuer: SubjectIssuer,
  trip: RoundTrip,
  query: string,
): Promise<string | null> {
  const back = new URL(`${trip.redirectUri}?${query}`)
  const tokens = await authorizationCodeGrant(await configured(context, issuer), back, {
    expectedState: trip.state,
    expectedNonce: trip.nonce,
    pkceCodeVerifier: trip.verifier,
    idTokenExpected: true,
  })
  return tokens.id_token ?? null
}

async function configured(context: PartyContext, issuer: SubjectIssuer): Promise<Configuration> {
  const sealed = issuer.sealed_secret
  const secret =
    sealed === null ? null : context.vault.open(sealed, subjectIssuerPurpose(issuer.id)).toString()
  const skewSeconds = Math.round((context.clock.now() - Date.now()) / 1_000)
  return discovery(
    new URL(issuer.issuer),
    issuer.audience,
    { [clockSkew]: skewSeconds },
    secret === null ? None() : ClientSecretBasic(secret),
    { [customFetch]: fetchThrough(context.safeFetch), timeout: fetchSeconds },
  )
}

const fetchSeconds = 5
const answerBytes = 262_144

/** What the library fetches goes the one safe way, too. */
function fetchThrough(safeFetch: SafeFetch) {
  return async (url: string, { method, headers, body }: CustomFetchOptions): Promise<Response> => {
    if (method !== 'GET' && method !== 'POST')
      throw new FetchError('url_malformed', `${method} is not sent to an issuer.`)
    const answer = await safeFetch(url, {
      method,
      headers: { ...headers },
      ...(body !== null && body !== undefined && { body: textOf(body) }),
      maxBytes: answerBytes,
      timeoutMs: fetchSeconds * 1_000,
    })
    const hasBody = answer.status !== 204
    return new Response(hasBody ? answer.body : null, {
      status: answer.status,
      headers: { ...answer.headers },
    })
  }
}

function textOf(body: NonNullable<CustomFetchOptions['body']>): string {
  if (typeof body === 'string') return body
  if (body instanceof URLSearchParams) return body.toString()
  throw new FetchError('url_malformed', 'An issuer is sent forms alone.')
}
