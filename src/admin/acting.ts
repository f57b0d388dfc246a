import { refuse } from '../kernel/faults.ts'
import type { Id } from '../kernel/ids.ts'
import { findObject } from '../store/objects.ts'
import {
  findSession,
  sessionChain,
  whyNotLive,
  type NotLive,
  type Session,
} from '../store/sessions.ts'
import type { Tx } from '../store/tx.ts'
import type { ActingSession } from './handlers.ts'

/** A call that an agent may make. */
export type AgentTx = Tx & { readonly principal: { readonly session?: ActingSession } }

/** The session that calls. The door has let nobody else in. */
export function actingIn({ principal }: AgentTx): ActingSession {
  return (
    principal.session ??
    refuse('session_mandate_required', 'Call this with a session mandate of the zone.')
  )
}

/** The agent session that calls; a subject session lends nothing and has no lease. */
export function agentIn(tx: AgentTx): ActingSession & { readonly agentSessionId: string } {
  const { agentSessionId, ...acting } = actingIn(tx)
  if (agentSessionId === null)
    refuse('agent_session_required', 'Start an agent session, and call this with its mandate.')
  return { ...acting, agentSessionId }
}

const whyNot: Readonly<Record<NotLive, string>> = {
  suspended: 'The session, or one above it, is suspended; an administrator can resume it.',
  terminated: 'The session has been ended; start another.',
  expired: 'The session, or one above it, has expired; start another.',
}

/** A session of the zone with all above it, none of which has ended or is suspended. */
export async function liveChain(tx: Tx, id: string): Promise<readonly [Session, ...Session[]]> {
  const [first, ...above] = await sessionChain(tx.queries, tx.zone, [id])
  if (first === undefined) return refuseUnknown(id)
  const reason = whyNotLive([first, ...above], tx.nowMs)
  if (reason !== null) refuse('session_not_live', whyNot[reason], { details: { id, reason } })
  return [first, ...above]
}

/** Whether a session is the one that calls or stands below it; an administrator has them all. */
export async function isMine(tx: AgentTx, id: string): Promise<boolean> {
  const acting = tx.principal.session
  if (acting === undefined) return true
  const chain = await sessionChain(tx.queries, tx.zone, [id])
  const self = acting.agentSessionId ?? acting.subjectSessionId
  return chain.some((session) => session.id === self)
}

export async function foundSession(tx: Tx, id: string): Promise<Session> {
  return (await findSession(tx.queries, tx.zone, id)) ?? refuseUnknown(id)
}

export function refuseUnknown(id: string): never {
  return refuse('not_found', 'There is no such session in this zone.', { details: { id } })
}

/** Whoever is being archived at this moment holds the tree alone, so this is what holds after. */
export async function refuseArchived(tx: Tx, application: string): Promise<Id<'application'>> {
  const row = await findObject(tx.queries, tx.zone, 'applications', application)
  if (row?.archived_at !== null)
    refuse('archived', 'The application is archived.', { details: { id: application } })
  return row.id as Id<'application'>
}
