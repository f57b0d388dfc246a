import { spawn, type ChildProcess } from 'node:child_process'
import type { Account } from './account.ts'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  /** The directory it runs in, which the account can enter. */
  readonly directory: string
  readonly account: Account | undefined
  readonly log: (line: string) => void
}

/** A program that ends when this process does, however this process ends. */
export interface Supervised {
  /** Undefined where it could not be started at all. */
  readonly pid: number | undefined
  /** Says how it ended, with its last lines. */
  readonly ended: Promise<Ending>
  signal(signal: NodeJS.Signals): void
}

export interface Ending {
  /** 0 is success; null where a signal ended it or it could not be started. */
  readonly code: number | null
  /** In words: `ended with code 1`, `was ended by SIGKILL`. */
  readonly summary: string
  /** The last lines it printed. */
  readonly lines: readonly string[]
}

/**
 * Becomes the program, and leaves a watcher behind. The watcher waits on a pipe that only the
 * parent holds the other end of, so the kernel tells it of the parent's death, kill -9 included; it
 * then asks the program for a fast shutdown (SIGINT). It is a grandchild, so that the program,
 * which takes over the shell's process, finds no child that it did not start.
 */
const script = [
  'exec 3<&0',
  '( { read -r line; kill -INT $$; } <&3 3<&- >/dev/null 2>&1 & )',
  'exec "$@" </dev/null 3<&-',
].join('\n')

const linesKept = 40

/**
 * Starts a program that must not outlive this process. It is in a session of its own: the Ctrl-C
 * of a terminal reaches this process alone, which then stops its programs in order. It inherits no
 * environment, which holds secrets that are not its business.
 */
export function supervise(command: Command): Supervised {
  const { file, args, directory, account, log } = command
  const child = spawn('/bin/sh', ['-c', script, 'sh', file, ...args], {
    ...account,
    cwd: directory,
    detached: true,
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const keep = (line: string): void => {
    if (lines.push(line) > linesKept) lines.shift()
    log(line)
  }
  for (const stream of [child.stdout, child.stderr]) eachLine(stream, keep)
  // Writing to the watcher's pipe never happens, and its end on the far side is no failure.
  child.stdin.on('error', () => undefined)
  return {
    pid: child.pid,
    ended: endingOf(child, lines),
    signal: (signal) => {
      child.kill(signal)
    },
  }
}

/**
 * Its children may outlive a program that was killed and hold its output open for as long as a
 * query runs; its end is told without them.
 */
const lastLinesMs = 500

function endingOf(child: ChildProcess, lines: readonly string[]): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve({ code: null, summary: `could not be started (${error.message})`, lines })
    })
    child.once('exit', (code, signal) => {
      const summary = signal === null ? `ended with code ${String(code)}` : `was ended by ${signal}`
      const told = setTimeout(resolve, lastLinesMs, { code, summary, lines })
      child.once('close', () => {
        clearTimeout(told)
        resolve({ code, summary, lines })
      })
    })
  })
}

function eachLine(stream: NodeJS.ReadableStream, use: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part.trim() !== '') use(part.trimEnd())
  })
  stream.on('end', () => {
    if (rest.trim() !== '') use(rest.trimEnd())
  })
}
