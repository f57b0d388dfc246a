import { limits } from '../kernel/limits.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { endBelow } from '../store/cascades.ts'
import type { Queries } from '../store/database.ts'
import { insertRevocations, type Revocation } from '../store/revocations.ts'
import type { MandateClaims } from './claims.ts'
import { diagnose } from './draft-event.ts'
import { readFacts } from './facts.ts'
import { required } from './parameters.ts'
import type { EndpointRequest, Parts } from './parts.ts'
import { serve, type Settled } from './serve.ts'

/**
 * The revocation endpoint (RFC 7009): a client ends a mandate of its own. What is no live mandate
 * of it is left alone, and answered in the same way (section 2.2).
 */
export async function revoke(parts: Parts, request: EndpointRequest): Promise<void> {
  return serve(parts, request, 'token.revoke', async (exchange): Promise<Settled<void>> => {
    const token = required(exchange.parameters, 'token')
    const { client } = await readFacts(exchange, null)
    const { zone, event, nowMs } = exchange
    const { claims, refusal } = await parts.mandates.verify(zone, token, {
      use: null,
      audience: null,
    })
    const ignored = refusal ?? (claims.client_id === client.id ? null : 'token_of_another_client')
    diagnose(event, { revoked: ignored === null, ignored_because: ignored })
    if (claims === null || ignored !== null) return { answer: () => undefined }
    event.mandateJti = claims.jti
    event.sessionId = claims.sid
    return {
      async change(queries) {
        await insertRevocations(queries, zone, new Date(nowMs), revocationsOf(claims))
        await endSession(queries, zone, new Date(nowMs), claims)
      },
      answer: () => {
        parts.trust.forget(zone)
      },
    }
  })
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
