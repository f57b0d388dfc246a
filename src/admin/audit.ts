import { sql } from 'kysely'
import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { explainRecorded } from '../policy/explain-recorded.ts'
import { eventsOfRequest, type StoredEvent } from '../store/events.ts'
import { readPage } from '../store/pages.ts'
import type { Tx } from '../store/tx.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'

type EventView = OutputOf<'audit.by_request'>['items'][number]

export function auditHandlers(services: AdminServices): AdminHandlers<'audit'> {
  return {
    'audit.list': (tx, input) => search(tx, tx.zone, input),
    'audit.platform': (tx, input) => search(tx, services.system().zone, input),

    async 'audit.by_request'(tx, input) {
      const events = await eventsOfRequest(tx.queries, tx.zone, input.request_id)
      if (events.length === 0)
        refuse('not_found', 'No event of this zone has this request id.', {
          details: { request_id: input.request_id },
        })
      return { items: events.map(eventView) }
    },

    async 'audit.explain'(tx, input) {
      const events = await eventsOfRequest(tx.queries, tx.zone, input.request_id)
      const decided =
        events.find((event) => event.outcome === 'deny' || event.outcome === 'refused') ??
        events.at(-1) ??
        refuse('not_found', 'No event of this zone has this request id.', {
          details: { request_id: input.request_id },
        })
      const event = eventView(decided)
      const { summary, smallest_change } = explainRecorded(event)
      return { event, explanation: summary, smallest_change }
    },
  }
}

/** Index: events_zone, events_application, events_plan, events_request. */
async function search(
  tx: Tx,
  zone: ZoneId,
  input: InputOf<'audit.list'>,
): Promise<OutputOf<'audit.list'>> {
  const where = [sql`zone_id = ${zone}`]
  const columns = {
    type: input.type,
    outcome: input.outcome,
    actor_id: input.actor,
    application_id: input.application_id,
    session_id: input.session_id,
    request_id: input.request_id,
    plan_id: input.plan_id,
  }
  for (const [column, value] of Object.entries(columns))
    if (value !== undefined) where.push(sql`${sql.ref(column)} = ${value}`)
  if (input.from !== undefined) where.push(sql`time >= ${new Date(input.from)}`)
  if (input.to !== undefined) where.push(sql`time < ${new Date(input.to)}`)
  const { rows, nextCursor } = await readPage<StoredEvent>(tx.queries, {
    table: 'events',
    where,
    by: 'position',
    order: 'desc',
    limit: input.limit,
    cursor: input.cursor,
  })
  return { items: rows.map(eventView), next_cursor: nextCursor }
}

function eventView(row: StoredEvent): EventView {
  return {
    ...(row.body as Omit<EventView, keyof ReturnType<typeof columnsOf>>),
    ...columnsOf(row),
  }
}

function columnsOf(row: StoredEvent) {
  return {
    id: row.id,
    zone_id: row.zone_id,
    time: row.time.toISOString(),
    type: row.type,
    outcome: row.outcome,
    request_id: row.request_id,
    application_id: row.application_id,
    session_id: row.session_id,
    plan_id: row.plan_id,
  }
}
