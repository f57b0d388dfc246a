import { randomBytes } from 'node:crypto'
import { hashOfSecret } from '../../kernel/bearer-secret.ts'
import { refuse } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import { insertSignIn, takeSignIn, type SignIn } from '../../store/authorization-codes.ts'
import type { Queries } from '../../store/database.ts'
import { findObject } from '../../store/objects.ts'
import type { SubjectIssuer } from '../../store/subject-issuers.ts'
import { diagnose } from '../draft-event.ts'
import { callbackOf } from '../issuer.ts'
import { required, type Parameters } from '../parameters.ts'
import type { Exchange } from '../parts.ts'
import { requestParameters, type AuthorizationRequest } from './authorization-request.ts'
import { believeIdToken, issuerIn, type Vouched } from './id-token.ts'
import { idTokenFrom, signInUrl, type RoundTrip } from './relying-party.ts'

/** A way to an issuer, which begins when its event is written. */
interface Begun {
  readonly change: (queries: Queries) => Promise<void>
  readonly answer: { readonly page: null; readonly location: string }
}

/** Sends a person to a subject issuer; what is needed when they come back stays here. */
export async function beginRoundTrip(
  exchange: Exchange,
  wanted: AuthorizationRequest,
  issuerId: string,
  browser: string,
): Promise<Begun> {
  const { parts, zone, nowMs, event, parameters } = exchange
  const issuer = await usableIssuer(exchange, issuerId)
  diagnose(event, { subject_issuer: issuer.id, resource: wanted.resource })
  const trip: RoundTrip = {
    state: chance(),
    nonce: chance(),
    verifier: chance(),
    redirectUri: callbackOf(parts.context.issuerBase(), zone),
  }
  const location = await reached(exchange, signInUrl(parts.context, issuer, trip))
  const kept = requestParameters.flatMap((name) => {
    const value = parameters.get(name)
    return value === undefined ? [] : [[name, value]]
  })
  return {
    change: (queries) =>
      insertSignIn(queries, {
        state_hash: hashOfSecret(trip.state),
        zone_id: zone,
        browser_hash: hashOfSecret(browser),
        issuer_id: issuer.id,
        request: JSON.stringify(Object.fromEntries(kept)),
        sealed_verifier: parts.context.vault.seal(trip.verifier, verifierPurpose(zone)),
        nonce: trip.nonce,
        expires_at: new Date(nowMs + limits.signInTtlSeconds * 1_000),
      }),
    answer: { page: null, location },
  }
}

/** A sign-in that has come back: its request, and who the issuer says that it is. */
export interface Returned {
  readonly parameters: Parameters
  /** Exchanges the issuer's answer, a query, for the user. */
  user(query: string): Promise<Vouched>
}

/** The sign-in that an answer of an issuer belongs to, which it is the one answer to. */
export async function endRoundTrip(exchange: Exchange, browser: string): Promise<Returned> {
  const { parts, zone, nowMs } = exchange
  const state = required(exchange.parameters, 'state')
  const signIn = await parts.context.db.transaction(zone, (queries) =>
    takeSignIn(queries, zone, hashOfSecret(state)),
  )
  // Another browser's sign-in would make its owner somebody else (RFC 9700 section 4.7).
  if (
    signIn === undefined ||
    signIn.expires_at.getTime() <= nowMs ||
    signIn.browser_hash !== hashOfSecret(browser)
  )
    return refuse('invalid_request', 'This sign-in is not under way in this browser.', {
      details: { reason: 'sign_in_unknown' },
    })
  diagnose(exchange.event, { subject_issuer: signIn.issuer_id })
  return {
    parameters: new Map(Object.entries(signIn.request)),
    user: (query) => userFrom(exchange, signIn, state, query),
  }
}

async function userFrom(
  exchange: Exchange,
  signIn: SignIn,
  state: string,
  query: string,
): Promise<Vouched> {
  const { parts, zone, nowMs, parameters } = exchange
  const said = parameters.get('error')
  if (said !== undefined)
    refuse('access_denied', 'The provider has not signed this person in.', {
      details: { reason: 'issuer_refused' },
    })
  const issuer = await usableIssuer(exchange, signIn.issuer_id)
  const trip: RoundTrip = {
    state,
    nonce: signIn.nonce,
    verifier: parts.context.vault.open(signIn.sealed_verifier, verifierPurpose(zone)).toString(),
    redirectUri: callbackOf(parts.context.issuerBase(), zone),
  }
  const idToken = await reached(exchange, idTokenFrom(parts.context, issuer, trip, query))
  // The library knows the flow; who is believed, and with which algorithm, is the zone's own rule.
  if (idToken === null) return refuseUser('missing')
  const named = issuerIn(idToken)
  if (typeof named === 'string') return refuseUser(named)
  if (named.issuer !== issuer.issuer) return refuseUser('wrong_issuer')
  const { user, refusal } = await reached(
    exchange,
    believeIdToken(parts.issuerKeys, issuer, idToken, nowMs),
  )
  return refusal === null ? user : refuseUser(refusal)
}

async function usableIssuer({ parts, zone }: Exchange, id: string): Promise<SubjectIssuer> {
  const issuer = await parts.context.db.transaction(zone, (queries) =>
    findObject(queries, zone, 'subject_issuers', id),
  )
  if (issuer?.archived_at === null && issuer.sign_in) return issuer
  return refuse('access_denied', 'People do not sign in with that provider here.', {
    details: { reason: 'issuer_unknown' },
  })
}

/** Whatever goes wrong between here and a provider is told to the log alone. */
async function reached<T>(exchange: Exchange, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error('unknown')
    diagnose(exchange.event, { provider: name, provider_said: message.slice(0, 200) })
    return refuse('not_ready', 'The provider cannot be asked, or does not answer as it must.', {
      details: { reason: 'subject_issuer_unreachable' },
      cause: error,
    })
  }
}

function refuseUser(refusal: string): never {
  return refuse('access_denied', 'The provider’s word is not believed.', {
    details: { reason: `id_token_${refusal}` },
  })
}

function verifierPurpose(zone: string): string {
  return `sign_in:${zone}`
}

function chance(): string {
  return randomBytes(32).toString('base64url')
}
