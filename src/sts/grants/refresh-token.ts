import { hashOfSecret, newSecret } from '../../kernel/bearer-secret.ts'
import { refuse } from '../../kernel/faults.ts'
import type { Id } from '../../kernel/ids.ts'
import { endBelow } from '../../store/cascades.ts'
import {
  findRefreshToken,
  insertRefreshToken,
  useRefreshToken,
  type RefreshToken,
} from '../../store/refresh-tokens.ts'
import type { MandateTerms } from '../claims.ts'
import type { Client } from '../client.ts'
import { readFacts } from '../facts.ts'
import { issue, refreshTokenKey, type Grant } from '../issue.ts'
import { required, scopesAsked } from '../parameters.ts'
import type { Exchange } from '../parts.ts'
import { userMandate } from '../people/user-session.ts'

/**
 * RFC 6749 section 6: a session of a person goes on. The token is used once and another takes its
 * place (RFC 9700 section 4.14.2); policy and grants decide anew each time.
 */
export const refreshToken: Grant = {
  event: 'token.refresh_token',
  async run(exchange) {
    const { parts, zone, nowMs, parameters } = exchange
    const now = new Date(nowMs)
    const hash = hashOfSecret(required(parameters, 'refresh_token'))
    const found = await parts.context.db.transaction(zone, (queries) =>
      findRefreshToken(queries, zone, hash, now),
    )
    const facts = await readFacts(exchange, found?.resource ?? null, 'any')
    const token = usable(exchange, facts.client, found)
    const { event } = exchange
    event.onBehalfOf = { id: token.subject, name: '' }
    const session = {
      id: token.session_id as Id<'session'>,
      user: { userId: token.subject },
      client: facts.client,
      endsAtMs: token.session_ends_at?.getTime() ?? Infinity,
    }
    const wanted = {
      resource: token.resource,
      scopes: narrowed(exchange, token),
      sessionId: token.session_id,
    }
    const { terms, holds } = await userMandate(exchange, facts, session, wanted)
    const next = newSecret('rt')
    const { subject: _, session_state: _state, session_ends_at: _end, ...row } = token
    const { is_vouched_for: _vouched, ...own } = row
    return {
      ...issue(exchange, facts, { ...terms, ...bindingOf(token) }, null),
      holds,
      refreshToken: next.secret,
      async change(queries, claims) {
        if (!(await useRefreshToken(queries, zone, hash, now))) refuseReused(exchange, token)
        const jkt = refreshTokenKey(facts.client, claims)
        await insertRefreshToken(queries, { ...own, jkt, token_hash: next.hash, created_at: now })
      },
    }
  },
}

/** RFC 9449 section 5: a token that is bound to a key is worth mandates of that key alone. */
function bindingOf({ jkt }: RefreshToken): Pick<MandateTerms, 'cnf'> {
  return jkt === null ? {} : { cnf: { jkt } }
}

/** A token that this client may use now. */
function usable(exchange: Exchange, client: Client, token: RefreshToken | undefined): RefreshToken {
  if (token === undefined) return refuseToken('refresh_token_unknown')
  exchange.event.sessionId = token.session_id
  if (token.application_id !== client.id) return refuseToken('refresh_token_of_another_client')
  if (token.used_at !== null) return refuseReused(exchange, token)
  if (token.expires_at.getTime() <= exchange.nowMs) return refuseToken('refresh_token_expired')
  if (token.session_state !== 'active') return refuseToken(`session_${token.session_state}`)
  if (!token.is_vouched_for) return refuseToken('voucher_gone')
  return token
}

/** What was granted, or less of it, and never something else. */
function narrowed({ parameters }: Exchange, token: RefreshToken): readonly string[] | null {
  const resource = parameters.get('resource')
  if (resource !== undefined && resource !== token.resource)
    refuse('invalid_target', 'A refresh token goes on with the resource that it was given for.', {
      details: { reason: 'resource_changed' },
    })
  const asked = scopesAsked(parameters)
  if (asked === null) return token.scopes
  const { scopes } = token
  if (token.resource === null || (scopes !== null && !asked.every((one) => scopes.includes(one))))
    refuse('invalid_scope', 'A refresh token gives no more than was granted at the sign-in.', {
      details: { reason: 'scope_exceeds' },
    })
  return asked
}

/** Two use one token, and one of them has stolen it: the session ends for both. */
function refuseReused(exchange: Exchange, { session_id }: RefreshToken): never {
  const { zone, nowMs, upon } = exchange
  upon.refusal = async (queries) => {
    const roots = { sessions: [session_id] }
    await endBelow(queries, zone, new Date(nowMs), roots, 'refresh_token_reused')
  }
  return refuseToken('refresh_token_reused')
}

function refuseToken(reason: string): never {
  return refuse(
    'invalid_grant',
    'The refresh token is none that this client can use; sign in anew.',
    {
      details: { reason },
    },
  )
}
