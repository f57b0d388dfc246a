import { recordEvents } from '../../audit/record.ts'
import type { AuditEvent } from '../../audit/event.ts'
import { refuse } from '../../kernel/faults.ts'
import { newId, type Id } from '../../kernel/ids.ts'
import { limits } from '../../kernel/limits.ts'
import type { Queries } from '../../store/database.ts'
import { insertSession } from '../../store/sessions.ts'
import { noteSubject, type SeenUser } from '../../store/subjects.ts'
import type { MandateTerms } from '../claims.ts'
import type { Client } from '../client.ts'
import { issuerOf } from '../issuer.ts'
import type { Exchange } from '../parts.ts'

/** A session of a user with an application, about to begin. */
export interface UserSession {
  readonly id: Id<'session'>
  readonly user: SeenUser
  readonly client: Client
  /** When whoever vouches for the user did so, in Unix milliseconds. */
  readonly vouchedAtMs: number
  readonly endsAtMs: number
}

export function userSession(exchange: Exchange, session: Omit<UserSession, 'id'>): UserSession {
  const { event, nowMs } = exchange
  event.onBehalfOf = { id: session.user.userId, name: session.user.name }
  return { ...session, id: newId('session', nowMs) }
}

/** The mandate of a user's session: it opens nothing, and exchanges for mandates that do. */
export function userSessionTerms(exchange: Exchange, session: UserSession): MandateTerms {
  const { client } = session
  return {
    use: 'session',
    sub: session.user.userId,
    sub_type: 'user',
    client_id: client.id,
    aud: [issuerOf(exchange.parts.context.issuerBase(), exchange.zone)],
    target: [],
    scopes: [],
    session: { sid: session.id, rootSid: session.id },
    lifetimeSeconds: limits.mandateTtlSeconds,
    endsAtMs: Math.min(session.endsAtMs, client.expires_at_ms ?? Infinity),
  }
}

/**
 * Begins a session together with its event, and with whatever else `more` writes. Refuses where the
 * user was revoked after somebody had vouched for them.
 */
export async function recordUserSession(
  exchange: Exchange,
  session: UserSession,
  event: AuditEvent,
  more: (queries: Queries) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { zone, nowMs, parts } = exchange
  const now = new Date(nowMs)
  await parts.context.db.transaction(zone, async (queries) => {
    const subject = await noteSubject(queries, zone, now, session.user)
    if (subject.revoked_at !== null && session.vouchedAtMs <= subject.revoked_at.getTime())
      refuse('invalid_grant', 'The user was revoked since then and has to sign in anew.', {
        details: { reason: 'subject_revoked' },
      })
    await insertSession(queries, {
      id: session.id,
      zone_id: zone,
      kind: 'subject',
      application_id: session.client.id,
      subject: session.user.userId,
      sub_type: 'user',
      issuer_id: session.user.issuerId,
      parent_id: null,
      root_id: session.id,
      name: null,
      lifecycle: null,
      state: 'active',
      lease_seconds: null,
      heartbeat_at: null,
      created_at: now,
      expires_at: new Date(session.endsAtMs),
      suspended_at: null,
      ended_at: null,
      end_reason: null,
    })
    await more(queries)
    await recordEvents(queries, nowMs, [event])
  })
}
