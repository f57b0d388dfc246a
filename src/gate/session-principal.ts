import type { Id, ZoneId } from '../kernel/ids.ts'
import type { Database } from '../store/database.ts'
import { findObject } from '../store/objects.ts'
import type { SessionPrincipal } from './principal.ts'

/** What the STS has verified of a session mandate. */
export interface VerifiedSession {
  readonly jti: string
  readonly zone: ZoneId
  readonly clientId: Id<'application'>
  readonly sid: string
  readonly agentSessionId: string | null
  readonly subject: string
  readonly subType: 'application' | 'user'
  readonly expiresAtMs: number
}

/** The principal of a verified session mandate. Index: primary key of applications. */
export async function sessionPrincipal(
  db: Database,
  mandate: VerifiedSession,
): Promise<SessionPrincipal> {
  const { zone, clientId, sid, agentSessionId, jti, ...subject } = mandate
  const application = await db.transaction(zone, (queries) =>
    findObject(queries, zone, 'applications', clientId),
  )
  return {
    kind: 'session',
    id: agentSessionId ?? sid,
    name: application?.name ?? clientId,
    zone,
    jti,
    session: { ...subject, applicationId: clientId, agentSessionId, subjectSessionId: sid },
  }
}
