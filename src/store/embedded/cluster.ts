import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StartupError } from '../../kernel/startup-error.ts'
import type { Binaries } from './binaries.ts'
import { startupError } from './failures.ts'
import {
  besideName,
  makePrivateDirectory,
  readOrAbsent,
  renameDurably,
  replacePrivateFile,
  writePrivateFile,
} from './files.ts'
import { holdsData, type Place } from './place.ts'
import {
  databaseName,
  hostBasedAuthentication,
  ownerRole,
  settingArguments,
  superuserRole,
} from './settings.ts'
import { supervise } from './supervisor.ts'

interface ClusterOptions {
  readonly place: Place
  readonly binaries: Binaries
  readonly log: (line: string) => void
}

/**
 * Makes the database cluster where there is none, or checks the one that is there.
 * @returns the owner's password: 256 random bits in hexadecimal
 * @throws StartupError when the data is of another version, unreadable or cannot be made
 */
export async function openCluster(options: ClusterOptions): Promise<string> {
  const { place, binaries, log } = options
  await removeUnfinished(place.dataDirectory, log)
  const exists = await holdsData(place.dataDirectory)
  if (exists) await checkVersion(place.dataDirectory, binaries.major)
  const passwordFile = join(place.home, 'postgres.password')
  const known = /^[0-9a-f]{64}$/m.exec((await readOrAbsent(passwordFile)) ?? '')?.[0]
  const password = known ?? randomBytes(32).toString('hex')
  if (known === undefined) await replacePrivateFile(passwordFile, `${password}\n`)
  if (!exists) await createCluster(options, password)
  else if (known === undefined) {
    log(`${passwordFile} was missing: the database's owner gets a new password`)
    await inSingleUserMode(options, place.dataDirectory, [
      `ALTER ROLE ${ownerRole} PASSWORD '${password}'`,
    ])
  }
  return password
}

async function checkVersion(dataDirectory: string, major: number): Promise<void> {
  const version = (await readOrAbsent(join(dataDirectory, 'PG_VERSION')))?.trim()
  if (version === String(major)) return
  if (version === undefined) {
    throw new StartupError(
      `${dataDirectory} has files in it but is no PostgreSQL data directory.`,
      'Move it away, or set CARACAL_HOME to another directory.',
    )
  }
  throw new StartupError(
    `The data in ${dataDirectory} is of PostgreSQL ${version}; this Caracal has ${String(major)}.`,
    `Start it with the Caracal release that made it and export it there, or run a PostgreSQL ` +
      `${version} on it and set DATABASE_URL.`,
  )
}

/**
 * A cluster is made beside its place and moved there when it is whole, so that one whose making was
 * cut short is never mistaken for data. The owner and the database are made in single-user mode:
 * nothing listens until the superuser is shut out.
 */
async function createCluster(options: ClusterOptions, ownerPassword: string): Promise<void> {
  const { place, log } = options
  log(`making a database cluster in ${place.dataDirectory}`)
  const staging = besideName(place.dataDirectory)
  const fresh = join(staging, 'data')
  await makePrivateDirectory(staging, place.account)
  try {
    await initialise(options, staging, fresh)
    await writePrivateFile(join(fresh, 'pg_hba.conf'), hostBasedAuthentication, place.account)
    await inSingleUserMode(options, fresh, [
      `CREATE ROLE ${ownerRole} LOGIN CREATEROLE CREATEDB PASSWORD '${ownerPassword}'`,
      `CREATE DATABASE ${databaseName} OWNER ${ownerRole}`,
      `ALTER ROLE ${superuserRole} PASSWORD NULL`,
    ])
    await renameDurably(fresh, place.dataDirectory)
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

async function initialise(
  { place, binaries, log }: ClusterOptions,
  staging: string,
  dataDirectory: string,
): Promise<void> {
  // initdb wants a password before it turns passwords on; this one is erased with the next step.
  const passwordFile = join(staging, 'password')
  await writePrivateFile(passwordFile, `${randomBytes(32).toString('hex')}\n`, place.account)
  const initdb = supervise({
    file: binaries.initdb,
    args: [
      `--pgdata=${dataDirectory}`,
      `--username=${superuserRole}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--data-checksums',
      '--no-instructions',
    ],
    directory: staging,
    account: place.account,
    log: () => undefined,
  })
  const ending = await initdb.ended
  if (ending.code === 0) return
  for (const line of ending.lines) log(line)
  throw startupError(
    `The database cluster in ${place.directory} cannot be made (initdb ${ending.summary})`,
    ending.lines,
    place.directory,
  )
}

/** Runs statements as the superuser on a cluster that no server runs on, one a line. */
async function inSingleUserMode(
  { place, binaries, log }: ClusterOptions,
  dataDirectory: string,
  statements: readonly string[],
): Promise<void> {
  const settings = { exit_on_error: 'on', log_min_error_statement: 'panic', lc_messages: 'C' }
  const child = spawn(
    binaries.postgres,
    ['--single', '-D', dataDirectory, ...settingArguments(settings), 'template1'],
    {
      ...(place.account ?? {}),
      cwd: dirname(dataDirectory),
      detached: true,
      env: { LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  )
  let printed = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text))
  // A server that gives up early closes the pipe; its exit code tells.
  child.stdin.on('error', () => undefined)
  child.stdin.end(`${statements.join('\n')}\n`)
  const [code] = (await once(child, 'close')) as [number | null]
  if (code === 0) return
  const lines = printed.split('\n').filter((line) => line.trim() !== '')
  for (const line of lines) log(line)
  throw startupError(
    `The database's owner cannot be set up in ${dataDirectory}`,
    lines,
    place.directory,
  )
}

/** Clears what a start that was killed half-way left; what resists is only untidy, not in the way. */
async function removeUnfinished(dataDirectory: string, log: (line: string) => void): Promise<void> {
  const parent = dirname(dataDirectory)
  const prefix = `${basename(dataDirectory)}.new-`
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue
    const path = join(parent, name)
    try {
      await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    } catch (error) {
      log(`${path} is left of an unfinished start and cannot be removed: ${String(error)}`)
    }
  }
}
