import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { World } from '../world.ts'

/** The real service as a process of its own: a replica of a world, behind the same address. */
export interface Replica extends AsyncDisposable {
  readonly url: string
  /** Ends it as a power cut would: it can write nothing more. */
  kill(): Promise<void>
}

const startTimeoutMs = 60_000

/**
 * Starts a replica through the same entry as `npm start`, or through that of a test with arguments,
 * with settings of its own; resolves once it listens.
 */
export async function startReplica(
  world: World,
  entry: readonly string[] = ['src/main.ts'],
  settings: Readonly<Record<string, string>> = {},
): Promise<Replica> {
  const home = await mkdtemp(join(tmpdir(), 'caracal-replica-'))
  const child = spawn(process.execPath, [...entry], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      CARACAL_HOME: home,
      CARACAL_PORT: '0',
      CARACAL_PUBLIC_URL: world.url,
      CARACAL_MASTER_KEY: world.masterKey.toString('base64'),
      DATABASE_URL: databaseUrl(world),
      ...settings,
    },
  })
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString()
  })
  const url = await listening(child, join(home, 'service.json'), () => words)
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    url,
    kill,
    async [Symbol.asyncDispose]() {
      await kill()
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function listening(child: ChildProcess, file: string, words: () => string): Promise<string> {
  const until = Date.now() + startTimeoutMs
  while (Date.now() < until) {
    await delay(20)
    if (child.exitCode !== null) throw new Error(`the replica has ended: ${words()}`)
    const text = await readFile(file, 'utf8').catch(() => null)
    if (text !== null) return (JSON.parse(text) as { url: string }).url
  }
  throw new Error(`the replica does not listen: ${words()}`)
}

function databaseUrl({ connection }: World): string {
  const { host, port, user, password, database } = connection
  const url = new URL('postgres://localhost')
  url.username = user ?? ''
  url.password = typeof password === 'string' ? password : ''
  url.pathname = database ?? ''
  url.searchParams.set('host', host ?? '')
  url.searchParams.set('port', String(port))
  return url.href
}
