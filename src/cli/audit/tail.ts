import type { OutputOf } from '../../../tools/catalogue.ts'
import { exitCodes, type ExitCode } from '../exit-codes.ts'
import { localTime } from '../render-value.ts'
import { safeLine } from '../safe-text.ts'
import type { Session } from '../session.ts'
import { filtersOf, type FilterOptions } from './filters.ts'

export interface TailOptions extends FilterOptions {
  readonly lines: number
  readonly after?: number
  readonly follow: boolean
}

type Event = OutputOf<'audit.list'>['items'][number]

/** Prints the newest events, oldest first, then those that come. With `--json`, one a line. */
export async function tail(session: Session, options: TailOptions): Promise<ExitCode> {
  const client = session.client()
  const filters = filtersOf(options)
  const { lines, follow } = options
  const found = options.after === undefined ? await newest(session, filters, lines) : []
  for (const event of found) print(session, event)
  if (!follow) return exitCodes.done
  const last = found.findLast((event) => event.sequence !== null)
  const after = options.after ?? last?.sequence ?? null
  const shown = new Set(found.map(({ id }) => id))
  const input = { ...filters, ...(after !== null && { after }) }
  for await (const { data } of client.audit.follow(session.zone, input)) {
    const event = data as unknown as Event
    if (!shown.delete(event.id)) print(session, event)
  }
  return exitCodes.done
}

async function newest(
  session: Session,
  filters: ReturnType<typeof filtersOf>,
  limit: number,
): Promise<Event[]> {
  if (limit === 0) return []
  const page = await session.client().audit.list(session.zone, { ...filters, limit })
  return page.items.toReversed()
}

function print({ io, json }: Session, event: Event): void {
  io.out(json ? JSON.stringify(event) : lineOf(event))
}

function lineOf({ time, outcome, type, actor, target, reason, request_id }: Event): string {
  const words = [
    localTime(time),
    outcome.padEnd(7),
    type,
    actor.name,
    target?.name ?? target?.id ?? '',
    reason ?? '',
    request_id,
  ]
  return safeLine(words.filter((word) => word !== '').join('  '))
}
