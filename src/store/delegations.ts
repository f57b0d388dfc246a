import { CompiledQuery, sql, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { PreparedQuery } from './one-trip.ts'
import type { DelegationEdgeRow } from './schema-sessions.ts'

export type DelegationEdge = Selectable<DelegationEdgeRow>

/** The state of an edge by itself at a time. */
export function stateOfEdge(
  { state, expires_at }: Pick<DelegationEdge, 'state' | 'expires_at'>,
  nowMs: number,
): 'active' | 'revoked' | 'expired' {
  if (state === 'revoked') return state
  return expires_at.getTime() <= nowMs ? 'expired' : state
}

/** An edge with those that it stands on, the first of them first. Index: primary key. */
export function pathQuery(zone: ZoneId, id: string): PreparedQuery {
  return {
    name: 'delegation_path',
    text: `
      select e.* from delegation_edges named join delegation_edges e on e.id = any(named.path)
      where named.zone_id = $1 and named.id = $2 and e.zone_id = $1
      order by cardinality(e.path)`,
    values: [zone, id],
  }
}

/** The same inside a transaction; empty where the zone has no such edge. */
export async function edgePath(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<readonly DelegationEdge[]> {
  const { text, values } = pathQuery(zone, id)
  const { rows } = await queries.executeQuery<DelegationEdge>(CompiledQuery.raw(text, [...values]))
  return rows
}

/** How many edges from a session are live. Index: delegation_edges_source. */
export async function countEdgesFrom(
  queries: Queries,
  zone: ZoneId,
  session: string,
  now: Date,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from delegation_edges
    where source_session_id = ${session} and zone_id = ${zone}
      and state = 'active' and expires_at > ${now}`.execute(queries)
  return rows[0]?.count ?? 0
}

export async function insertEdge(
  queries: Queries,
  edge: Omit<DelegationEdge, 'state' | 'ended_at' | 'end_reason'>,
): Promise<DelegationEdge> {
  return queries
    .insertInto('delegation_edges')
    .values({ ...edge, state: 'active', ended_at: null, end_reason: null })
    .returningAll()
    .executeTakeFirstOrThrow()
}
