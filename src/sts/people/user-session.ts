import { refuse } from '../../kernel/faults.ts'
import { newId, type Id } from '../../kernel/ids.ts'
import { limits } from '../../kernel/limits.ts'
import type { Queries } from '../../store/database.ts'
import { insertSession } from '../../store/sessions.ts'
import { holdSubjectIssuer } from '../../store/subject-issuers.ts'
import { noteSubject, type SeenUser } from '../../store/subjects.ts'
import type { MandateTerms } from '../claims.ts'
import type { Client } from '../client.ts'
import { admitSession, decideScopes } from '../decide-scopes.ts'
import type { Facts } from '../facts.ts'
import { resourceTerms } from '../issue.ts'
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

/** What a mandate of a user's session is for. */
interface Wanted {
  /** Null: the session itself. */
  readonly resource: string | null
  readonly scopes: readonly string[] | null
  /** The session that an approval is bound to; null: one that only begins. */
  readonly sessionId: string | null
}

/** What the mandates of a user's session have in common. */
type Mandated = Pick<UserSession, 'id' | 'client' | 'endsAtMs'> & {
  readonly user: Pick<SeenUser, 'userId'>
}

/** The mandate of a user's session: it opens nothing, and exchanges for mandates that do. */
export function userSessionTerms(exchange: Exchange, session: Mandated): MandateTerms {
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

/** What the mandate that was asked for has in it, and the approvals that it uses up. */
interface UserMandate {
  readonly terms: MandateTerms
  readonly holds: readonly string[]
}

/** The mandate that was asked for: the session, or what the user may do at a resource. */
export async function userMandate(
  exchange: Exchange,
  facts: Facts,
  session: Mandated,
  { resource, scopes, sessionId }: Wanted,
): Promise<UserMandate> {
  const subject = { userId: session.user.userId, sessionId, hops: 0 }
  const own = userSessionTerms(exchange, session)
  if (resource === null) {
    await admitSession(exchange, facts, subject)
    return { terms: own, holds: [] }
  }
  const allowed = await decideScopes(exchange, facts, scopes, subject)
  const { use, aud, target, endsAtMs } = resourceTerms(facts.client, allowed)
  const terms = {
    ...own,
    ...{ use, aud, target, scopes: allowed.scopes },
    endsAtMs: Math.min(own.endsAtMs, endsAtMs),
  }
  return { terms, holds: allowed.holds }
}

/**
 * Begins a session. Refuses where the user was revoked after somebody had vouched for them, or
 * whoever did so is not believed any more.
 */
export async function beginUserSession(
  queries: Queries,
  { zone, nowMs }: Exchange,
  session: UserSession,
): Promise<void> {
  const now = new Date(nowMs)
  const subject = await noteSubject(queries, zone, now, session.user)
  if (subject.revoked_at !== null && session.vouchedAtMs <= subject.revoked_at.getTime())
    refuse('invalid_grant', 'The user was revoked since then and has to sign in anew.', {
      details: { reason: 'subject_revoked' },
    })
  const { issuerId } = session.user
  if (issuerId !== null && !(await holdSubjectIssuer(queries, zone, issuerId)))
    refuse('invalid_grant', 'Nobody vouches for the user any more, who has to sign in anew.', {
      details: { reason: 'voucher_gone' },
    })
  await insertSession(queries, {
    id: session.id,
    zone_id: zone,
    kind: 'subject',
    application_id: session.client.id,
    subject: session.user.userId,
    sub_type: 'user',
    issuer_id: issuerId,
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
}
