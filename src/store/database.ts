import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { limits } from '../kernel/limits.ts'
import type { ZoneId } from '../kernel/ids.ts'
import {
  logChannel,
  openNotifications,
  runChannel,
  trustChannel,
  type Notifications,
} from './notifications.ts'
import type { Tables } from './schema.ts'

/** The role of every query of the service; migrations alone run as the owner. */
export const serviceRole = 'caracal_service'

/** A handle on the tables inside one transaction. */
export type Queries = Kysely<Tables>

export interface Database extends AsyncDisposable {
  readonly pool: pg.Pool
  /** Zones whose keys or revocations some replica has changed, a moment after the commit. */
  readonly trustNotices: Notifications
  /** Zones whose audit log has grown, a moment after the commit. */
  readonly logNotices: Notifications
  /** Messages whose runs have moved on, a moment after the commit. */
  readonly runNotices: Notifications
  /** Single statements on the tables that no zone owns; rows of zones are not to be seen here. */
  readonly unzoned: Queries
  /**
   * Runs `work` in a transaction that sees the rows of one zone, or of all (`'*'`). It commits when
   * `work` resolves and rolls back when it throws; the error is passed on.
   */
  transaction<T>(zone: ZoneId | '*', work: (queries: Queries) => Promise<T>): Promise<T>
}

/** Connections for queries at the most, beside those that listen; PostgreSQL allows 100 in all. */
const poolSize = 20

pg.types.setTypeParser(pg.types.builtins.INT8, (text) => Number(text))

/** Opens a pool under the service's role. The schema must be there already. */
export function openDatabase(connectionConfig: pg.PoolConfig): Database {
  const options = `-c role=${serviceRole} -c statement_timeout=${limits.statementTimeoutMs}`
  const pool = new pg.Pool({
    ...connectionConfig,
    max: poolSize,
    // Queries that need not wait for each other's answers share a round trip (one-trip.ts).
    pipeline: true,
    options,
  })
  const trustNotices = openNotifications({ ...connectionConfig, options }, trustChannel)
  const logNotices = openNotifications({ ...connectionConfig, options }, logChannel)
  const runNotices = openNotifications({ ...connectionConfig, options }, runChannel)
  // A connection that breaks fails its queries and is replaced at the next use. Without listeners,
  // on the idle ones and on those in use, it would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    pool,
    trustNotices,
    logNotices,
    runNotices,
    unzoned: kysely,
    transaction: (zone, work) => inTransaction(kysely, zone, work),
    async [Symbol.asyncDispose]() {
      await trustNotices[Symbol.asyncDispose]()
      await logNotices[Symbol.asyncDispose]()
      await runNotices[Symbol.asyncDispose]()
      await kysely.destroy()
    },
  }
}

async function inTransaction<T>(
  kysely: Kysely<Tables>,
  zone: ZoneId | '*',
  work: (queries: Queries) => Promise<T>,
): Promise<T> {
  return kysely.connection().execute(async (queries) => {
    await sql.raw(beginIn(zone)).execute(queries)
    try {
      const result = await work(queries)
      await sql.raw('commit').execute(queries)
      return result
    } catch (error) {
      await sql
        .raw('rollback')
        .execute(queries)
        .catch(() => undefined)
      throw error
    }
  })
}

const zoneOrAll = /^(\*|zone_[0-9a-z]{26})$/

/** Throws a `TypeError` where row-level security could not be bound to it. */
export function requireZone(zone: ZoneId | '*'): void {
  if (!zoneOrAll.test(zone)) throw new TypeError('not a zone id')
}

/** Opens the transaction and binds it to the zone in one round trip. */
export function beginIn(zone: ZoneId | '*'): string {
  requireZone(zone)
  return `begin; select set_config('caracal.zone', '${zone}', true)`
}

/** Lets the rest of a transaction see the rows of every zone: for a plan of the platform. */
export async function seeEveryZone(queries: Queries): Promise<void> {
  await sql`select set_config('caracal.zone', '*', true)`.execute(queries)
}
