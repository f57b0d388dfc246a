import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { Queries } from './database.ts'
import { runChannel } from './notifications.ts'

/** A run that somebody has in hand: what is written under an older attempt is refused. */
export interface RunClaim {
  readonly messageId: string
  readonly zone: ZoneId
  readonly attempt: number
  readonly lastSequence: number
  readonly cancelled: boolean
  /** The requests of the attempts before, which died with their processes. */
  readonly earlierRequests: readonly string[]
}

/** By the clock of the database: those of replicas differ, and tests move theirs. */
const stale = sql<boolean>`(beat_at < clock_timestamp() - ${limits.runLeaseMs} * interval '1 ms')`

/** Says after the commit that a run has moved on, by its message's id, or that it is to stop. */
async function notify(queries: Queries, notice: string): Promise<void> {
  await sql`select pg_notify(${runChannel}, ${notice})`.execute(queries)
}

/** What is said to whoever has the run of a message in hand. */
export function stopNotice(messageId: string): string {
  return `stop ${messageId}`
}

/** Opens the run of a message, where it has none and no reply yet. Index: primary key. */
export async function openRun(queries: Queries, messageId: string, now: Date): Promise<void> {
  await sql`
    insert into runs (message_id, zone_id, conversation_id, state, created_at)
    select id, zone_id, conversation_id, 'open', ${now} from messages
    where id = ${messageId} and not exists (select from messages where in_reply_to = ${messageId})
    on conflict do nothing`.execute(queries)
}

/**
 * Takes a run in hand that nobody has, or whose owner has said nothing for the time of a lease; null
 * where somebody has it or it has ended. Index: primary key.
 */
export async function claimRun(
  queries: Queries,
  zone: ZoneId,
  messageId: string,
  requestId: string,
): Promise<RunClaim | null> {
  const row = await queries
    .updateTable('runs')
    .set({
      state: 'running',
      attempt: sql`attempt + 1`,
      request_ids: sql`array_append(request_ids, ${requestId})`,
      failure: null,
      beat_at: sql`clock_timestamp()`,
    })
    .where('message_id', '=', messageId)
    .where(sql<boolean>`(state in ('open', 'broken') or (state = 'running' and ${stale}))`)
    .returning(['attempt', 'last_sequence', 'cancelled_at', 'request_ids'])
    .executeTakeFirst()
  if (row === undefined) return null
  return {
    messageId,
    zone,
    attempt: row.attempt,
    lastSequence: row.last_sequence,
    cancelled: row.cancelled_at !== null,
    earlierRequests: row.request_ids.slice(0, -1),
  }
}

/**
 * Says that the run is still in hand, and adds what it has said since. Written again after a failure
 * whose outcome nobody knows, the same events are there once. Null where the run is in other hands.
 */
export async function beatRun(
  queries: Queries,
  { messageId, zone, attempt }: RunClaim,
  after: number,
  events: readonly unknown[],
): Promise<{ readonly cancelled: boolean } | null> {
  const last = after + events.length
  const row = await queries
    .updateTable('runs')
    .set({ last_sequence: last, beat_at: sql`clock_timestamp()` })
    .where('message_id', '=', messageId)
    .where('attempt', '=', attempt)
    .where('state', '=', 'running')
    .where('last_sequence', 'in', [after, last])
    .returning('cancelled_at')
    .executeTakeFirst()
  if (row === undefined) return null
  if (events.length > 0) {
    await queries
      .insertInto('run_events')
      .values({
        message_id: messageId,
        zone_id: zone,
        last_sequence: last,
        events: JSON.stringify(events),
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    await notify(queries, messageId)
  }
  return { cancelled: row.cancelled_at !== null }
}

/** Ends a run, its reply being its last event. Null where the run is in other hands. */
export async function endRun(
  queries: Queries,
  { messageId, attempt }: RunClaim,
  now: Date,
): Promise<{ readonly cancelled: boolean } | null> {
  const row = await queries
    .updateTable('runs')
    .set({ state: 'ended', ended_at: now, last_sequence: sql`last_sequence + 1` })
    .where('message_id', '=', messageId)
    .where('attempt', '=', attempt)
    .where('state', '=', 'running')
    .returning('cancelled_at')
    .executeTakeFirst()
  if (row === undefined) return null
  await notify(queries, messageId)
  return { cancelled: row.cancelled_at !== null }
}

/** Lets go of a run: for anybody to take up where there is no failure, else for whoever asks anew. */
export async function leaveRun(
  queries: Queries,
  { messageId, attempt }: RunClaim,
  failure: { readonly code: string; readonly message: string } | null,
): Promise<void> {
  await queries
    .updateTable('runs')
    .set({
      state: failure === null ? 'open' : 'broken',
      failure: failure === null ? null : JSON.stringify(failure),
      beat_at: new Date(0),
    })
    .where('message_id', '=', messageId)
    .where('attempt', '=', attempt)
    .where('state', '=', 'running')
    .execute()
  await notify(queries, messageId)
}

/** Asks the runs of a conversation to stop; says whether there were any. Index: runs_conversation. */
export async function cancelRuns(
  queries: Queries,
  conversationId: string,
  now: Date,
): Promise<boolean> {
  const rows = await queries
    .updateTable('runs')
    .set({ cancelled_at: now })
    .where('conversation_id', '=', conversationId)
    .where('state', '<>', 'ended')
    .returning('message_id')
    .execute()
  for (const { message_id } of rows) await notify(queries, stopNotice(message_id))
  return rows.length > 0
}

/** What a run is at. */
export interface RunState {
  readonly state: 'open' | 'running' | 'broken' | 'ended'
  readonly last_sequence: number
  readonly failure: { code: string; message: string } | null
  /** Whether nobody can be taken to have it in hand any more. */
  readonly stale: boolean
}

/** Index: primary key. */
export async function findRun(queries: Queries, messageId: string): Promise<RunState | undefined> {
  return queries
    .selectFrom('runs')
    .select(['state', 'last_sequence', 'failure', stale.as('stale')])
    .where('message_id', '=', messageId)
    .executeTakeFirst()
}

/** Batches that are read at a time. */
const batchesAtOnce = 50

/** The next events behind a sequence, each with its own. Index: primary key. */
export async function runEventsAfter(
  queries: Queries,
  messageId: string,
  after: number,
): Promise<readonly { readonly sequence: number; readonly event: unknown }[]> {
  const rows = await queries
    .selectFrom('run_events')
    .select(['last_sequence', 'events'])
    .where('message_id', '=', messageId)
    .where('last_sequence', '>', after)
    .orderBy('last_sequence')
    .limit(batchesAtOnce)
    .execute()
  return rows
    .flatMap(({ last_sequence, events }) =>
      events.map((event, at) => ({ sequence: last_sequence - events.length + 1 + at, event })),
    )
    .filter(({ sequence }) => sequence > after)
}
