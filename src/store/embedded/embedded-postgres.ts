import { join } from 'node:path'
import pg from 'pg'
import { StartupError } from '../../kernel/startup-error.ts'
import { installedDistribution, runnableBinaries } from './binaries.ts'
import { openCluster } from './cluster.ts'
import { openEndpoint } from './endpoint.ts'
import { asStartupError } from './failures.ts'
import { stopLeftover } from './leftover.ts'
import { lockDirectory } from './lock.ts'
import { openPlace, type Place } from './place.ts'
import { startServer } from './server.ts'
import { databaseName, ownerRole } from './settings.ts'

/** Settings for `pg`; `host` is a private directory with a Unix socket, or the loopback address. */
export interface EmbeddedConnection {
  readonly host: string
  readonly port: number
  /** Owns the database and may make roles and databases; it is no superuser. */
  readonly user: string
  readonly password: string
  readonly database: string
}

/** A PostgreSQL server that lives as long as this process at most. */
export interface EmbeddedPostgres extends AsyncDisposable {
  readonly connection: EmbeddedConnection
  /** Whether a server that an earlier process left running had to be stopped first. */
  readonly leftover: 'none' | 'stopped'
  /** Resolves when the server ends for a reason other than stop(). */
  readonly died: Promise<Error>
  /** Shuts the server down in order and lets the home directory go; further calls do nothing more. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  /** The directory that holds the installation's state; made where it is missing. */
  readonly home: string
  /** Gets every line that the server prints, and what happens around it. */
  readonly log?: (line: string) => void
}

/**
 * Starts the PostgreSQL that is installed with Caracal on the home directory's data, which it makes
 * at the first start. One process at a time has a home directory. Commits that were acknowledged
 * survive kill -9 of this process and of the server, and a loss of power.
 * @throws StartupError when it cannot, with what to do about it
 */
export async function startEmbeddedPostgres({
  home,
  log = () => undefined,
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const distribution = installedDistribution()
  try {
    const place = await openPlace(home)
    await using held = new AsyncDisposableStack()
    held.use(lockDirectory(place.directory))
    const copies = join(place.directory, 'postgres.bin')
    const binaries = await runnableBinaries(distribution, place.account, copies)
    const leftover = await stopLeftover(place.dataDirectory, log)
    const password = await openCluster({ place, binaries, log })
    const endpoint = await openEndpoint(place)
    held.defer(() => endpoint.close())
    const server = await startServer({ place, binaries, endpoint, log })
    held.defer(() => server.stop())
    const { host, port } = endpoint
    const connection = { host, port, user: ownerRole, password, database: databaseName }
    await checkLogin(connection, place)
    return running(held.move(), { connection, leftover, ended: server.ended })
  } catch (error) {
    throw asStartupError(error, home)
  }
}

interface Started extends Pick<EmbeddedPostgres, 'connection' | 'leftover'> {
  readonly ended: Promise<{ readonly summary: string }>
}

function running(held: AsyncDisposableStack, started: Started): EmbeddedPostgres {
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= held.disposeAsync())
  const died = new Promise<Error>((resolve) => {
    void started.ended.then(({ summary }) => {
      if (stopped === undefined) resolve(new Error(`the embedded PostgreSQL ${summary}`))
    })
  })
  const { connection, leftover } = started
  return { connection, leftover, died, stop, [Symbol.asyncDispose]: stop }
}

async function checkLogin(connection: EmbeddedConnection, place: Place): Promise<void> {
  const client = new pg.Client(connection)
  try {
    await client.connect()
    await client.end()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartupError(
      `PostgreSQL runs on ${place.dataDirectory} but does not let its owner in: ${reason}.`,
      `If ${join(place.home, 'postgres.password')} was replaced, remove it: the next start sets a ` +
        'new password.',
      { cause: error },
    )
  }
}
