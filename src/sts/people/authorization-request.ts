import { refuse } from '../../kernel/faults.ts'
import { isId } from '../../kernel/ids.ts'
import { findObject, type ObjectRow } from '../../store/objects.ts'
import { required, scopesAsked, type Parameters } from '../parameters.ts'
import type { Exchange } from '../parts.ts'

/** Where a person goes back to, once that is known to be a place of the client. */
export interface ReturnAddress {
  readonly redirectUri: string
  readonly state: string | null
}

/** What a client asks of a person who signs in (RFC 6749 section 4.1.1, RFC 7636, RFC 8707). */
export interface AuthorizationRequest extends ReturnAddress {
  readonly application: ObjectRow<'applications'>
  readonly codeChallenge: string
  readonly resource: string | null
  readonly scopes: readonly string[] | null
}

/** The parameters of a request that the sign-in page carries along, and that come back with it. */
export const requestParameters = [
  ...(['response_type', 'client_id', 'redirect_uri', 'state'] as const),
  ...(['code_challenge', 'code_challenge_method', 'resource', 'scope'] as const),
] as const

/**
 * Finds the client and where it may send people. Until then a refusal is shown to the person: a
 * redirection to an address that nobody has registered would be an open one (RFC 6749 section 4.1.2.1).
 */
export async function findReturn(
  exchange: Exchange,
  parameters: Parameters,
): Promise<ReturnAddress & Pick<AuthorizationRequest, 'application'>> {
  const clientId = required(parameters, 'client_id')
  const application = await findClient(exchange, clientId)
  const { event, nowMs } = exchange
  if (application?.archived_at !== null)
    return refuseClient('client_unknown', 'There is no such application in this zone.')
  event.applicationId = application.id
  if (application.expires_at !== null && application.expires_at.getTime() <= nowMs)
    return refuseClient('client_expired', 'This application has expired.')
  const redirectUri = required(parameters, 'redirect_uri')
  if (!application.redirect_uris.some((registered) => leadsTo(registered, redirectUri)))
    return refuseClient(
      'redirect_uri_unknown',
      'The redirect URI is not one that is registered for this application.',
    )
  return { application, redirectUri, state: parameters.get('state') ?? null }
}

async function findClient(
  { parts, zone }: Exchange,
  id: string,
): Promise<ObjectRow<'applications'> | undefined> {
  if (!isId('application', id)) return undefined
  return parts.context.db.transaction(zone, (queries) =>
    findObject(queries, zone, 'applications', id),
  )
}

function refuseClient(reason: string, message: string): never {
  return refuse('invalid_request', message, { details: { reason } })
}

/** Compared as text; only the port of this machine's loopback may differ (RFC 8252 section 7.3). */
function leadsTo(registered: string, given: string): boolean {
  if (registered === given) return true
  const loopback = /^http:\/\/(?:127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?=\/|$)/
  if (!loopback.test(registered) || !loopback.test(given)) return false
  const withoutPort = (uri: string): string => uri.replace(/(?<=127\.0\.0\.1|\[::1\]):\d+/, '')
  return withoutPort(registered) === withoutPort(given)
}

/** Parameters that would change what is asked for, and that this endpoint does not understand. */
const unsupported = ['request', 'request_uri', 'registration'] as const

/** Reads the rest of a request, whose refusals the client is told. */
export function parseRequest(
  parameters: Parameters,
  back: Awaited<ReturnType<typeof findReturn>>,
): AuthorizationRequest {
  if (required(parameters, 'response_type') !== 'code')
    refuse('unsupported_response_type', 'The one response_type is code.', {
      details: { reason: 'response_type_unsupported' },
    })
  const named = unsupported.find((name) => parameters.has(name))
  if (named !== undefined) refuseParameter(named, `${named} is not supported.`)
  if ((parameters.get('response_mode') ?? 'query') !== 'query')
    refuseParameter('response_mode', 'The one response_mode is query.')
  if (parameters.get('prompt')?.split(' ').includes('none') === true)
    refuseParameter('prompt', 'Nobody stays signed in here, so a person has to be asked.')
  if (required(parameters, 'code_challenge_method') !== 'S256')
    refuseParameter('code_challenge_method', 'The one code_challenge_method is S256.')
  const codeChallenge = required(parameters, 'code_challenge')
  if (!/^[A-Za-z0-9_-]{43}$/.test(codeChallenge))
    refuseParameter('code_challenge', 'code_challenge must be a SHA-256 in base64url.')
  const resource = parameters.get('resource') ?? null
  const scopes = scopesAsked(parameters)
  if (scopes !== null && resource === null)
    refuse('invalid_request', 'Scopes are scopes of a resource: name it with resource.', {
      details: { reason: 'resource_required' },
    })
  return { ...back, codeChallenge, resource, scopes }
}

function refuseParameter(parameter: string, message: string): never {
  return refuse('invalid_request', message, {
    details: { reason: 'parameter_unsupported', parameter },
  })
}
