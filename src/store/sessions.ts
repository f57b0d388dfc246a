import { CompiledQuery, sql, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { PreparedQuery } from './one-trip.ts'
import type { SessionRow } from './schema-sessions.ts'

export type Session = Selectable<SessionRow>

/** Why a session cannot act. */
export type NotLive = 'suspended' | 'terminated' | 'expired'

/** What the liveness of a session is told by. */
type Lifetime = Pick<Session, 'state' | 'expires_at' | 'kind' | 'sub_type' | 'lease_seconds'>

/**
 * Whether others move the end of a session on: heartbeats that of a service, and whatever runs
 * under it that of an application's own session. While it is suspended its time stands still.
 */
export function isRenewed({ kind, sub_type, lease_seconds }: Lifetime): boolean {
  return lease_seconds !== null || (kind === 'subject' && sub_type === 'application')
}

/** The state of a session by itself at a time. */
export function stateOf(session: Lifetime, nowMs: number): 'active' | NotLive {
  const { state, expires_at } = session
  if (state === 'terminated' || (state === 'suspended' && isRenewed(session))) return state
  return expires_at !== null && expires_at.getTime() <= nowMs ? 'expired' : state
}

/**
 * Why one of some sessions cannot act; null where all of them can. A session can act only while all
 * above it can, so ask about a whole chain.
 */
export function whyNotLive(sessions: readonly Lifetime[], nowMs: number): NotLive | null {
  const states = sessions.map((session) => stateOf(session, nowMs))
  for (const worst of ['terminated', 'expired', 'suspended'] as const)
    if (states.includes(worst)) return worst
  return null
}

/** When the first of some sessions ends by itself, in Unix milliseconds. */
export function endOfSessions(sessions: readonly Lifetime[]): number {
  return Math.min(...sessions.map(({ expires_at }) => expires_at?.getTime() ?? Infinity))
}

/**
 * Holds the tree of a zone's sessions and edges until the transaction ends: `shared` by whoever
 * adds to it, `exclusive` by whoever ends a part, who would otherwise miss what is being added.
 */
export async function lockTree(
  queries: Queries,
  zone: ZoneId,
  mode: 'shared' | 'exclusive',
): Promise<void> {
  const lock = mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock'
  await sql`select ${sql.raw(lock)}(hashtextextended(${`sessions:${zone}`}, 0))`.execute(queries)
}

/** Index: primary key. */
export async function findSession(
  queries: Queries,
  zone: ZoneId,
  id: string,
): Promise<Session | undefined> {
  return queries
    .selectFrom('sessions')
    .selectAll()
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .executeTakeFirst()
}

/** Adds a session, unless one of its id is there already. */
export async function insertSession(queries: Queries, session: Session): Promise<void> {
  await queries
    .insertInto('sessions')
    .values(session)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

/** Some sessions with all that stand above them, the given ones first. Index: primary key. */
export function chainQuery(zone: ZoneId, ids: readonly string[]): PreparedQuery {
  return {
    name: 'session_chain',
    text: `
      with recursive chain as (
        select s.*, 0 as height from sessions s where s.zone_id = $1 and s.id = any($2)
        union
        select s.*, c.height + 1 from sessions s join chain c on s.id = c.parent_id
        where s.zone_id = $1)
      select * from chain order by height`,
    values: [zone, [...ids]],
  }
}

/** The same inside a transaction. */
export async function sessionChain(
  queries: Queries,
  zone: ZoneId,
  ids: readonly string[],
): Promise<readonly Session[]> {
  const { text, values } = chainQuery(zone, ids)
  const { rows } = await queries.executeQuery<Session>(CompiledQuery.raw(text, [...values]))
  return rows
}

/** How many sessions below a root have not ended. Index: sessions_root. */
export async function countBelowRoot(
  queries: Queries,
  zone: ZoneId,
  root: string,
  now: Date,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from sessions
    where root_id = ${root} and zone_id = ${zone} and state <> 'terminated'
      and kind = 'agent' and (expires_at is null or expires_at > ${now})`.execute(queries)
  return rows[0]?.count ?? 0
}

/** Moves the end of a session on to a later time. Index: primary key. */
export async function extendSession(
  queries: Queries,
  zone: ZoneId,
  id: string,
  until: Date,
): Promise<void> {
  await queries
    .updateTable('sessions')
    .set({ expires_at: until })
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .where('expires_at', '<', until)
    .execute()
}

/** Moves the end of an application's own session to that of what runs under it. Index: sessions_root. */
export async function extendRoot(queries: Queries, zone: ZoneId, root: string): Promise<void> {
  await sql`
    update sessions r set expires_at = greatest(r.expires_at, (
      select max(s.expires_at) from sessions s
      where s.root_id = r.id and s.zone_id = ${zone} and s.state <> 'terminated'))
    where r.id = ${root} and r.zone_id = ${zone} and r.kind = 'subject'
      and r.sub_type = 'application'`.execute(queries)
}

/** Notes that a service lives, and until when its lease now runs. Index: primary key. */
export async function noteHeartbeat(
  queries: Queries,
  zone: ZoneId,
  id: string,
  times: { readonly now: Date; readonly until: Date },
): Promise<void> {
  await queries
    .updateTable('sessions')
    .set({ heartbeat_at: times.now, expires_at: times.until })
    .where('id', '=', id)
    .where('zone_id', '=', zone)
    .execute()
}
