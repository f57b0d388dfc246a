import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'
import { StartupError } from '../../src/kernel/startup-error.ts'
import type { EmbeddedConnection } from '../../src/store/embedded/embedded-postgres.ts'

export const isRoot = process.getuid?.() === 0

/** A directory that goes with the test, and the place that root's pointer names with it. */
export async function scratch(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'caracal-embedded-'))
  await chmod(path, 0o711)
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      for (const pointer of pointersBelow(path)) await rm(pointer, { recursive: true })
      await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    },
  }
}

function pointersBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('postgres.location'))
    .map((name) => /^\/.*$/m.exec(readFileSync(join(path, name), 'utf8'))?.[0] ?? '')
    .filter((directory) => directory.startsWith('/var/lib/caracal/') && existsSync(directory))
}

/** What one statement answers, over a connection of its own. */
export async function query(
  connection: EmbeddedConnection,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

export function postmasterOf(dataDirectory: string): number {
  return Number.parseInt(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8'), 10)
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits until a process is gone; one that stays fails the test at its time limit. */
export async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(10)
}

export interface Child {
  readonly process: ChildProcess
  readonly pid: number
  /** Every value it has printed. */
  readonly printed: unknown[]
  /** The value printed at an index, once it is there. */
  at(index: number): Promise<unknown>
  /** kill -9, waited for. */
  kill(): Promise<void>
}

/** Runs `embedded-child.ts`. */
export function startChild(mode: 'lock' | 'hold' | 'write', directory: string): Child {
  const program = join(import.meta.dirname, 'embedded-child.ts')
  const child = spawn(process.execPath, [program, mode, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const printed: unknown[] = []
  const ended = once(child, 'close')
  createInterface({ input: child.stdout }).on('line', (line) => printed.push(JSON.parse(line)))
  return {
    process: child,
    pid: child.pid ?? 0,
    printed,
    at: async (index) => {
      const deadline = performance.now() + 20_000
      while (printed.length <= index) {
        expect(performance.now()).toBeLessThan(deadline)
        await sleep(5)
      }
      return printed[index]
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The StartupError that a start ends with. */
export async function startupErrorOf(start: Promise<AsyncDisposable>): Promise<StartupError> {
  try {
    await using started = await start
    expect(started).toBe('refused')
  } catch (error) {
    if (error instanceof StartupError) return error
    throw error
  }
  throw new Error('unreachable')
}
