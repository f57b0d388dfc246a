import type { Selectable } from 'kysely'
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
