import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Binaries } from './binaries.ts'
import type { Endpoint } from './endpoint.ts'
import { startupError } from './failures.ts'
import { readOrAbsent } from './files.ts'
import { clusterName } from './leftover.ts'
import type { Place } from './place.ts'
import { serverSettings, settingArguments } from './settings.ts'
import { supervise, type Ending, type Supervised } from './supervisor.ts'

/** A server that accepts connections. */
export interface Server {
  readonly ended: Promise<Ending>
  /** A fast shutdown: sessions end, transactions roll back, all is written. */
  stop(): Promise<void>
}

interface ServerOptions {
  readonly place: Place
  readonly binaries: Binaries
  readonly endpoint: Endpoint
  readonly log: (line: string) => void
}

/** Recovery after a crash reads at most max_wal_size of log: seconds, and minutes on a slow disk. */
const readyTimeoutMs = 120_000
const readyPollMs = 10

/** How long each way to shut down may take before the next is tried. */
const shutdown: readonly { readonly signal: NodeJS.Signals; readonly waitMs: number }[] = [
  { signal: 'SIGINT', waitMs: 30_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
]

/**
 * Starts the server and waits until it accepts connections.
 * @throws StartupError with the server's own complaint when it does not
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { place, binaries, endpoint, log } = options
  const server = supervise({
    file: binaries.postgres,
    args: [
      '-D',
      place.dataDirectory,
      ...settingArguments({
        ...serverSettings,
        ...endpoint.settings,
        cluster_name: clusterName(place.dataDirectory),
      }),
    ],
    directory: place.directory,
    account: place.account,
    log,
  })
  const outcome = await Promise.race([server.ended, untilReady(server, place)])
  if (outcome === 'ready') return { ended: server.ended, stop: () => shutDown(server) }
  if (outcome === 'slow') await shutDown(server)
  const ending = await server.ended
  const how = outcome === 'slow' ? 'was not ready in time' : ending.summary
  throw startupError(
    `PostgreSQL did not start on ${place.dataDirectory} (it ${how})`,
    ending.lines,
    place.directory,
  )
}

/** The eighth line of postmaster.pid is the server's state (as pg_ctl reads it). */
async function untilReady(server: Supervised, place: Place): Promise<'ready' | 'slow' | Ending> {
  let ending: Ending | undefined
  void server.ended.then((value) => {
    ending = value
  })
  const lockFile = join(place.dataDirectory, 'postmaster.pid')
  const deadline = Date.now() + readyTimeoutMs
  while (Date.now() < deadline) {
    if (ending !== undefined) return ending
    const lines = (await readOrAbsent(lockFile))?.split('\n') ?? []
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready') return 'ready'
    await sleep(readyPollMs)
  }
  return 'slow'
}

async function shutDown(server: Supervised): Promise<void> {
  for (const { signal, waitMs } of shutdown) {
    server.signal(signal)
    const given = new AbortController()
    const late = sleep(waitMs, 'late' as const, { signal: given.signal }).catch(
      () => 'late' as const,
    )
    const first = await Promise.race([server.ended, late])
    given.abort()
    if (first !== 'late') return
  }
}
