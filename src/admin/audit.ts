import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { explainRecorded } from '../policy/explain-recorded.ts'
import { eventsOfRequest, filterOf, searchEvents } from '../store/events.ts'
import type { Tx } from '../store/tx.ts'
import { auditLogHandlers } from './audit-log.ts'
import { eventView } from './event-view.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'

export function auditHandlers(services: AdminServices): AdminHandlers<'audit'> {
  return {
    ...auditLogHandlers,

    'audit.list': (tx, input) => search(tx, tx.zone, input),
    'audit.platform': (tx, input) => search(tx, services.system().zone, input),

    async 'audit.by_request'(tx, input) {
      return { items: await eventsOf(tx, input.request_id) }
    },

    async 'audit.explain'(tx, input) {
      const events = await eventsOf(tx, input.request_id)
      const event =
        events.find(({ outcome }) => outcome === 'deny' || outcome === 'refused') ??
        events.at(-1) ??
        refuseUnknown(input.request_id)
      const { summary, smallest_change } = explainRecorded(event)
      return { event, explanation: summary, smallest_change }
    },
  }
}

async function eventsOf(tx: Tx, requestId: string): Promise<ReturnType<typeof eventView>[]> {
  const events = await eventsOfRequest(tx.queries, tx.zone, requestId)
  if (events.length === 0) refuseUnknown(requestId)
  return events.map(eventView)
}

function refuseUnknown(requestId: string): never {
  refuse('not_found', 'No event of this zone has this request id.', {
    details: { request_id: requestId },
  })
}

async function search(
  tx: Tx,
  zone: ZoneId,
  input: InputOf<'audit.list'>,
): Promise<OutputOf<'audit.list'>> {
  const { limit, cursor, ...filters } = input
  const { rows, nextCursor } = await searchEvents(tx.queries, zone, filterOf(filters), {
    limit,
    cursor,
  })
  return { items: rows.map(eventView), next_cursor: nextCursor }
}
