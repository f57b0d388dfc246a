import { sql, type RawBuilder } from 'kysely'
import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { endBelow, resumeBelow, suspendBelow } from '../store/cascades.ts'
import { readPage } from '../store/pages.ts'
import {
  countBelowRoot,
  endOfSessions,
  extendRoot,
  extendSession,
  isRenewed,
  insertSession,
  lockTree,
  noteHeartbeat,
  stateOf,
  type Session,
} from '../store/sessions.ts'
import type { Json, Tx } from '../store/tx.ts'
import {
  actingIn,
  foundSession,
  isMine,
  liveChain,
  refuseArchived,
  refuseUnknown,
  type AgentTx,
} from './acting.ts'
import type { ActingSession, AdminHandlers } from './handlers.ts'
import { equals } from './list.ts'
import { get } from './lookup.ts'
import { isoOrNull } from './views.ts'

type View = OutputOf<'sessions.get'>

const taskSeconds = 3_600
const leaseSeconds = 60

export function sessionHandlers(): AdminHandlers<'sessions'> {
  return {
    'sessions.list': listSessions,
    'sessions.start': startSession,
    'sessions.get': async (tx, input) => viewOf(tx, await mine(tx, input.session_id)),
    'sessions.heartbeat': heartbeat,

    async 'sessions.suspend'(tx, input) {
      await lockTree(tx.queries, tx.zone, 'exclusive')
      const before = await unended(tx, input.session_id)
      if (before.state === 'active') await suspendBelow(tx.queries, tx.zone, tx.now, before.id)
      return changed(tx, before)
    },

    async 'sessions.resume'(tx, input) {
      await lockTree(tx.queries, tx.zone, 'exclusive')
      const before = await unended(tx, input.session_id)
      if (before.state === 'suspended') {
        await resumeBelow(tx.queries, tx.zone, tx.now, before)
        await extendRoot(tx.queries, tx.zone, before.root_id)
      }
      return changed(tx, before)
    },

    async 'sessions.terminate'(tx, input) {
      await lockTree(tx.queries, tx.zone, 'exclusive')
      const before = await mine(tx, input.session_id)
      const roots = { sessions: [before.id] }
      const ended = await endBelow(tx.queries, tx.zone, tx.now, roots, 'terminated')
      return changed(tx, before, { ended: { ...ended } })
    },
  }
}

/** Indexes: sessions_zone, sessions_application, sessions_subject. */
async function listSessions(
  tx: Tx,
  input: InputOf<'sessions.list'>,
): Promise<OutputOf<'sessions.list'>> {
  if (input.application_id !== undefined) await get(tx, 'applications', input.application_id)
  const filters = [
    input.state !== undefined && isIn(input.state, tx.now),
    equals('kind', input.kind),
    equals('application_id', input.application_id),
    equals('subject', input.subject),
  ]
  const { rows, nextCursor } = await readPage<Session>(tx.queries, {
    table: 'sessions',
    where: [sql`zone_id = ${tx.zone}`, ...filters.filter((filter) => filter !== false)],
    by: 'id',
    order: 'desc',
    limit: input.limit,
    cursor: input.cursor,
  })
  return { items: rows.map((row) => viewOf(tx, row)), next_cursor: nextCursor }
}

/** The condition of what `stateOf` says of a row. */
function isIn(state: View['state'], now: Date): RawBuilder<unknown> {
  const renewed = sql`(lease_seconds is not null
    or (kind = 'subject' and sub_type = 'application'))`
  const lapsed = sql`(coalesce(expires_at <= ${now}, false)
    and not (state = 'suspended' and ${renewed}))`
  if (state === 'expired') return sql`state <> 'terminated' and ${lapsed}`
  return state === 'terminated' ? sql`state = ${state}` : sql`state = ${state} and not ${lapsed}`
}

async function startSession(tx: AgentTx, input: InputOf<'sessions.start'>): Promise<View> {
  const acting = actingIn(tx)
  const { lifecycle, name = null } = input
  const wrong = lifecycle === 'task' ? 'lease_seconds' : 'ttl_seconds'
  if (input[wrong] !== undefined)
    refuse('invalid_body', `${wrong}: a ${lifecycle} has none`, {
      details: { issues: [{ path: wrong, message: `a ${lifecycle} has none` }] },
    })
  await lockTree(tx.queries, tx.zone, 'shared')
  const application = await refuseArchived(tx, acting.applicationId)
  if (acting.agentSessionId === null) await keepSubject(tx, acting)
  const above = await liveChain(tx, acting.agentSessionId ?? acting.subjectSessionId)
  const [parent] = above
  if (above.length > limits.sessionDepth)
    refuse('limit_reached', `Sessions nest at most ${limits.sessionDepth} deep.`)
  if ((await countBelowRoot(tx.queries, tx.zone, parent.root_id, tx.now)) >= limits.sessionsPerRoot)
    refuse('limit_reached', `A session has at most ${limits.sessionsPerRoot} live ones below it.`)
  const lease = lifecycle === 'service' ? (input.lease_seconds ?? leaseSeconds) : null
  const ends = lease ?? input.ttl_seconds ?? taskSeconds
  const id = tx.newId('session')
  const expiresAt = new Date(Math.min(tx.nowMs + ends * 1_000, endOfFixed(above)))
  await insertSession(tx.queries, {
    ...{ id, zone_id: tx.zone, kind: 'agent', application_id: application },
    ...{ subject: parent.subject, sub_type: parent.sub_type, issuer_id: parent.issuer_id },
    ...{ parent_id: parent.id, root_id: parent.root_id, name, lifecycle, state: 'active' },
    ...{ lease_seconds: lease, heartbeat_at: lease === null ? null : tx.now },
    ...{ created_at: tx.now, expires_at: expiresAt, suspended_at: null },
    ...{ ended_at: null, end_reason: null },
  })
  await keepRoot(tx, above, expiresAt)
  return created(tx, id)
}

