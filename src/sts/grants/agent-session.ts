import { refuse } from '../../kernel/faults.ts'
import { endOfSessions, type Session } from '../../store/sessions.ts'
import type { MandateTerms } from '../claims.ts'
import type { Client } from '../client.ts'
import { admitSession, decideScopes } from '../decide-scopes.ts'
import { diagnose } from '../draft-event.ts'
import { readFacts } from '../facts.ts'
import { issue, resourceTerms, sessionTerms, type Grant } from '../issue.ts'
import { readLive } from '../live-sessions.ts'
import { required, scopesAsked } from '../parameters.ts'
import type { Exchange } from '../parts.ts'
import { refuseActor, requestedType } from '../session-tokens.ts'

/**
 * An agent session becomes its session mandate or, with `resource`, the mandate for one resource: the
 * client that runs it names it, for as long as it and all above it live.
 */
export const agentSession: Grant = {
  event: 'token.agent_session',
  async run(exchange) {
    const { parameters } = exchange
    const id = required(parameters, 'subject_token')
    const resource = parameters.get('resource') ?? null
    const asked = scopesAsked(parameters)
    const issuedTokenType = requestedType(parameters)
    refuseActor(parameters)
    const facts = await readFacts(exchange, resource)
    diagnose(exchange.event, { agent_session: id })
    const chain = await readLive(exchange, [id])
    const own = issue(exchange, facts, agentTerms(exchange, facts.client, chain), issuedTokenType)
    exchange.event.sessionId = own.claims.sid
    if (resource === null) {
      if (asked !== null)
        refuse('invalid_request', 'Scopes are scopes of a resource: name it with resource.', {
          details: { reason: 'resource_required' },
        })
      await admitSession(exchange, facts)
      return own
    }
    const { sub, sub_type } = own.claims
    const userId = sub_type === 'user' ? sub : null
    const subject = { userId, sessionId: id, hops: 0 }
    const allowed = await decideScopes(exchange, facts, asked, subject)
    const terms = resourceTerms(facts.client, allowed, own.claims)
    return { ...issue(exchange, facts, terms, issuedTokenType), holds: allowed.holds }
  },
}

function agentTerms(exchange: Exchange, client: Client, chain: readonly Session[]): MandateTerms {
  const [agent] = chain
  const root = chain.at(-1)
  // Who runs another's agent, or none, learns no more than that there is none to run.
  if (agent?.kind !== 'agent' || root === undefined || agent.application_id !== client.id)
    return refuse('invalid_request', 'There is nothing of that id.', {
      details: { reason: 'subject_token_unknown' },
    })
  const terms = sessionTerms(exchange, client)
  return {
    ...terms,
    sub: agent.subject,
    sub_type: agent.sub_type,
    session: { sid: root.id, rootSid: agent.root_id },
    agent_session_id: agent.id,
    act: { sub: agent.id, client_id: client.id },
    endsAtMs: Math.min(terms.endsAtMs, endOfSessions(chain)),
  }
}
