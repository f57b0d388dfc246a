import type { Queries } from '../store/database.ts'
import { entryOf } from './entry.ts'
import type { AuditEvent } from './event.ts'

/**
 * Writes events in the caller's transaction: they are durable exactly when the act is. Returns
 * their ids in order. Events of several zones need a transaction that sees them all.
 */
export async function recordEvents(
  queries: Queries,
  nowMs: number,
  events: readonly AuditEvent[],
): Promise<readonly string[]> {
  if (events.length === 0) return []
  const entries = events.map((event) => entryOf(event, nowMs))
  await queries
    .insertInto('events_pending')
    .values(entries.map(({ zone, text, facts }) => ({ zone_id: zone, entry: text, facts })))
    .execute()
  return entries.map((entry) => entry.id)
}
