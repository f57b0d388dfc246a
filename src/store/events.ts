import { sql, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { EventRow } from './schema.ts'

export type StoredEvent = Selectable<EventRow>

/** How many events one request can have left: a plan of 50 steps and what surrounds it. */
const eventsOfOneRequest = 500

/** The events of one request in order. Index: events_request. */
export async function eventsOfRequest(
  queries: Queries,
  zone: ZoneId,
  requestId: string,
): Promise<readonly StoredEvent[]> {
  return queries
    .selectFrom('events')
    .selectAll()
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
 * own policy was in force for it. Index: events_zone.
 */
export async function decisionsOfZone(
  queries: Queries,
  zone: ZoneId,
  asked: { readonly last: number; readonly from?: Date; readonly to?: Date },
): Promise<readonly DecisionEvent[]> {
  const { last, from, to } = asked
  const { rows } = await sql<DecisionEvent>`
    select e.id, e.time, e.request_id, e.application_id, e.body->'facts' as facts
    from (select * from events where zone_id = ${zone}
        order by position desc limit ${eventsLookedThrough}) e
    where e.type like 'token.%'
      and (${from ?? null}::timestamptz is null or e.time >= ${from ?? null})
      and (${to ?? null}::timestamptz is null or e.time < ${to ?? null})
      and (e.body ? 'facts' or e.body->>'policy_set_version_id' in (
        select v.id from policy_set_versions v where v.zone_id = ${zone}))
    order by e.position desc limit ${last}`.execute(queries)
  return rows
}
