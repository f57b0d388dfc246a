import { refuse } from '../../kernel/faults.ts'
import { decideScopes } from '../decide-scopes.ts'
import type { MandateClaims } from '../claims.ts'
import { diagnose } from '../draft-event.ts'
import { readFacts } from '../facts.ts'
import { tokenTypes } from '../grant-types.ts'
import { issue, resourceTerms, type Grant } from '../issue.ts'
import { issuerOf } from '../issuer.ts'
import { required, scopesAsked } from '../parameters.ts'
import type { Exchange } from '../parts.ts'

/** RFC 8693: a session mandate of this zone becomes a mandate for one resource. */
export const tokenExchange: Grant = {
  event: 'token.exchange',
  async run(exchange) {
    const { parameters } = exchange
    const resource = required(parameters, 'resource')
    const asked = scopesAsked(parameters)
    const subjectToken = required(parameters, 'subject_token')
    const issuedTokenType = requestedType(exchange)
    refuseUnsupported(exchange)
    const facts = await readFacts(exchange, resource)
    const subject = await subjectOf(exchange, subjectToken, facts.client.id)
    const allowed = await decideScopes(exchange, facts, asked, {
      userId: subject.sub_type === 'user' ? subject.sub : null,
      hops: 0,
    })
    return issue(exchange, facts, resourceTerms(facts.client, allowed, subject), issuedTokenType)
  },
}

function requestedType({ parameters }: Exchange): string {
  const type = parameters.get('requested_token_type') ?? tokenTypes.accessToken
  if (type !== tokenTypes.accessToken && type !== tokenTypes.jwt)
    refuse('invalid_request', `requested_token_type can be ${tokenTypes.accessToken} only.`, {
      details: { reason: 'requested_token_type_unsupported' },
    })
  return type
}

/** What would narrow or change the mandate must not be passed over in silence. */
function refuseUnsupported({ parameters }: Exchange): void {
  if (parameters.has('actor_token') || parameters.has('actor_token_type'))
    refuse('invalid_request', 'No actor acts for a session of an application.', {
      details: { reason: 'actor_token_unsupported' },
    })
  if (parameters.has('audience'))
    refuse('invalid_target', 'Name the target with resource, not with audience.', {
      details: { reason: 'audience_unsupported' },
    })
}

/** RFC 8693 section 2.2.2: a subject token that is not acceptable is an `invalid_request`. */
async function subjectOf(
  exchange: Exchange,
  token: string,
  clientId: string,
): Promise<MandateClaims> {
  const { mandates, context } = exchange.parts
  const { claims, refusal } = await mandates.verify(exchange.zone, token, {
    use: 'session',
    audience: issuerOf(context.issuerBase(), exchange.zone),
  })
  if (refusal !== null)
    refuse('invalid_request', 'The subject token is no live session mandate of this zone.', {
      details: { reason: `subject_token_${refusal}` },
    })
  exchange.event.sessionId = claims.sid
  diagnose(exchange.event, { subject_jti: claims.jti })
  if (claims.client_id !== clientId)
    refuse('invalid_request', 'The subject token was issued to another client.', {
      details: { reason: 'subject_token_of_another_client' },
    })
  return claims
}