/**
 * A subject session gets a row when something first rests on it: asking for a mandate of its own
 * costs an application no more than signing it.
 */
async function keepSubject(tx: Tx, acting: ActingSession): Promise<void> {
  const id = acting.subjectSessionId
  await insertSession(tx.queries, {
    ...{ id, zone_id: tx.zone, kind: 'subject', application_id: acting.applicationId },
    ...{ subject: acting.subject, sub_type: acting.subType, issuer_id: null },
    ...{ parent_id: null, root_id: id, name: null, lifecycle: null, state: 'active' },
    ...{ lease_seconds: null, heartbeat_at: null, created_at: tx.now, suspended_at: null },
    ...{ expires_at: new Date(acting.expiresAtMs), ended_at: null, end_reason: null },
  })
}

/** When the first of the sessions ends whose end nothing moves. */
function endOfFixed(above: readonly Session[]): number {
  return endOfSessions(above.filter((one) => !isRenewed(one)))
}

async function keepRoot(tx: Tx, above: readonly Session[], until: Date): Promise<void> {
  const root = above.at(-1)
  if (root !== undefined && isRenewed(root))
    await extendSession(tx.queries, tx.zone, root.id, until)
}

async function heartbeat(tx: AgentTx, input: InputOf<'sessions.heartbeat'>): Promise<View> {
  await lockTree(tx.queries, tx.zone, 'shared')
  if (!(await isMine(tx, input.session_id))) return refuseUnknown(input.session_id)
  const [session, ...above] = await liveChain(tx, input.session_id)
  if (session.lease_seconds === null)
    refuse('conflict', 'A task has no lease: it ends with its ttl.', {
      details: { id: session.id },
    })
  const renewed = tx.nowMs + session.lease_seconds * 1_000
  const until = new Date(Math.min(renewed, endOfFixed(above)))
  await noteHeartbeat(tx.queries, tx.zone, session.id, { now: tx.now, until })
  await keepRoot(tx, above, until)
  return viewOf(tx, await foundSession(tx, session.id))
}

/** A session that the caller may see. */
async function mine(tx: AgentTx, id: string): Promise<Session> {
  return (await isMine(tx, id)) ? foundSession(tx, id) : refuseUnknown(id)
}

/** What has ended can neither be held nor let go. */
async function unended(tx: Tx, id: string): Promise<Session> {
  const session = await foundSession(tx, id)
  const reason = stateOf(session, tx.nowMs)
  if (reason === 'terminated' || reason === 'expired')
    refuse('session_not_live', `This session is ${reason}, which is final.`, {
      details: { id, reason },
    })
  return session
}

async function created(tx: Tx, id: string): Promise<View> {
  const view = viewOf(tx, await foundSession(tx, id))
  note(tx, 'create', view, null, { state: view.state, parent_id: view.parent_id })
  return view
}

async function changed(tx: Tx, before: Session, more: Record<string, Json> = {}): Promise<View> {
  const view = viewOf(tx, await foundSession(tx, before.id))
  note(tx, 'update', view, { state: stateOf(before, tx.nowMs) }, { state: view.state, ...more })
  return view
}

function note(
  tx: Tx,
  effect: 'create' | 'update',
  { id, name, application_id }: View,
  before: Record<string, Json> | null,
  after: Record<string, Json>,
): void {
  const facts = { kind: 'session', id, zoneId: tx.zone, name, effect, before } as const
  tx.changes.push({ ...facts, after: { application_id, ...after } })
}

function viewOf(tx: Tx, row: Session): View {
  return {
    id: row.id,
    zone_id: row.zone_id,
    kind: row.kind,
    application_id: row.application_id,
    subject: row.subject,
    sub_type: row.sub_type,
    issuer_id: row.issuer_id,
    parent_id: row.parent_id,
    root_id: row.root_id,
    name: row.name,
    lifecycle: row.lifecycle,
    state: stateOf(row, tx.nowMs),
    lease_seconds: row.lease_seconds,
    heartbeat_at: isoOrNull(row.heartbeat_at),
    created_at: row.created_at.toISOString(),
    expires_at: isoOrNull(row.expires_at),
    ended_at: isoOrNull(row.ended_at),
    end_reason: row.end_reason,
  }
}
