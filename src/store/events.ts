import { sql, type RawBuilder, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import { decodeCursor, encodeCursor, refuseCursor, type Page } from './pages.ts'
import type { EventRow } from './schema-audit.ts'

export type StoredEvent = Pick<Selectable<EventRow>, 'position' | 'sequence' | 'entry' | 'time'>

/** What a search asks for; a column by its name. */
export interface EventFilter {
  readonly equal: Partial<Record<EventColumn, string>>
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

/** The filters of the API as columns of the log. */
export function filterOf(filters: {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly actor?: string | undefined
  readonly [column: string]: string | undefined
}): EventFilter {
  const { from, to, actor, ...named } = filters
  const given = Object.entries({ ...named, actor_id: actor })
  return {
    equal: Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
  }
}

export type EventColumn =
  'type' | 'outcome' | 'actor_id' | 'application_id' | 'session_id' | 'request_id' | 'plan_id'

const list = 'events'

/**
 * The newest events first, those not yet in the log too. Every filter has an index that has the order
 * as well: events_logged_time (an outcome of allow is that of most), _type, _outcome, _actor, _application,
 * _session, _request, _plan.
 */
export async function searchEvents(
  queries: Queries,
  zone: ZoneId,
  filter: EventFilter,
  page: { readonly limit: number; readonly cursor: string | undefined },
): Promise<Page<StoredEvent>> {
  const where = conditionsOf(zone, filter)
  if (page.cursor !== undefined) {
    const { time, position } = placeIn(page.cursor)
    where.push(sql`(time, position) < (${time}::timestamptz, ${position}::bigint)`)
  }
  const { rows } = await sql<StoredEvent>`
    select position, sequence, time, entry from events where ${sql.join(where, sql` and `)}
    order by time desc, position desc limit ${page.limit + 1}`.execute(queries)
  const shown = rows.slice(0, page.limit)
  const last = shown.at(-1)
  const more = rows.length > page.limit && last !== undefined
  return {
    rows: shown,
    nextCursor: more ? encodeCursor(list, [last.time.getTime(), last.position]) : null,
  }
}

function conditionsOf(zone: ZoneId, { equal, from, to }: EventFilter): RawBuilder<unknown>[] {
  const where: RawBuilder<unknown>[] = [sql`zone_id = ${zone}`]
  for (const [column, value] of Object.entries(equal))
    where.push(sql`${sql.ref(column)} = ${value}`)
  if (from !== undefined) where.push(sql`time >= ${from}`)
  if (to !== undefined) where.push(sql`time < ${to}`)
  return where
}

function placeIn(cursor: string): { readonly time: Date; readonly position: number } {
  const place = decodeCursor(list, cursor)
  if (!Array.isArray(place) || place.length !== 2) return refuseCursor()
  const [ms, position] = place as readonly unknown[]
  const time = new Date(Number.isSafeInteger(ms) ? (ms as number) : Number.NaN)
  if (Number.isNaN(time.getTime()) || !Number.isSafeInteger(position)) return refuseCursor()
  return { time, position: position as number }
}

/** An entry of the log, its text as it is hashed. */
export interface LoggedEntry {
  readonly sequence: number
  readonly entry: string
}

/** Entries of the log that a filter lets through, in its order. Index: primary key. */
export async function loggedEntries(
  queries: Queries,
  zone: ZoneId,
  filter: EventFilter,
  range: { readonly after: number; readonly until: number; readonly limit: number },
): Promise<readonly LoggedEntry[]> {
  const where = sql.join(conditionsOf(zone, filter), sql` and `)
  const { rows } = await sql<LoggedEntry>`
    select sequence, entry::text as entry from events_logged
    where ${where} and sequence > ${range.after} and sequence < ${range.until}
    order by sequence limit ${range.limit}`.execute(queries)
  return rows
}

/** Whether an event is recorded and not yet in the log. Pending events are few. */
export async function isWaiting(queries: Queries, zone: ZoneId, id: string): Promise<boolean> {
  const { rows } = await sql`
    select from events_pending where zone_id = ${zone} and entry->>'id' = ${id}`.execute(queries)
  return rows.length > 0
}

/** How many events one request can have left: a plan of 50 steps and what surrounds it. */
const eventsOfOneRequest = 500

/** The events of one request in order. Index: events_logged_request. */
export async function eventsOfRequest(
  queries: Queries,
  zone: ZoneId,
  requestId: string,
): Promise<readonly StoredEvent[]> {
  return queries
    .selectFrom('events')
    .select(['position', 'sequence', 'time', 'entry'])
    .where('zone_id', '=', zone)
    .where('request_id', '=', requestId)
    .orderBy('position')
    .limit(eventsOfOneRequest)
    .execute()
}

/** An event of the token endpoint that the policy of its zone may have decided on. */
export interface DecisionEvent {
  readonly id: string
  readonly time: Date
  readonly request_id: string
  readonly application_id: string | null
  readonly facts: unknown
}

/** How far back in the log of a zone its decisions are looked for. */
const eventsLookedThrough = 200_000

/**
 * The newest decisions of a zone, newest first. An event without facts is among them where the zone's
 * own policy was in force for it. Index: events_logged_time.
 */
export async function decisionsOfZone(
  queries: Queries,
  zone: ZoneId,
  asked: { readonly last: number; readonly from?: Date; readonly to?: Date },
): Promise<readonly DecisionEvent[]> {
  const { last, from, to } = asked
  const { rows } = await sql<DecisionEvent>`
    select e.id, e.time, e.request_id, e.application_id, e.facts
    from (select * from events where zone_id = ${zone}
        order by time desc, position desc limit ${eventsLookedThrough}) e
    where e.type like 'token.%'
      and (${from ?? null}::timestamptz is null or e.time >= ${from ?? null})
      and (${to ?? null}::timestamptz is null or e.time < ${to ?? null})
      and (e.facts is not null or e.entry->>'policy_set_version_id' in (
        select v.id from policy_set_versions v where v.zone_id = ${zone}))
    order by e.time desc, e.position desc limit ${last}`.execute(queries)
  return rows
}
