import { sql, type RawBuilder } from 'kysely'
import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { endBelow } from '../store/cascades.ts'
import {
  countEdgesFrom,
  edgePath,
  insertEdge,
  stateOfEdge,
  type DelegationEdge,
} from '../store/delegations.ts'
import { readPage } from '../store/pages.ts'
import { lockTree } from '../store/sessions.ts'
import type { Json, Tx } from '../store/tx.ts'
import { agentIn, foundSession, isMine, liveChain, refuseArchived, type AgentTx } from './acting.ts'
import type { AdminHandlers } from './handlers.ts'
import { equals } from './list.ts'
import { get, getLive } from './lookup.ts'
import { isoOrNull } from './views.ts'

type Input = InputOf<'delegations.create'>
type View = OutputOf<'delegations.get'>

const edgeSeconds = 3_600

export function delegationHandlers(): AdminHandlers<'delegations'> {
  return {
    'delegations.list': listDelegations,
    'delegations.create': delegate,

    async 'delegations.get'(tx, input) {
      const edge = await named(tx, input.edge_id)
      const isTarget =
        tx.principal.session?.applicationId === edge.target_application_id &&
        (edge.target_session_id === null || (await isMine(tx, edge.target_session_id)))
      if (!isTarget && !(await isMine(tx, edge.source_session_id)))
        return refuseUnknown(input.edge_id)
      return viewOf(tx, edge)
    },

    async 'delegations.revoke'(tx, input) {
      await lockTree(tx.queries, tx.zone, 'exclusive')
      const before = await named(tx, input.edge_id)
      if (!(await isMine(tx, before.source_session_id))) return refuseUnknown(input.edge_id)
      const roots = { edges: [before.id] }
      const ended = await endBelow(tx.queries, tx.zone, tx.now, roots, 'revoked')
      const view = viewOf(tx, await named(tx, before.id))
      const state = stateOfEdge(before, tx.nowMs)
      note(tx, 'update', view, { state }, { state: view.state, ended: { ...ended } })
      return view
    },
  }
}

/** Indexes: delegation_edges_zone, delegation_edges_source, delegation_edges_target. */
async function listDelegations(
  tx: Tx,
  input: InputOf<'delegations.list'>,
): Promise<OutputOf<'delegations.list'>> {
  const { source_session_id, target_application_id, resource_id } = input
  if (source_session_id !== undefined) await foundSession(tx, source_session_id)
  if (target_application_id !== undefined) await get(tx, 'applications', target_application_id)
  if (resource_id !== undefined) await get(tx, 'resources', resource_id)
  const filters = [
    input.state !== undefined && isIn(input.state, tx.now),
    equals('source_session_id', source_session_id),
    equals('target_application_id', target_application_id),
    equals('resource_id', resource_id),
  ]
  const { rows, nextCursor } = await readPage<DelegationEdge>(tx.queries, {
    table: 'delegation_edges',
    where: [sql`zone_id = ${tx.zone}`, ...filters.filter((filter) => filter !== false)],
    by: 'id',
    order: 'desc',
    limit: input.limit,
    cursor: input.cursor,
  })
  return { items: rows.map((row) => viewOf(tx, row)), next_cursor: nextCursor }
}

/** The condition of what `stateOfEdge` says of a row. */
function isIn(state: View['state'], now: Date): RawBuilder<unknown> {
  if (state === 'revoked') return sql`state = 'revoked'`
  const lapsed = sql`expires_at <= ${now}`
  return sql`state = 'active' and ${state === 'expired' ? lapsed : sql`not ${lapsed}`}`
}

async function delegate(tx: AgentTx, input: Input): Promise<View> {
  const { agentSessionId, applicationId } = agentIn(tx)
  await lockTree(tx.queries, tx.zone, 'shared')
  await refuseArchived(tx, applicationId)
  await liveChain(tx, agentSessionId)
  const path = input.parent_edge_id === undefined ? [] : await parentPath(tx, input.parent_edge_id)
  const parent = path.at(-1) ?? null
  const target = await targetOf(tx, input)
  const bounds = await boundsOf(tx, input, parent)
  if (path.length >= limits.delegationHops)
    refuse('delegation_too_deep', `A delegation has at most ${limits.delegationHops} hops.`)
  const live = await countEdgesFrom(tx.queries, tx.zone, agentSessionId, tx.now)
  if (live >= limits.edgesPerSession)
    refuse('limit_reached', `A session lends at most ${limits.edgesPerSession} times at once.`)
  const id = tx.newId('edge')
  const edge = await insertEdge(tx.queries, {
    ...{ id, zone_id: tx.zone, parent_id: parent?.id ?? null },
    ...{ path: [...path.map((hop) => hop.id), id], created_at: tx.now },
    ...{ source_session_id: agentSessionId, source_application_id: applicationId },
    ...target,
    ...bounds,
  })
  const view = viewOf(tx, edge)
  note(tx, 'create', view, null, {
    ...{ state: view.state, scopes: view.scopes, resource_id: view.resource_id },
    ...{ source_session_id: agentSessionId, parent_id: view.parent_id },
  })
  return view
}

