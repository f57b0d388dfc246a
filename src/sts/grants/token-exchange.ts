import { refuse } from '../../kernel/faults.ts'
import { decideScopes } from '../decide-scopes.ts'
import type { MandateClaims } from '../claims.ts'
import { diagnose } from '../draft-event.ts'
import { readFacts } from '../facts.ts'
import { issue, resourceTerms, type Grant } from '../issue.ts'
import { required, scopesAsked } from '../parameters.ts'
import type { Exchange } from '../parts.ts'
import { actorAsked, agentClaims, requestedType, sessionClaims } from '../session-tokens.ts'

/** RFC 8693: a session mandate of this zone becomes a mandate for one resource. */
export const tokenExchange: Grant = {
  event: 'token.exchange',
  async run(exchange) {
    const { parameters } = exchange
    const resource = required(parameters, 'resource')
    const asked = scopesAsked(parameters)
    const subjectToken = required(parameters, 'subject_token')
    const issuedTokenType = requestedType(parameters)
    const actorToken = actorAsked(parameters)
    const facts = await readFacts(exchange, resource)
    const { id: clientId } = facts.client
    const own = await sessionClaims(exchange, 'subject_token', subjectToken, clientId)
    const subject = actorToken === null ? own : await actedFor(exchange, own, actorToken)
    noteSubject(exchange, subject, own)
    const allowed = await decideScopes(exchange, facts, asked, {
      userId: subject.sub_type === 'user' ? subject.sub : null,
      sessionId: subject.sid,
      hops: 0,
    })
    const terms = resourceTerms(facts.client, allowed, subject)
    return { ...issue(exchange, facts, terms, issuedTokenType), holds: allowed.holds }
  },
}

/** The actor has to be an agent that runs for the subject; who acts is then the agent. */
async function actedFor(
  exchange: Exchange,
  subject: MandateClaims,
  actorToken: string,
): Promise<MandateClaims> {
  const actor = await agentClaims(exchange, actorToken, subject.client_id)
  const { agent_session_id: agent = actor.agent_session_id } = subject
  if (actor.sid !== subject.sid || actor.agent_session_id !== agent)
    refuse('invalid_request', 'The actor does not run for this subject; delegate to it instead.', {
      details: { reason: 'actor_token_of_another_subject' },
    })
  return { ...actor, exp: Math.min(actor.exp, subject.exp) }
}

function noteSubject(exchange: Exchange, claims: MandateClaims, { jti }: MandateClaims): void {
  exchange.event.sessionId = claims.sid
  diagnose(exchange.event, {
    subject_jti: jti,
    ...(claims.agent_session_id !== undefined && { agent_session: claims.agent_session_id }),
  })
}
