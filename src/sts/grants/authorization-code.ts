import { createHash } from 'node:crypto'
import { hashOfSecret, newSecret } from '../../kernel/bearer-secret.ts'
import { refuse } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import { endBelow } from '../../store/cascades.ts'
import { findCode, redeemCode, type AuthorizationCode } from '../../store/authorization-codes.ts'
import { insertRefreshToken } from '../../store/refresh-tokens.ts'
import type { Client } from '../client.ts'
import { readFacts } from '../facts.ts'
import { issue, refreshTokenKey, type Grant } from '../issue.ts'
import { required } from '../parameters.ts'
import type { Exchange } from '../parts.ts'
import { beginUserSession, userMandate, userSession } from '../people/user-session.ts'

/**
 * RFC 6749 section 4.1.3 with PKCE (RFC 7636): a person who has signed in becomes a session with
 * the application, and a mandate for the resource that was asked for, where one was.
 */
export const authorizationCode: Grant = {
  event: 'token.authorization_code',
  async run(exchange) {
    const { parts, zone, nowMs, parameters } = exchange
    const hash = hashOfSecret(required(parameters, 'code'))
    const redirectUri = required(parameters, 'redirect_uri')
    const verifier = required(parameters, 'code_verifier')
    const found = await parts.context.db.transaction(zone, (queries) =>
      findCode(queries, zone, hash, new Date(nowMs)),
    )
    const facts = await readFacts(exchange, found?.resource ?? null, 'any')
    const code = usable(exchange, facts.client, found)
    if (code.redirect_uri !== redirectUri) refuseCode('redirect_uri_mismatch')
    if (code.code_challenge !== challengeOf(verifier)) refuseCode('code_verifier_mismatch')
    const session = userSession(exchange, {
      user: { userId: code.user_id, issuerId: code.issuer_id, name: code.user_name },
      client: facts.client,
      vouchedAtMs: code.created_at.getTime(),
      endsAtMs: nowMs + limits.userSessionTtlSeconds * 1_000,
    })
    const wanted = { resource: code.resource, scopes: code.scopes, sessionId: null }
    const { terms, holds } = await userMandate(exchange, facts, session, wanted)
    const refresh = newSecret('rt')
    return {
      ...issue(exchange, facts, terms, null),
      holds,
      refreshToken: refresh.secret,
      async change(queries, claims) {
        await beginUserSession(queries, exchange, session)
        // Whoever came first in the meantime is ended: one of the two was not meant to have it.
        if (!(await redeemCode(queries, zone, hash, session.id))) refuseReused(exchange, hash)
        await insertRefreshToken(queries, {
          token_hash: refresh.hash,
          zone_id: zone,
          session_id: session.id,
          application_id: facts.client.id,
          resource: code.resource,
          scopes: code.scopes,
          issuer_id: code.issuer_id,
          admin_token_id: code.admin_token_id,
          jkt: refreshTokenKey(facts.client, claims),
          created_at: new Date(nowMs),
          expires_at: new Date(session.endsAtMs),
          used_at: null,
        })
      },
    }
  },
}

/** A code that this client may redeem now. */
function usable(
  exchange: Exchange,
  client: Client,
  code: AuthorizationCode | undefined,
): AuthorizationCode {
  if (code === undefined) return refuseCode('code_unknown')
  if (code.application_id !== client.id) return refuseCode('code_of_another_client')
  if (code.session_id !== null) return refuseReused(exchange, code.code_hash)
  if (code.expires_at.getTime() <= exchange.nowMs) return refuseCode('code_expired')
  if (!code.is_vouched_for) return refuseCode('voucher_gone')
  return code
}

/** RFC 6749 section 4.1.2: a code that is used twice takes with it what it was used for. */
function refuseReused(exchange: Exchange, hash: string): never {
  const { zone, nowMs, upon } = exchange
  upon.refusal = async (queries) => {
    const code = await findCode(queries, zone, hash, new Date(nowMs))
    const session = code?.session_id ?? null
    const sessions = session === null ? [] : [session]
    await endBelow(queries, zone, new Date(nowMs), { sessions }, 'code_reused')
  }
  return refuseCode('code_reused')
}

function refuseCode(reason: string): never {
  return refuse('invalid_grant', 'The code is none that this client can redeem; sign in anew.', {
    details: { reason },
  })
}

/** RFC 7636 section 4.6. */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}
