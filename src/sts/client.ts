import { decodeJwt } from 'jose'
import { isSecret } from '../kernel/bearer-secret.ts'
import { refuse } from '../kernel/faults.ts'
import type { AuthorityRow } from '../store/authority.ts'
import { refusalOfAssertion, refusalsToTell } from './client-assertion.ts'
import type { Parameters } from './parameters.ts'
import type { Exchange } from './parts.ts'
import { countFailure } from './rates.ts'

/** How a client says who it is, not believed yet. */
export type Presented =
  | { readonly method: 'client_secret'; readonly clientId: string; readonly secret: string }
  | { readonly method: 'private_key_jwt'; readonly clientId: string; readonly assertion: string }
  | { readonly method: 'none'; readonly clientId: string }

/** An application that has proved who it is. */
export type Client = NonNullable<AuthorityRow['application']>

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Which clients a request takes: `any` where what is presented proves enough for one that cannot
 * prove who it is, such as the verifier of PKCE or a refresh token that is used once.
 */
export type ClientsTaken = 'authenticated' | 'any'

/** Reads the credentials of a request: exactly one kind of them (RFC 6749 section 2.3). */
export function presentedBy(
  authorization: string | undefined,
  parameters: Parameters,
  taken: ClientsTaken,
): Presented {
  const ways = [
    authorization === undefined ? null : basic(authorization),
    parameters.has('client_secret') ? secretPost(parameters) : null,
    parameters.has('client_assertion') ? assertionPost(parameters) : null,
  ].filter((way) => way !== null)
  const [presented = taken === 'any' ? publicClient(parameters) : undefined] = ways
  if (presented === undefined)
    refuse('invalid_client', 'Authenticate: client_secret_basic, client_secret_post or a JWT.', {
      details: { reason: 'client_authentication_missing' },
    })
  if (ways.length > 1)
    refuse('invalid_request', 'Authenticate in one way only (RFC 6749 section 2.3).', {
      details: { reason: 'several_client_authentications' },
    })
  const named = parameters.get('client_id')
  if (named !== undefined && named !== presented.clientId)
    refuse('invalid_request', 'client_id is not the client that authenticates.', {
      details: { reason: 'client_id_mismatch' },
    })
  return presented
}

function publicClient(parameters: Parameters): Presented | undefined {
  const clientId = parameters.get('client_id')
  return clientId === undefined ? undefined : { method: 'none', clientId }
}

/** RFC 6749 section 2.3.1: both halves are form-encoded before they are joined. */
function basic(authorization: string): Presented {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization) ?? []
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const clientId = formDecoded(text.slice(0, colon))
  const secret = formDecoded(text.slice(colon + 1))
  if (colon < 1 || clientId === null || secret === null)
    refuse('invalid_client', 'The Authorization header holds no Basic credentials.', {
      details: { reason: 'client_authentication_malformed' },
    })
  return { method: 'client_secret', clientId, secret }
}

function formDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return null
  }
}

function secretPost(parameters: Parameters): Presented {
  const clientId = parameters.get('client_id')
  const secret = parameters.get('client_secret')
  if (clientId === undefined || secret === undefined)
    refuse('invalid_client', 'client_secret goes together with client_id.', {
      details: { reason: 'client_authentication_malformed' },
    })
  return { method: 'client_secret', clientId, secret }
}

function assertionPost(parameters: Parameters): Presented {
  const assertion = parameters.get('client_assertion')
  const clientId = assertion === undefined ? undefined : subjectOf(assertion)
  if (assertion === undefined || clientId === undefined)
    refuse('invalid_client', 'client_assertion must be a JWT whose subject is the client.', {
      details: { reason: 'client_authentication_malformed' },
    })
  if (parameters.get('client_assertion_type') !== assertionType)
    refuse('invalid_client', `client_assertion_type must be ${assertionType}.`, {
      details: { reason: 'client_assertion_type_unknown' },
    })
  return { method: 'private_key_jwt', clientId, assertion }
}

function subjectOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub
  } catch {
    return undefined
  }
}

/**
 * Believes a client or refuses it. Whether a client exists, which secret it has and whether it is
 * archived are told alike; the precise reason is in the event alone.
 */
export async function authenticate(
  exchange: Exchange,
  presented: Presented,
  application: AuthorityRow['application'],
): Promise<Client> {
  const { event } = exchange
  const reason = await refusalOf(exchange, presented, application)
  if (application !== null) event.applicationId = application.id
  if (application !== null && reason === null) {
    event.actor = { kind: 'application', id: application.id, name: application.name }
    return application
  }
  event.reason = reason ?? 'client_unknown'
  countFailure(exchange, presented.clientId)
  return refuse('invalid_client', 'The client could not be authenticated.', {
    details: {
      reason: refusalsToTell.has(event.reason) ? event.reason : 'client_not_authenticated',
    },
  })
}

/** The SHA-256 of nothing that anybody holds: an unknown client costs the same comparison. */
const noHash = '0'.repeat(64)

async function refusalOf(
  exchange: Exchange,
  presented: Presented,
  application: AuthorityRow['application'],
): Promise<string | null> {
  if (presented.method === 'client_secret') {
    const isRight = isSecret(presented.secret, application?.secret_hash ?? noHash)
    if (application === null) return 'client_unknown'
    if (application.auth_method !== 'client_secret') return 'client_method_mismatch'
    if (!isRight) return 'client_secret_mismatch'
    return refusalOfState(application, exchange.nowMs)
  }
  if (application === null) return 'client_unknown'
  if (application.auth_method !== presented.method) return 'client_method_mismatch'
  const refusal = refusalOfState(application, exchange.nowMs)
  if (presented.method === 'none') return refusal
  return refusal ?? (await refusalOfAssertion(exchange, application, presented.assertion))
}

function refusalOfState(application: Client, nowMs: number): string | null {
  if (application.archived) return 'client_archived'
  const { expires_at_ms: expiresAtMs } = application
  return expiresAtMs !== null && expiresAtMs <= nowMs ? 'client_expired' : null
}
