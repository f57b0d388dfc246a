import { setImmediate as afterInput } from 'node:timers/promises'
import type pg from 'pg'
import type { Clock } from '../kernel/clock.ts'
import { Fault } from '../kernel/faults.ts'
import type { Database } from '../store/database.ts'
import { inOneTrip, inOneWrite, type PreparedQuery } from '../store/one-trip.ts'
import type { AuditEvent } from './event.ts'
import { rowOf } from './record.ts'

/** Writes events that belong to no other transaction: those of the token endpoint. */
export interface EventWriter extends AsyncDisposable {
  /**
   * Resolves with the event's id once it is durable. Rejects when it could not be written, with
   * `not_ready` where too many events wait already: the act must not be answered as done then.
   */
  append(event: AuditEvent): Promise<string>
  /** Waits for the events that are queued; later ones are refused. */
  close(): Promise<void>
}

/** Rows of one insert: more would make the first of them wait. */
const batchRows = 500
/** Events that may wait, a few seconds' worth: beyond it callers are told to come back. */
const queueRows = 10_000

type Row = ReturnType<typeof rowOf>

interface Waiting {
  readonly row: Row
  readonly resolve: (id: string) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit: while one transaction is on its way to the disk, the events that arrive make up the
 * next, so that the cost of durability is shared by all who wait for it.
 */
export function createEventWriter(db: Pick<Database, 'pool'>, clock: Clock): EventWriter {
  const queue: Waiting[] = []
  let flushing: Promise<void> | null = null
  let closed = false

  async function flush(): Promise<void> {
    await afterInput()
    let client: pg.PoolClient | null = null
    while (queue.length > 0) {
      const batch = queue.splice(0, batchRows)
      try {
        client ??= await db.pool.connect()
        await writeBatch(client, batch)
        for (const { row, resolve } of batch) resolve(row.id)
      } catch (error) {
        client?.release(true)
        client = null
        await settleOneByOne(db.pool, batch, error)
      }
    }
    client?.release()
    flushing = null
  }

  async function close(): Promise<void> {
    closed = true
    await flushing
  }

  return {
    append(event) {
      if (closed || queue.length >= queueRows)
        return Promise.reject(
          new Fault('not_ready', 'The audit log cannot take this event now; try again later.'),
        )
      const row = rowOf(event, clock.now())
      return new Promise((resolve, reject) => {
        queue.push({ row, resolve, reject })
        flushing ??= flush()
      })
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function writeBatch(client: pg.ClientBase, batch: readonly Waiting[]): Promise<void> {
  const insert = insertOf(batch.map(({ row }) => row))
  const [inserted] = await inOneWrite(client, () => inOneTrip(client, '*', [insert]))
  if (inserted?.status === 'rejected') throw inserted.reason
}

/**
 * A batch fails as a whole. Where a value in it is to blame (SQLSTATE class 22), each event is tried
 * by itself, so that what one caller has sent cannot lose the events of others.
 */
async function settleOneByOne(
  pool: pg.Pool,
  batch: readonly Waiting[],
  error: unknown,
): Promise<void> {
  if (batch.length === 1 || !isDataException(error)) {
    for (const { reject } of batch) reject(error)
    return
  }
  for (const waiting of batch) {
    const client = await pool.connect().catch(waiting.reject)
    if (client === undefined) continue
    try {
      await writeBatch(client, [waiting])
      client.release()
      waiting.resolve(waiting.row.id)
    } catch (cause) {
      client.release(true)
      waiting.reject(cause)
    }
  }
}

function isDataException(error: unknown): boolean {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && code.startsWith('22')
}

/** One JSON value for all rows: the statement stays the same however many there are. */
function insertOf(rows: readonly Row[]): PreparedQuery {
  return {
    name: 'events_insert',
    text: `
      insert into events (id, zone_id, time, type, outcome, actor_id, request_id, application_id,
        session_id, plan_id, body)
      select id, zone_id, time, type, outcome, actor_id, request_id, application_id, session_id,
        plan_id, body::jsonb
      from json_to_recordset($1) as event (id text, zone_id text, time timestamptz, type text,
        outcome text, actor_id text, request_id text, application_id text, session_id text,
        plan_id text, body text)`,
    values: [JSON.stringify(rows)],
  }
}
