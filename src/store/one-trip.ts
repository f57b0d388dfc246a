import type pg from 'pg'
import type { ZoneId } from '../kernel/ids.ts'
import { beginIn } from './database.ts'

/** A statement with a name of its own: each connection parses and plans it once. */
export interface PreparedQuery {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** What one statement of a trip has come to. */
export type Settled = PromiseSettledResult<readonly pg.QueryResultRow[]>

/**
 * Runs statements in a transaction bound to a zone, in one round trip: its messages are written
 * together (the pool pipelines), and the server takes them in order, so the row-level security of
 * each statement sees the zone that the first message has set. Where one fails, those after it fail
 * too and nothing is kept. Rejects where the transaction could not be begun or committed.
 */
export async function inOneTrip(
  client: pg.ClientBase,
  zone: ZoneId | '*',
  queries: readonly PreparedQuery[],
): Promise<readonly Settled[]> {
  const begun = client.query(beginIn(zone))
  const answers = queries.map(async ({ name, text, values }) => {
    const { rows } = await client.query<pg.QueryResultRow>({ name, text, values: [...values] })
    return rows
  })
  const committed = client.query('commit')
  // All at once: a rejection that nobody awaits yet would end the process.
  const [settled, ...frame] = await Promise.all([
    Promise.allSettled(answers),
    settle(begun),
    settle(committed),
  ])
  for (const one of frame) if (one.status === 'rejected') throw one.reason
  return settled
}

async function settle<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [settled] = await Promise.allSettled([promise])
  return settled
}

/** Lets the messages of `send` leave in one write to the socket. */
export function inOneWrite<T>(client: pg.ClientBase, send: () => T): T {
  const stream = socketOf(client)
  stream?.cork()
  try {
    return send()
  } finally {
    stream?.uncork()
  }
}

/** `pg` corks the same stream for the messages of one statement; its types do not show it. */
function socketOf(client: pg.ClientBase): { cork(): void; uncork(): void } | undefined {
  const { connection } = client as unknown as {
    readonly connection?: { readonly stream?: { cork(): void; uncork(): void } }
  }
  return connection?.stream
}
