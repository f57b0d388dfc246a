import { refuse } from '../../kernel/faults.ts'
import { admitSession, decideScopes } from '../decide-scopes.ts'
import { readFacts } from '../facts.ts'
import { issue, resourceTerms, sessionTerms, type Grant } from '../issue.ts'
import { scopesAsked } from '../parameters.ts'

/**
 * RFC 6749 section 4.4: an application for itself. With `resource` (RFC 8707) it is the one call to
 * a mandate; without, a session mandate that exchanges for several.
 */
export const clientCredentials: Grant = {
  event: 'token.client_credentials',
  async run(exchange) {
    const resource = exchange.parameters.get('resource') ?? null
    const asked = scopesAsked(exchange.parameters)
    const facts = await readFacts(exchange, resource)
    if (resource === null) {
      if (asked !== null)
        refuse('invalid_request', 'Scopes are scopes of a resource: name it with resource.', {
          details: { reason: 'resource_required' },
        })
      await admitSession(exchange, facts)
      return issue(exchange, facts, sessionTerms(exchange, facts.client), null)
    }
    const allowed = await decideScopes(exchange, facts, asked, {
      userId: null,
      sessionId: null,
      hops: 0,
    })
    const terms = resourceTerms(facts.client, allowed)
    return { ...issue(exchange, facts, terms, null), holds: allowed.holds }
  },
}
