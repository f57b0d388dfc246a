import { setImmediate as afterInput } from 'node:timers/promises'
import type pg from 'pg'
import type { Clock } from '../kernel/clock.ts'
import { Fault } from '../kernel/faults.ts'
import type { Database } from '../store/database.ts'
import { inOneTrip, inOneWrite, type PreparedQuery } from '../store/one-trip.ts'
import { entryOf, type Entry } from './entry.ts'
import type { AuditEvent } from './event.ts'

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

interface Waiting {
  readonly entry: Entry
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
        for (const { entry, resolve } of batch) resolve(entry.id)
      } catch (error) {
        client?.release(true)
        client = null
        for (const { reject } of batch) reject(error)
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
      const entry = entryOf(event, clock.now())
      return new Promise((resolve, reject) => {
        queue.push({ entry, resolve, reject })
        flushing ??= flush()
      })
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function writeBatch(client: pg.ClientBase, batch: readonly Waiting[]): Promise<void> {
  const insert = insertOf(batch.map(({ entry }) => entry))
  const [inserted] = await inOneWrite(client, () => inOneTrip(client, '*', [insert]))
  if (inserted?.status === 'rejected') throw inserted.reason
}

/**
 * One JSON value for all rows: the statement stays the same however many there are. The entries
 * stand in it as they are, and the type `json` keeps every byte of them.
 */
function insertOf(entries: readonly Entry[]): PreparedQuery {
  const rows = entries.map(
    ({ zone, text, facts }) => `{"zone_id":"${zone}","entry":${text},"facts":${facts ?? 'null'}}`,
  )
  return {
    name: 'events_insert',
    text: `
      insert into events_pending (zone_id, entry, facts)
      select zone_id, entry, facts
      from json_to_recordset($1) as event (zone_id text, entry json, facts json)`,
    values: [`[${rows.join(',')}]`],
  }
}
