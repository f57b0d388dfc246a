import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** The channel on which a zone is named whose keys or revocations have changed. */
export const trustChannel = 'caracal_trust'

/** The channel on which a zone is named whose audit log has grown. */
export const logChannel = 'caracal_log'

/** The channel on which a message is named whose run has said more, was cancelled or has ended. */
export const runChannel = 'caracal_runs'

/** Called with the payload of a notification; with null where some may have been missed. */
export type Hearer = (payload: string | null) => void

/** What other processes say on one channel of the database. */
export interface Notifications extends AsyncDisposable {
  /** Hears every notification until it is disposed of. The first hearer opens the connection. */
  hear(hearer: Hearer): Disposable
}

/** Shows in `pg_stat_activity` which connection it is. */
export const listenerName = 'caracal listener'

const connectTimeoutMs = 5_000
const firstPauseMs = 50
const longestPauseMs = 5_000

/**
 * Listens on a connection of its own, and on another where that breaks. PostgreSQL keeps nothing
 * for a listener who is away, so whoever must not miss a change also compares a number of it from
 * time to time; a pooler in transaction mode lets no notification through at all.
 */
export function openNotifications(
  connectionConfig: pg.ClientConfig,
  channel: string,
): Notifications {
  const hearers = new Set<Hearer>()
  const stop = new AbortController()
  let client: pg.Client | null = null
  let running: Promise<void> | null = null

  function tell(payload: string | null): void {
    for (const hearer of hearers) hearer(payload)
  }

  async function listenOnce(): Promise<boolean> {
    const own = new pg.Client({
      ...connectionConfig,
      application_name: listenerName,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    })
    client = own
    const broken = new Promise<void>((resolve) => {
      own.on('error', () => {
        resolve()
      })
      own.on('end', resolve)
    })
    own.on('notification', ({ payload }) => {
      tell(payload ?? '')
    })
    try {
      await own.connect()
      await own.query(`listen ${channel}`)
      tell(null)
      await broken
      return true
    } catch {
      return false
    } finally {
      await own.end().catch(() => undefined)
    }
  }

  async function listen(): Promise<void> {
    let pauseMs = firstPauseMs
    while (!stop.signal.aborted) {
      pauseMs = (await listenOnce()) ? firstPauseMs : Math.min(2 * pauseMs, longestPauseMs)
      await sleep(pauseMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined)
    }
  }

  return {
    hear(hearer) {
      hearers.add(hearer)
      running ??= listen()
      return { [Symbol.dispose]: () => void hearers.delete(hearer) }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await client?.end().catch(() => undefined)
      await running
    },
  }
}
