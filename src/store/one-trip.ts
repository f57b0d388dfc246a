import type pg from 'pg'
import type { ZoneId } from '../kernel/ids.ts'
import { beginIn } from './database.ts'

/** A statement with a name of its own: each connection parses and plans it once. */
export interface PreparedQuery {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
}

/**
 * Runs one statement in a transaction bound to a zone, in one round trip: its three messages are
 * written together (the pool pipelines), so that the row-level security of the statement sees the
 * zone that the first has set. Rejects unless the transaction has committed.
 */
export async function inOneTrip<R extends pg.QueryResultRow>(
  client: pg.ClientBase,
  zone: ZoneId | '*',
  { name, text, values }: PreparedQuery,
): Promise<readonly R[]> {
  const [, answer, committed] = await Promise.allSettled([
    client.query(beginIn(zone)),
    client.query<R>({ name, text, values: [...values] }),
    client.query('commit'),
  ])
  if (answer.status === 'rejected') throw answer.reason
  if (committed.status === 'rejected') throw committed.reason
  return answer.value.rows
}

/** {@link inOneTrip} on a connection of the pool. */
export async function readInOneTrip<R extends pg.QueryResultRow>(
  pool: pg.Pool,
  zone: ZoneId | '*',
  query: PreparedQuery,
): Promise<readonly R[]> {
  const client = await pool.connect()
  try {
    const rows = await inOneTrip<R>(client, zone, query)
    client.release()
    return rows
  } catch (error) {
    // Whatever went wrong, a connection that may still be inside of a transaction serves nobody.
    client.release(true)
    throw error
  }
}