/** The edges that a new one would stand on: live, and lent to the agent session that calls. */
async function parentPath(tx: AgentTx, id: string): Promise<readonly DelegationEdge[]> {
  const { agentSessionId, applicationId } = agentIn(tx)
  const path = await edgePath(tx.queries, tx.zone, id)
  const parent = path.at(-1) ?? refuseUnknown(id)
  const isMyOwn =
    parent.target_application_id === applicationId &&
    (parent.target_session_id ?? agentSessionId) === agentSessionId
  if (!isMyOwn)
    refuse('delegation_not_yours', 'This delegation was lent to another agent.', {
      details: { id },
    })
  const state = stateOfEdge(parent, tx.nowMs)
  if (state !== 'active')
    refuse('delegation_not_live', `The delegation to pass on is ${state}.`, {
      details: { id, reason: state },
    })
  for (const hop of path) await liveChain(tx, hop.source_session_id)
  return path
}

async function targetOf(
  tx: Tx,
  { target_session_id: session, target_application_id: application }: Input,
): Promise<Pick<DelegationEdge, 'target_application_id' | 'target_session_id'>> {
  if (session === undefined && application === undefined)
    refuse('invalid_body', 'Give target_application_id or target_session_id: who may use it.')
  const named =
    application === undefined ? null : (await getLive(tx, 'applications', application)).id
  if (session === undefined) return { target_application_id: named ?? '', target_session_id: null }
  const [{ kind, application_id: owner }] = await liveChain(tx, session)
  if (kind !== 'agent')
    refuse('agent_session_required', 'Only an agent session acts on a delegation.')
  if (named !== null && named !== owner)
    refuse('invalid_body', 'target_session_id is no session of target_application_id.')
  return { target_application_id: owner, target_session_id: session }
}

type Bounds = Pick<
  DelegationEdge,
  'resource_id' | 'scopes' | 'expires_at' | 'ttl_seconds' | 'max_hops'
>

/** What is lent, inside what the parent edge lends (authority.md, Delegation). */
async function boundsOf(tx: Tx, input: Input, parent: DelegationEdge | null): Promise<Bounds> {
  const resource_id = input.resource_id ?? parent?.resource_id
  if (resource_id === undefined)
    refuse('invalid_body', 'Give resource_id: what the delegation is about.')
  const resource = await getLive(tx, 'resources', resource_id)
  const unknown = input.scopes.filter((scope) => !resource.scopes.includes(scope))
  if (unknown.length > 0)
    refuse('unknown_scope', `${resource.name} has no scope ${unknown.join(', ')}.`, {
      details: { unknown, scopes: resource.scopes },
    })
  const inAnHour = tx.nowMs + edgeSeconds * 1_000
  const parentEnds = parent?.expires_at.getTime() ?? Infinity
  const bounds: Bounds = {
    resource_id,
    scopes: [...input.scopes],
    expires_at: new Date(
      input.expires_at === undefined
        ? Math.min(inAnHour, parentEnds)
        : Date.parse(input.expires_at),
    ),
    ttl_seconds: input.ttl_seconds ?? parent?.ttl_seconds ?? limits.mandateTtlSeconds,
    max_hops: input.max_hops,
  }
  if (bounds.expires_at.getTime() <= tx.nowMs)
    refuse('invalid_body', 'expires_at: must be in the future', {
      details: { issues: [{ path: 'expires_at', message: 'must be in the future' }] },
    })
  if (parent !== null) refuseBeyond(parent, bounds)
  return bounds
}

function refuseBeyond(parent: DelegationEdge, bounds: Bounds): void {
  const inside: Readonly<Record<keyof Bounds, boolean>> = {
    resource_id: bounds.resource_id === parent.resource_id,
    scopes: bounds.scopes.every((scope) => parent.scopes.includes(scope)),
    expires_at: bounds.expires_at <= parent.expires_at,
    ttl_seconds: bounds.ttl_seconds <= parent.ttl_seconds,
    max_hops: bounds.max_hops < parent.max_hops,
  }
  const exceeded = Object.entries(inside).flatMap(([field, isInside]) => (isInside ? [] : field))
  if (exceeded.length > 0)
    refuse(
      'delegation_exceeds_parent',
      `A delegation lies inside the one that it passes on; ${exceeded.join(', ')} does not.`,
      { details: { fields: exceeded } },
    )
}

async function named(tx: Tx, id: string): Promise<DelegationEdge> {
  return (await edgePath(tx.queries, tx.zone, id)).at(-1) ?? refuseUnknown(id)
}

function refuseUnknown(id: string): never {
  return refuse('not_found', 'There is no such delegation in this zone.', { details: { id } })
}

function note(
  tx: Tx,
  effect: 'create' | 'update',
  { id, target_application_id: application_id }: View,
  before: Record<string, Json> | null,
  after: Record<string, Json>,
): void {
  const facts = { kind: 'edge', id, zoneId: tx.zone, name: null, effect, before } as const
  tx.changes.push({ ...facts, after: { application_id, ...after } })
}

function viewOf(tx: Tx, row: DelegationEdge): View {
  return {
    id: row.id,
    zone_id: row.zone_id,
    parent_id: row.parent_id,
    path: row.path,
    source_session_id: row.source_session_id,
    source_application_id: row.source_application_id,
    target_application_id: row.target_application_id,
    target_session_id: row.target_session_id,
    resource_id: row.resource_id,
    scopes: row.scopes,
    ttl_seconds: row.ttl_seconds,
    max_hops: row.max_hops,
    state: stateOfEdge(row, tx.nowMs),
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    ended_at: isoOrNull(row.ended_at),
    end_reason: row.end_reason,
  }
}
