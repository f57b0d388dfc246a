import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdminClient, type AdminClient } from '../src/client/index.ts'
import { configTable } from '../src/config.ts'
import { homeFiles } from '../src/kernel/home.ts'
import {
  startEmbeddedPostgres,
  type EmbeddedConnection,
} from '../src/store/embedded/embedded-postgres.ts'
import { packageFile } from '../src/kernel/package-root.ts'

/** An installation of its own: a home folder with an embedded database. Disposing removes it. */
export interface Installation extends AsyncDisposable {
  /** Starts the service on it as a process of its own; disposing of that ends it in order. */
  start(): Promise<Running>
}

export interface Running extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  readonly admin: AdminClient
  readonly adminToken: string
  /** From the start of the process to its first answer. */
  readonly startedInMs: number
}

/** Two processes of the service on one database, behind one address. */
export async function startReplicas(): Promise<
  AsyncDisposable & { readonly one: Running; readonly other: Running; readonly issuerBase: string }
> {
  await using held = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'caracal-bench-'))
  await chmod(folder, 0o711)
  held.defer(() => rm(folder, { recursive: true, force: true }))
  const postgres = held.use(await startEmbeddedPostgres({ home: join(folder, 'database') }))
  const issuerBase = 'https://caracal.example'
  const shared = {
    DATABASE_URL: connectionUrl(postgres.connection),
    CARACAL_MASTER_KEY: randomBytes(32).toString('base64'),
    CARACAL_PUBLIC_URL: issuerBase,
  }
  const one = held.use(await start(join(folder, 'one'), null, shared))
  const token = join(folder, 'other', homeFiles.bootstrapToken)
  await mkdir(dirname(token))
  await copyFile(join(folder, 'one', homeFiles.bootstrapToken), token)
  const other = held.use(await start(join(folder, 'other'), null, shared))
  const stack = held.move()
  return { one, other, issuerBase, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** One process of the service on a database that the benchmark fills by itself. */
export async function startOnDatabase(
  profile: string | null = null,
): Promise<
  AsyncDisposable & { readonly service: Running; readonly connection: EmbeddedConnection }
> {
  await using held = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'caracal-bench-'))
  await chmod(folder, 0o711)
  held.defer(() => rm(folder, { recursive: true, force: true }))
  const postgres = held.use(await startEmbeddedPostgres({ home: join(folder, 'database') }))
  const { connection } = postgres
  const shared = { DATABASE_URL: connectionUrl(connection) }
  const service = held.use(await start(join(folder, 'home'), profile, shared))
  const stack = held.move()
  return { service, connection, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function connectionUrl({ host, port, user, password, database }: EmbeddedConnection): string {
  const url = new URL(`postgres://localhost/${database}`)
  url.username = user
  url.password = password
  url.searchParams.set('host', host)
  url.searchParams.set('port', String(port))
  return url.href
}

/** How long the first start of an installation may take, which makes the database. */
const startTimeoutMs = 60_000
const pollMs = 5

/** `profile` is the folder for CPU profiles of the service, or null. */
export async function createInstallation(profile: string | null): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'caracal-bench-'))
  // Where this runs as root the database has another account, which must get through to its data.
  await chmod(folder, 0o711)
  const home = join(folder, 'home')
  return {
    start: () => start(home, profile),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

async function start(
  home: string,
  profile: string | null,
  shared: NodeJS.ProcessEnv = {},
): Promise<Running> {
  const begunAtMs = performance.now()
  const profiling = profile === null ? [] : ['--cpu-prof', '--cpu-prof-dir', profile]
  const child = spawn(process.execPath, [...profiling, packageFile('src', 'main.ts')], {
    env: { ...environment(home), ...shared },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const ended = once(child, 'exit')
  const url = await Promise.race([
    untilAnswers(home, child),
    ended.then(() => Promise.reject(new Error(`the service ended: ${said.join('')}`))),
  ])
  const startedInMs = performance.now() - begunAtMs
  const adminToken = (await readFile(join(home, homeFiles.bootstrapToken), 'utf8')).trim()
  return {
    url,
    pid: child.pid ?? 0,
    admin: createAdminClient({ apiUrl: url, adminToken }),
    adminToken,
    startedInMs,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** The benchmark's own settings: none of the machine's may change what is measured. */
function environment(home: string): NodeJS.ProcessEnv {
  const configured = new Set<string>(configTable.map(({ env }) => env))
  const others = Object.entries(process.env).filter(([key]) => !configured.has(key))
  return { ...Object.fromEntries(others), CARACAL_HOME: home, CARACAL_PORT: '0' }
}

async function untilAnswers(home: string, child: ChildProcess): Promise<string> {
  const deadlineMs = performance.now() + startTimeoutMs
  while (performance.now() < deadlineMs) {
    const url = await urlOf(home, child)
    if (url !== null && (await fetch(`${url}/health`)).ok) return url
    await sleep(pollMs)
  }
  child.kill('SIGTERM')
  throw new Error(`the service did not answer within ${startTimeoutMs} ms`)
}

/** Where the service listens, once it has said so; what a process before it has said is not it. */
async function urlOf(home: string, child: ChildProcess): Promise<string | null> {
  const text = await readFile(join(home, homeFiles.service), 'utf8').catch(() => null)
  if (text === null) return null
  const { url, pid } = JSON.parse(text) as { url: string; pid: number }
  return pid === child.pid ? url : null
}
