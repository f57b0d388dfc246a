import { setImmediate as afterInput } from 'node:timers/promises'
import pg from 'pg'
import type { ZoneId } from '../kernel/ids.ts'
import { inOneTrip, inOneWrite, type PreparedQuery } from './one-trip.ts'

/** Reads that share round trips with the reads of others. */
export interface ZoneReader {
  /** The rows of one statement as a transaction of its own in the zone sees them. */
  read<R extends pg.QueryResultRow>(zone: ZoneId | '*', query: PreparedQuery): Promise<readonly R[]>
}

/** Connections that read at once; on each, as many reads as have arrived share a trip. */
const lanes = 2
const readsOfTrip = 100

interface Waiting {
  readonly zone: ZoneId | '*'
  readonly query: PreparedQuery
  readonly resolve: (rows: readonly pg.QueryResultRow[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group reading, the counterpart of group commit: what arrives while the lanes are busy makes up
 * the next trip, with one transaction for each zone in it. A trip costs the service one write and
 * one wake-up, however many share it.
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
    read: (zone, query) =>
      new Promise((resolve, reject) => {
        queue.push({ zone, query, resolve: resolve as Waiting['resolve'], reject })
        if (busy < lanes) void runLane()
      }),
  }
}

async function readTogether(client: pg.PoolClient, batch: readonly Waiting[]): Promise<void> {
  const byZone = Map.groupBy(batch, ({ zone }) => zone)
  const trips = inOneWrite(client, () =>
    [...byZone].map(([zone, reads]) => readInZone(client, zone, reads)),
  )
  for (const failed of await Promise.all(trips)) {
    // What one read has broken is asked again for each of the others by itself.
    for (const read of failed) await readInZone(client, read.zone, [read])
  }
}

/** Answers the reads of one zone; returns those that failed with others, to be tried alone. */
async function readInZone(
  client: pg.PoolClient,
  zone: ZoneId | '*',
  reads: readonly Waiting[],
): Promise<readonly Waiting[]> {
  const settled = await inOneTrip(
    client,
    zone,
    reads.map(({ query }) => query),
  )
  const failure = settled.find((one) => one.status === 'rejected')
  if (failure !== undefined && reads.length > 1 && failure.reason instanceof pg.DatabaseError)
    return reads
  for (const [index, { resolve, reject }] of reads.entries()) {
    const one = settled[index]
    if (one?.status === 'fulfilled') resolve(one.value)
    else reject(one?.reason)
  }
  return []
}
