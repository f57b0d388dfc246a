import { setImmediate as afterInput } from 'node:timers/promises'
import pg from 'pg'
import type { ZoneId } from '../kernel/ids.ts'
import { requireZone } from './database.ts'
import { inOneTrip, inOneWrite, type PreparedQuery } from './one-trip.ts'

type Rows = readonly pg.QueryResultRow[]

/**
 * A question that one statement answers for all who ask it at the same time. The statement takes an
 * array for each of the values, with an element for each question, and says in `place` of a row which
 * of them it answers, from 1. Rows may have been given to others too.
 */
export interface SharedQuery {
  readonly name: string
  readonly text: string
  readonly asked: readonly (string | null)[]
}

/** Reads that share round trips with the reads of others. */
export interface ZoneReader {
  /** The rows of one statement as a transaction in the zone sees them. */
  read<R extends pg.QueryResultRow>(
    zone: ZoneId | '*',
    query: PreparedQuery | SharedQuery,
  ): Promise<readonly R[]>
}

/** Connections that read at once; on each, as many reads as have arrived share a trip. */
const lanes = 2
const readsOfTrip = 100

interface Waiting {
  readonly zone: ZoneId | '*'
  readonly query: PreparedQuery | SharedQuery
  readonly resolve: (rows: Rows) => void
  readonly reject: (error: unknown) => void
}

/** One statement of a trip, with what becomes of its rows. */
interface Statement {
  readonly query: PreparedQuery
  readonly resolve: (rows: Rows) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group reading, the counterpart of group commit: what arrives while the lanes are busy makes up
 * the next trip, one transaction that turns to one zone after the other. A trip costs the service
 * one write and one wake-up, however many share it.
 */
export function createZoneReader(pool: pg.Pool): ZoneReader {
  const queue: Waiting[] = []
  let busy = 0

  async function runLane(): Promise<void> {
    busy += 1
    await afterInput()
    let client: pg.PoolClient | null = null
    while (queue.length > 0) {
      const batch = queue.splice(0, readsOfTrip)
      try {
        client ??= await pool.connect()
        await readTogether(client, batch)
      } catch (error) {
        client?.release(true)
        client = null
        for (const { reject } of batch) reject(error)
      }
    }
    client?.release()
    busy -= 1
  }

  return {
    read: <R extends pg.QueryResultRow>(zone: ZoneId | '*', query: PreparedQuery | SharedQuery) =>
      new Promise<readonly R[]>((resolve, reject) => {
        requireZone(zone)
        queue.push({ zone, query, resolve: resolve as Waiting['resolve'], reject })
        if (busy < lanes) void runLane()
      }),
  }
}

/** Answers a batch; what one read has broken is asked again for each of the others by itself. */
async function readTogether(client: pg.PoolClient, batch: readonly Waiting[]): Promise<void> {
  const byZone = Map.groupBy(batch, ({ zone }) => zone)
  const [first = '*'] = byZone.keys()
  const statements = [...byZone].flatMap(([zone, reads]) => [
    zone === first ? genericPlans : turnTo(zone),
    ...statementsOf(reads),
  ])
  const queries = statements.map(({ query }) => query)
  const settled = await inOneWrite(client, () => inOneTrip(client, first, queries))
  const failure = settled.find((one) => one.status === 'rejected')
  if (failure !== undefined && batch.length > 1 && failure.reason instanceof pg.DatabaseError) {
    for (const read of batch) await readTogether(client, [read])
    return
  }
  for (const [index, { resolve, reject }] of statements.entries()) {
    const one = settled[index]
    if (one?.status === 'fulfilled') resolve(one.value)
    else reject(one?.reason)
  }
}

function nothing(): void {
  // Whoever sets the frame of other statements waits for none of its rows.
}

/**
 * The plan of a statement that many share must not depend on how many they are: PostgreSQL would
 * make one anew for each trip, as one for few looks cheaper than that for any number.
 */
const genericPlans: Statement = {
  query: {
    name: 'reader_plans',
    text: `select set_config('plan_cache_mode', 'force_generic_plan', true)`,
    values: [],
  },
  resolve: nothing,
  reject: nothing,
}

/** The statements after it see the rows of another zone (row-level security). */
function turnTo(zone: ZoneId | '*'): Statement {
  const text = `select set_config('caracal.zone', $1, true)`
  return {
    query: { name: 'reader_zone', text, values: [zone] },
    resolve: nothing,
    reject: nothing,
  }
}

/** The statements of one zone: those who ask the same question share one. */
function statementsOf(reads: readonly Waiting[]): readonly Statement[] {
  const statements: Statement[] = []
  const sharing = new Map<string, Sharing[]>()
  for (const { query, resolve, reject } of reads) {
    if ('values' in query) statements.push({ query, resolve, reject })
    else {
      const one = { query, resolve, reject }
      const others = sharing.get(query.name)
      if (others === undefined) sharing.set(query.name, [one])
      else others.push(one)
    }
  }
  return [...statements, ...[...sharing.values()].map(shared)]
}

type Sharing = Omit<Waiting, 'zone' | 'query'> & { readonly query: SharedQuery }

/** Whoever asks the very same is told the same: it is read once. */
function shared(sharing: readonly Sharing[]): Statement {
  const questions = [...Map.groupBy(sharing, ({ query }) => JSON.stringify(query.asked)).values()]
  const { name = '', text = '', asked = [] } = sharing[0]?.query ?? {}
  return {
    query: {
      name,
      text,
      values: asked.map((_, nth) => questions.map(([first]) => first?.query.asked[nth] ?? null)),
    },
    resolve(rows) {
      const byPlace = Map.groupBy(rows, ({ place }) => Number(place))
      for (const [index, askers] of questions.entries())
        for (const { resolve } of askers) resolve(byPlace.get(index + 1) ?? [])
    },
    reject(error) {
      for (const { reject } of sharing) reject(error)
    },
  }
}
