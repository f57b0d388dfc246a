import { hashOfSecret } from '../kernel/bearer-secret.ts'
import { limits } from '../kernel/limits.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { endBelow } from '../store/cascades.ts'
import type { Queries } from '../store/database.ts'
import { findRefreshToken } from '../store/refresh-tokens.ts'
import { insertRevocations, type Revocation } from '../store/revocations.ts'
import type { MandateClaims } from './claims.ts'
import { diagnose } from './draft-event.ts'
import { readFacts } from './facts.ts'
import { required } from './parameters.ts'
import type { EndpointRequest, Exchange, Parts } from './parts.ts'
import { serve, type Settled } from './serve.ts'

/** What a token was found to be, and what revoking it does. */
interface Found {
  readonly clientId: string
  readonly sessionId: string
  /** Null: a refresh token, which is none. */
  readonly mandateJti: string | null
  /** Why there is nothing left to end; null where there is. */
  readonly ended: string | null
  end(queries: Queries): Promise<void>
}

type Look = (exchange: Exchange, token: string) => Promise<Found | string>

/**
 * The revocation endpoint (RFC 7009): a client ends a mandate or a refresh token of its own. What is
 * no live one of it is left alone, and answered in the same way (section 2.2). A client that cannot
 * prove who it is ends what it holds too (section 2.1).
 */
export async function revoke(parts: Parts, request: EndpointRequest): Promise<void> {
  return serve(parts, request, 'token.revoke', async (exchange): Promise<Settled<void>> => {
    const token = required(exchange.parameters, 'token')
    const { client } = await readFacts(exchange, null, 'any')
    const { event } = exchange
    const found = await lookUp(exchange, token)
    const ignored =
      typeof found === 'string'
        ? found
        : found.clientId === client.id
          ? found.ended
          : 'token_of_another_client'
    diagnose(event, { revoked: ignored === null, ignored_because: ignored })
    if (typeof found === 'string' || ignored !== null) return { answer: () => undefined }
    event.mandateJti = found.mandateJti ?? undefined
    event.sessionId = found.sessionId
    return {
      change: (queries) => found.end(queries),
      answer: () => {
        parts.trust.forget(exchange.zone)
      },
    }
  })
}

/** Section 2.1: the hint says where to look first, and a wrong one hides nothing. */
async function lookUp(exchange: Exchange, token: string): Promise<Found | string> {
  const isHinted = exchange.parameters.get('token_type_hint') === 'refresh_token'
  const [first, second] = isHinted ? [refreshTokenIn, mandateIn] : [mandateIn, refreshTokenIn]
  const found = await first(exchange, token)
  if (typeof found !== 'string') return found
  const other = await second(exchange, token)
  return typeof other === 'string' ? found : other
}

const mandateIn: Look = async ({ parts, zone, nowMs }, token) => {
  const { claims, refusal } = await parts.mandates.verify(zone, token, {
    use: null,
    audience: null,
  })
  if (refusal !== null) return refusal
  return {
    clientId: claims.client_id,
    sessionId: claims.sid,
    mandateJti: claims.jti,
    ended: null,
    async end(queries) {
      await insertRevocations(queries, zone, new Date(nowMs), revocationsOf(claims))
      await endSession(queries, zone, new Date(nowMs), claims)
    },
  }
}

/**
 * Any token of a rotation, the used ones as well, stands for the sign-in that all of them go on
 * with: its session ends, with every mandate of it (section 2.1).
 */
const refreshTokenIn: Look = async ({ parts, zone, nowMs }, token) => {
  const now = new Date(nowMs)
  const found = await parts.context.db.transaction(zone, (queries) =>
    findRefreshToken(queries, zone, hashOfSecret(token), now),
  )
  if (found === undefined) return 'refresh_token_unknown'
  const isOver = found.session_state === 'terminated' || found.expires_at.getTime() <= nowMs
  return {
    clientId: found.application_id,
    sessionId: found.session_id,
    mandateJti: null,
    ended: isOver ? 'session_ended' : null,
    async end(queries) {
      const roots = { sessions: [found.session_id] }
      await endBelow(queries, zone, now, roots, 'refresh_token_revoked')
    },
  }
}

/**
 * A session takes with it what was exchanged from it, none of which outlives it. The mandate of an
 * agent session stands for that agent alone, and not for whom it runs.
 */
function revocationsOf(claims: MandateClaims): readonly Revocation[] {
  const expiresAt = new Date((claims.exp + limits.clockSkewSeconds) * 1_000)
  const own: Revocation = { anchor: 'jti', value: claims.jti, expiresAt }
  return claims.use === 'session' && claims.agent_session_id === undefined
    ? [own, { anchor: 'session', value: claims.sid, expiresAt }]
    : [own]
}

/** With a session mandate its session ends, and everything below it. */
async function endSession(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  { use, sid, agent_session_id: agent = sid }: MandateClaims,
): Promise<void> {
  if (use === 'session')
    await endBelow(queries, zone, now, { sessions: [agent] }, 'mandate_revoked')
}
