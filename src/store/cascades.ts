import { sql, type RawBuilder } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import {
  endOfMandatesAt,
  insertRevocations,
  releaseRevocations,
  type Revoked,
} from './revocations.ts'
import { lockTree, type Session } from './sessions.ts'

/** Where a cascade begins. */
export interface Roots {
  readonly sessions?: readonly string[]
  readonly edges?: readonly string[]
}

/** How much a cascade has ended, the roots included. */
export interface Ended {
  readonly sessions: number
  readonly edges: number
}

/**
 * Ends sessions and edges with everything below them, and refuses their mandates from then on: the
 * sessions below a session, the edges from or to one of these, and the edges below an edge. Nothing
 * else. Indexes: sessions_parent, delegation_edges_source, _target_session and _parent.
 */
export async function endBelow(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  roots: Roots,
  reason: string,
): Promise<Ended> {
  await lockTree(queries, zone, 'exclusive')
  const { sessions = [], edges = [] } = roots
  const why = (id: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql`case when ${id} = any(${[...sessions, ...edges]}) then ${reason} else 'parent_ended' end`
  const anchors = await anchorsBelow(queries, zone, roots)
  const { rows } = await sql<Ended>`
    with recursive ${below(zone, namedRoots(roots))},
    sessions_ended as (
      update sessions s
      set state = 'terminated', ended_at = ${now}, end_reason = ${why(sql`s.id`)}
      from below b
      where b.kind = 'session' and s.id = b.id and s.zone_id = ${zone} and s.state <> 'terminated'
      returning s.id),
    edges_ended as (
      update delegation_edges e
      set state = 'revoked', ended_at = ${now}, end_reason = ${why(sql`e.id`)}
      from below b
      where b.kind = 'edge' and e.id = b.id and e.zone_id = ${zone} and e.state <> 'revoked'
      returning e.id)
    select (select count(*) from sessions_ended) as sessions,
      (select count(*) from edges_ended) as edges`.execute(queries)
  await refuseMandates(queries, zone, now, anchors)
  return rows[0] ?? { sessions: 0, edges: 0 }
}

/**
 * Ends what an application runs and what was delegated to it. Indexes: sessions_application,
 * delegation_edges_target.
 */
export async function endApplication(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  application: string,
): Promise<Ended> {
  await lockTree(queries, zone, 'exclusive')
  const { rows } = await sql<{ kind: 'session' | 'edge'; id: string }>`
    select 'session' as kind, id from sessions
    where zone_id = ${zone} and application_id = ${application} and state <> 'terminated'
    union all
    select 'edge', id from delegation_edges
    where zone_id = ${zone} and target_application_id = ${application} and state <> 'revoked'
  `.execute(queries)
  const idsOf = (kind: 'session' | 'edge'): string[] =>
    rows.filter((row) => row.kind === kind).map(({ id }) => id)
  const roots = { sessions: idsOf('session'), edges: idsOf('edge') }
  return endBelow(queries, zone, now, roots, 'application_archived')
}

/** Ends what runs for the users that a subject issuer vouched for. Index: sessions_issuer. */
export async function endVouchedFor(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  issuer: string,
): Promise<Ended> {
  await lockTree(queries, zone, 'exclusive')
  const rows = await queries
    .selectFrom('sessions')
    .select('id')
    .where('issuer_id', '=', issuer)
    .where('zone_id', '=', zone)
    .where('kind', '=', 'subject')
    .where('state', '<>', 'terminated')
    .execute()
  const roots = { sessions: rows.map(({ id }) => id) }
  return endBelow(queries, zone, now, roots, 'subject_issuer_archived')
}

/**
 * Suspends an active session: its mandates, and those of everything below it, are refused. The
 * caller holds the tree.
 */
export async function suspendBelow(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  session: string,
): Promise<void> {
  await setState(queries, zone, session, { state: 'suspended', suspended_at: now })
  const anchors = await anchorsBelow(queries, zone, { sessions: [session] })
  await refuseMandates(queries, zone, now, anchors)
}

/**
 * Resumes a suspended session: mandates of it and of what is below are believed again, except those
 * that another suspension holds, and services whose leases stood still get new ones. What has ended
 * keeps its refusal. A new lease ends with the task or the sign-in above it at the latest. The caller
 * holds the tree. Index: sessions_suspended.
 */
export async function resumeBelow(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  session: Pick<Session, 'id' | 'suspended_at'>,
): Promise<void> {
  await setState(queries, zone, session.id, { state: 'active', suspended_at: null })
  const others = sql`select 'session', id from sessions where zone_id = ${zone} and state = 'suspended'`
  const { rows } = await sql<Revoked>`
    with recursive ${below(zone, namedRoots({ sessions: [session.id] }))},
    ${below(zone, others, 'held')},
    leases as (
      update sessions s
      set expires_at = greatest(s.expires_at, least(
        ${now}::timestamptz + make_interval(secs => s.lease_seconds), ${endAbove(zone)}))
      from below b
      where b.kind = 'session' and s.id = b.id and s.zone_id = ${zone}
        and s.lease_seconds is not null and s.expires_at > ${session.suspended_at}
        and not exists (select from held h where h.id = s.id))
    select a.anchor, a.value from (${anchorsOf(zone, 'below')}) a
    where not exists (select from held h where h.id = a.value)`.execute(queries)
  await releaseRevocations(queries, zone, now, rows)
}

/** When the first of the sessions above `s` ends whose end nothing moves; null where none does. */
function endAbove(zone: ZoneId): RawBuilder<Date | null> {
  return sql`(
    with recursive above as (
      select p.* from sessions p where p.id = s.parent_id and p.zone_id = ${zone}
      union all
      select p.* from sessions p join above a on p.id = a.parent_id where p.zone_id = ${zone})
    select min(expires_at) from above
    where lease_seconds is null and not (kind = 'subject' and sub_type = 'application'))`
}

async function setState(
  queries: Queries,
  zone: ZoneId,
  session: string,
  to: Pick<Session, 'state' | 'suspended_at'>,
): Promise<void> {
  await queries
    .updateTable('sessions')
    .set(to)
    .where('id', '=', session)
    .where('zone_id', '=', zone)
    .execute()
}

function namedRoots({ sessions = [], edges = [] }: Roots): RawBuilder<unknown> {
  return sql`
    select 'session', unnest(${[...sessions]}::text[])
    union select 'edge', unnest(${[...edges]}::text[])`
}

/** The part of a recursive query that names roots and all that has not ended below them. */
function below(zone: ZoneId, roots: RawBuilder<unknown>, name = 'below'): RawBuilder<unknown> {
  return sql`${sql.raw(name)} (kind, id) as (
    select roots.* from (${roots}) roots
    union
    select next.kind, next.id from ${sql.raw(name)} b cross join lateral (
      select 'session' as kind, s.id from sessions s
      where b.kind = 'session' and s.parent_id = b.id and s.zone_id = ${zone}
        and s.state <> 'terminated'
      union all
      select 'edge', e.id from delegation_edges e
      where b.kind = 'session' and e.source_session_id = b.id and e.zone_id = ${zone}
        and e.state <> 'revoked'
      union all
      select 'edge', e.id from delegation_edges e
      where b.kind = 'session' and e.target_session_id = b.id and e.zone_id = ${zone}
        and e.state <> 'revoked'
      union all
      select 'edge', e.id from delegation_edges e
      where b.kind = 'edge' and e.parent_id = b.id and e.zone_id = ${zone}
        and e.state <> 'revoked') next)`
}

/** The anchors that mandates of sessions and edges carry. */
function anchorsOf(zone: ZoneId, name: string): RawBuilder<unknown> {
  return sql`
    select case when s.kind = 'agent' then 'agent_session' else 'session' end as anchor,
      s.id as value
    from ${sql.raw(name)} b join sessions s on b.kind = 'session' and s.id = b.id
    where s.zone_id = ${zone}
    union all
    select 'root_session', s.id
    from ${sql.raw(name)} b join sessions s on b.kind = 'session' and s.id = b.id
    where s.zone_id = ${zone} and s.parent_id is null
    union all
    select 'edge', b.id from ${sql.raw(name)} b where b.kind = 'edge'`
}

async function anchorsBelow(
  queries: Queries,
  zone: ZoneId,
  roots: Roots,
): Promise<readonly Revoked[]> {
  const { rows } = await sql<Revoked>`
    with recursive ${below(zone, namedRoots(roots))} ${anchorsOf(zone, 'below')}`.execute(queries)
  return rows
}

/** Until the last mandate that they concern has expired by itself. */
async function refuseMandates(
  queries: Queries,
  zone: ZoneId,
  now: Date,
  anchors: readonly Revoked[],
): Promise<void> {
  const expiresAt = endOfMandatesAt(now.getTime())
  await insertRevocations(
    queries,
    zone,
    now,
    anchors.map((anchor) => ({ ...anchor, expiresAt })),
  )
}
