import type { OutputOf } from '../../tools/catalogue.ts'
import type { StoredEvent } from '../store/events.ts'

/** An event as the API shows it: its entry, and its place in the log where it has one. */
export function eventView({
  sequence,
  entry,
}: Pick<StoredEvent, 'sequence' | 'entry'>): OutputOf<'audit.by_request'>['items'][number] {
  return { ...(entry as Omit<ReturnType<typeof eventView>, 'sequence'>), sequence }
}
