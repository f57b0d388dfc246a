import { refuse } from '../kernel/faults.ts'
import type { MandateClaims } from './claims.ts'
import { tokenTypes } from './grant-types.ts'
import { issuerOf } from './issuer.ts'
import type { Parameters } from './parameters.ts'
import type { Exchange } from './parts.ts'

const mandateTypes: readonly string[] = [tokenTypes.accessToken, tokenTypes.jwt]

/** The type of the mandate to issue (RFC 8693 section 2.1); what would change it is not passed over. */
export function requestedType(parameters: Parameters): string {
  const type = parameters.get('requested_token_type') ?? tokenTypes.accessToken
  if (!mandateTypes.includes(type))
    refuse('invalid_request', `requested_token_type can be ${tokenTypes.accessToken} only.`, {
      details: { reason: 'requested_token_type_unsupported' },
    })
  if (parameters.has('audience'))
    refuse('invalid_target', 'Name the target with resource, not with audience.', {
      details: { reason: 'audience_unsupported' },
    })
  return type
}

/** The actor's token with its type, which go together (RFC 8693 section 2.1); null without. */
export function actorAsked(parameters: Parameters): string | null {
  const token = parameters.get('actor_token') ?? null
  const type = parameters.get('actor_token_type')
  if ((token === null) !== (type === undefined))
    refuse('invalid_request', 'actor_token and actor_token_type go together.', {
      details: { reason: 'actor_token_type_missing' },
    })
  if (type !== undefined && !mandateTypes.includes(type))
    refuse('invalid_request', 'An actor is named by the mandate of its agent session.', {
      details: { reason: 'actor_token_type_unsupported' },
    })
  return token
}

/** Where actors are of no use, one that is given must not be passed over in silence. */
export function refuseActor(parameters: Parameters): void {
  if (actorAsked(parameters) !== null)
    refuse('invalid_request', 'An agent session acts for itself: leave the actor out.', {
      details: { reason: 'actor_token_unsupported' },
    })
}

/**
 * The claims of a live session mandate of the client (RFC 8693 section 2.2.2: a token that is not
 * acceptable is an `invalid_request`).
 */
export async function sessionClaims(
  exchange: Exchange,
  parameter: 'subject_token' | 'actor_token',
  token: string,
  clientId: string,
): Promise<MandateClaims> {
  const { mandates, context } = exchange.parts
  const words = parameter.replace('_', ' ')
  const { claims, refusal } = await mandates.verify(exchange.zone, token, {
    use: 'session',
    audience: issuerOf(context.issuerBase(), exchange.zone),
  })
  if (refusal !== null)
    refuse('invalid_request', `The ${words} is no live session mandate of this zone.`, {
      details: { reason: `${parameter}_${refusal}` },
    })
  if (claims.client_id !== clientId)
    refuse('invalid_request', `The ${words} was issued to another client.`, {
      details: { reason: `${parameter}_of_another_client` },
    })
  return claims
}

/** The claims of an actor's token: the mandate of an agent session. */
export async function agentClaims(
  exchange: Exchange,
  token: string,
  clientId: string,
): Promise<MandateClaims & { readonly agent_session_id: string }> {
  const { agent_session_id, ...claims } = await sessionClaims(
    exchange,
    'actor_token',
    token,
    clientId,
  )
  if (agent_session_id === undefined)
    refuse('invalid_request', 'Only an agent session acts for somebody: start one.', {
      details: { reason: 'actor_token_not_of_agent' },
    })
  return { ...claims, agent_session_id }
}
