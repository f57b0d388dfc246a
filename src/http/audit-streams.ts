import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'csv-stringify/sync'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { auditEvent } from '../../tools/audit.ts'
import { findOperation, type InputOf, type OutputOf } from '../../tools/catalogue.ts'
import type { Context } from '../context.ts'
import { authorize } from '../gate/authorize.ts'
import type { Performed } from '../gate/perform.ts'
import { isFault } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Database } from '../store/database.ts'
import { findLog } from '../store/audit-log.ts'
import { filterOf, loggedEntries, type EventFilter, type LoggedEntry } from '../store/events.ts'
import { findZone } from '../store/zones.ts'
import type { Streams } from './admin.ts'
import { authenticate } from './authenticate.ts'
import { beginEventStream, lastSeen, untilGone, write } from './event-stream.ts'

/** What goes on after the door, by operation of the audit log. */
export function auditStreams(context: Context, closing: AbortSignal): Streams {
  return {
    'audit.export': (_request, reply, performed) => exportEvents(context, reply, performed),
    'audit.follow': (request, reply, performed) =>
      followEvents(context, closing, request, reply, performed),
  }
}

/** Entries that are in memory at a time. */
const batchEntries = 250

/** Sends the events of the log up to where it reached when the export was asked for. */
async function exportEvents(
  context: Context,
  reply: FastifyReply,
  { input, output, home }: Performed,
): Promise<void> {
  const { format, ...filters } = input as InputOf<'audit.export'>
  const { until } = output as OutputOf<'audit.export'>
  const pages = pagesOf(context, home, filterOf(filters), until)
  const csv = format === 'csv'
  await reply
    .type(csv ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8')
    .header('content-disposition', `attachment; filename="audit-${home}.${format}"`)
    .send(Readable.from(csv ? csvOf(pages) : linesOf(pages)))
}

async function* pagesOf(
  { db }: Context,
  zone: ZoneId,
  filter: EventFilter,
  until: number,
): AsyncGenerator<readonly LoggedEntry[]> {
  for (let after = -1; ;) {
    const range = { after, until, limit: batchEntries }
    const page = await db.transaction(zone, (queries) =>
      loggedEntries(queries, zone, filter, range),
    )
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (last === undefined || page.length < batchEntries) return
    after = last.sequence
  }
}

async function* linesOf(pages: AsyncIterable<readonly LoggedEntry[]>): AsyncGenerator<string> {
  for await (const page of pages) yield page.map((entry) => `${lineOf(entry)}\n`).join('')
}

/** The entry as it is hashed, with its place before it. */
function lineOf({ sequence, entry }: LoggedEntry): string {
  return `{"sequence":${sequence},${entry.slice(1)}`
}

const columns = Object.keys(auditEvent.shape)

/** RFC 4180; a cell that a spreadsheet would take for a formula begins with an apostrophe. */
async function* csvOf(pages: AsyncIterable<readonly LoggedEntry[]>): AsyncGenerator<string> {
  yield stringify([columns], { record_delimiter: 'windows' })
  for await (const page of pages)
    yield stringify(
      page.map((entry) => rowOf(JSON.parse(lineOf(entry)) as Readonly<Record<string, unknown>>)),
      { record_delimiter: 'windows', escape_formulas: true },
    )
}

function rowOf(event: Readonly<Record<string, unknown>>): unknown[] {
  return columns.map((column) => {
    const value = event[column]
    return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
  })
}

/** How long a follower who hears of nothing waits before it looks by itself. */
const lookEveryMs = 1_000
/** How often a line goes out where there is no event, and the credential is looked at again. */
const heartbeatMs = 5_000

/**
 * Follows the log in its order: each event once, its place its id in the stream, so whoever sends the
 * last id again goes on behind it. A credential that has ended ends the stream.
 */
async function followEvents(
  context: Context,
  closing: AbortSignal,
  request: FastifyRequest,
  reply: FastifyReply,
  { input, output, home }: Performed,
): Promise<void> {
  const { after, ...filters } = input as InputOf<'audit.follow'>
  const start = lastSeen(request) ?? after ?? (output as OutputOf<'audit.follow'>).after
  const raw = beginEventStream(reply)
  const signal = untilGone(raw, closing)
  raw.write('retry: 1000\n\n')
  try {
    let beatAtMs = performance.now()
    for await (const page of newEntries(context, home, filterOf(filters), start, signal)) {
      if (page.length > 0) await write(raw, page.map(messageOf).join(''), signal)
      if (performance.now() - beatAtMs < heartbeatMs) continue
      await admitAgain(context, request, home)
      beatAtMs = performance.now()
      await write(raw, ': still here\n\n', signal)
    }
  } catch (error) {
    if (!isFault(error) && !signal.aborted)
      request.log.warn({ err: error, requestId: request.id }, 'a feed of the audit log broke off')
  } finally {
    raw.end()
  }
}

/** Refuses a credential that has ended, or that has lost the audit log, since the feed was opened. */
async function admitAgain(context: Context, request: FastifyRequest, zone: ZoneId): Promise<void> {
  const principal = await authenticate(context, request)
  const operation = findOperation('audit.follow')
  if (operation === undefined) throw new Error('the catalogue has no feed')
  authorize(principal, operation, (await findZone(context.db.unzoned, zone)) ?? null)
}

/** What comes into the log behind a place, page by page; an empty page where nothing has come. */
async function* newEntries(
  { db }: Context,
  zone: ZoneId,
  filter: EventFilter,
  start: number,
  signal: AbortSignal,
): AsyncGenerator<readonly LoggedEntry[]> {
  let after = start
  let told = Promise.withResolvers<null>()
  const hearing = db.logNotices.hear((named) => {
    if (named === null || named === zone) told.resolve(null)
  })
  try {
    while (!signal.aborted) {
      const { page, reached } = await readOn(db, zone, filter, after)
      yield page
      after = reached
      if (page.length === batchEntries) continue
      await Promise.race([told.promise, pause(signal)])
      told = Promise.withResolvers()
    }
  } finally {
    hearing[Symbol.dispose]()
  }
}

/** The next page behind a place, and the place up to which the log was looked through for it. */
async function readOn(
  db: Database,
  zone: ZoneId,
  filter: EventFilter,
  after: number,
): Promise<{ readonly page: readonly LoggedEntry[]; readonly reached: number }> {
  return db.transaction(zone, async (queries) => {
    const until = (await findLog(queries, zone))?.size ?? 0
    const page = await loggedEntries(queries, zone, filter, { after, until, limit: batchEntries })
    const last = page.length < batchEntries ? until - 1 : page.at(-1)?.sequence
    return { page, reached: Math.max(after, last ?? after) }
  })
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => undefined)
}

function messageOf(entry: LoggedEntry): string {
  return `id: ${entry.sequence}\nevent: event\ndata: ${lineOf(entry)}\n\n`
}
