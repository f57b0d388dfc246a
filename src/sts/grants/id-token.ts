import { refuse } from '../../kernel/faults.ts'
import { FetchError } from '../../kernel/safe-fetch.ts'
import { findSubjectIssuer } from '../../store/subject-issuers.ts'
import { admitSession } from '../decide-scopes.ts'
import { diagnose } from '../draft-event.ts'
import { readFacts } from '../facts.ts'
import { tokenTypes } from '../grant-types.ts'
import { issue, type Grant } from '../issue.ts'
import { required } from '../parameters.ts'
import type { Exchange } from '../parts.ts'
import { believeIdToken, issuerIn, type Vouched } from '../people/id-token.ts'
import { beginUserSession, userSession, userSessionTerms } from '../people/user-session.ts'

/**
 * RFC 8693: the id_token of a user, from a subject issuer of the zone, becomes a session of that
 * user with the application. It has no scopes; exchanging it for a resource is what decides.
 */
export const idTokenExchange: Grant = {
  event: 'token.id_token',
  async run(exchange) {
    const token = required(exchange.parameters, 'subject_token')
    refuseUnsupported(exchange)
    const facts = await readFacts(exchange, null)
    const user = await userOf(exchange, token)
    await admitSession(exchange, facts, { userId: user.userId, sessionId: null, hops: 0 })
    const session = userSession(exchange, {
      user,
      client: facts.client,
      vouchedAtMs: user.issuedAtMs,
      endsAtMs: user.expiresAtMs,
    })
    const terms = userSessionTerms(exchange, session)
    return {
      ...issue(exchange, facts, terms, tokenTypes.accessToken),
      change: (queries) => beginUserSession(queries, exchange, session),
    }
  },
}

/** What would narrow or change the mandate must not be passed over in silence. */
function refuseUnsupported({ parameters }: Exchange): void {
  const named = ['resource', 'scope', 'audience', 'actor_token'].find((name) =>
    parameters.has(name),
  )
  if (named !== undefined)
    refuse(
      'invalid_request',
      `An id_token becomes a session; ${named} belongs to the exchange of that session.`,
      { details: { reason: 'session_only', parameter: named } },
    )
}

async function userOf(exchange: Exchange, token: string): Promise<Vouched> {
  const { parts, zone, nowMs, event } = exchange
  const named = issuerIn(token)
  if (typeof named === 'string') return refuseToken(named)
  const issuer = await parts.context.db.transaction(zone, (queries) =>
    findSubjectIssuer(queries, zone, named.issuer),
  )
  if (issuer === undefined) return refuseToken('issuer_unknown')
  diagnose(event, { subject_issuer: issuer.id })
  const { user, refusal } = await believeIdToken(parts.issuerKeys, issuer, token, nowMs).catch(
    (error: unknown) => refuseUnreachable(exchange, error),
  )
  return refusal === null ? user : refuseToken(refusal)
}

/** RFC 8693 section 2.2.2. */
function refuseToken(refusal: string): never {
  return refuse(
    'invalid_request',
    'The subject token is no live id_token that this zone believes.',
    {
      details: { reason: `subject_token_${refusal}` },
    },
  )
}

/** That the keys could not be had is not the caller's doing; why is for the log alone. */
function refuseUnreachable(exchange: Exchange, error: unknown): never {
  if (!(error instanceof FetchError)) throw error
  diagnose(exchange.event, { fetch: error.reason, fetch_said: error.message })
  return refuse('not_ready', 'The keys of the subject issuer cannot be had; try again.', {
    details: { reason: 'subject_issuer_unreachable' },
    cause: error,
  })
}
