import { readdirSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { sha256Hex } from '../../kernel/canonical.ts'
import { StartupError } from '../../kernel/startup-error.ts'
import { errnoOf, readOrAbsent } from './files.ts'

/**
 * A fast shutdown, then an immediate one, then the end (PostgreSQL documentation, section 18.5).
 * The first two leave data that the next start recovers; so does the third.
 */
const escalation: readonly { readonly signal: NodeJS.Signals; readonly waitMs: number }[] = [
  { signal: 'SIGINT', waitMs: 10_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
]

const pollMs = 20

/**
 * A word that every process of the server on this data directory has in its title (the server's
 * cluster_name). It comes from the directory's identity on the file system, not from its path, so
 * that a server on the same path in another container is not taken for it.
 */
export function clusterName(dataDirectory: string): string {
  const { dev, ino } = statSync(dataDirectory)
  return `caracal-${sha256Hex(`${String(dev)}:${String(ino)}`).slice(0, 12)}`
}

/**
 * Ends whatever still runs on a data directory that this process has locked, and removes the
 * server's own lock file, whose process id may belong to anything by now.
 * @returns `stopped` where something ran
 * @throws StartupError when it cannot be ended
 */
export async function stopLeftover(
  dataDirectory: string,
  log: (line: string) => void,
): Promise<'none' | 'stopped'> {
  const lockFile = join(dataDirectory, 'postmaster.pid')
  const text = await readOrAbsent(lockFile)
  if (text === undefined) return 'none'
  const postmaster = Number.parseInt(text, 10)
  const running = (): number[] => serverProcesses(dataDirectory, postmaster)
  const found = running()
  if (found.length > 0) {
    log(`a server that was left running on ${dataDirectory} is being stopped`)
    await endAll(running, postmaster, dataDirectory)
  }
  await rm(lockFile, { force: true })
  return found.length > 0 ? 'stopped' : 'none'
}

async function endAll(
  running: () => number[],
  postmaster: number,
  dataDirectory: string,
): Promise<void> {
  for (const { signal, waitMs } of escalation) {
    // The postmaster ends its children in order; they are signalled only where it is dead.
    const pids = running()
    const targets = pids.includes(postmaster) && signal !== 'SIGKILL' ? [postmaster] : pids
    for (const pid of targets) send(signal, pid, dataDirectory)
    const deadline = Date.now() + waitMs
    while (Date.now() < deadline) {
      if (running().length === 0) return
      await sleep(pollMs)
    }
  }
  throw new StartupError(
    `A PostgreSQL that was left running on ${dataDirectory} does not end, even by SIGKILL.`,
    `Look at its processes (${running().join(', ')}): storage that does not answer can hold them.`,
  )
}

function send(signal: NodeJS.Signals, pid: number, dataDirectory: string): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return
    throw new StartupError(
      `A PostgreSQL (process ${String(pid)}) still runs on ${dataDirectory} under another account.`,
      `Stop it (kill -INT ${String(pid)} as that account or as root), then start Caracal again.`,
      { cause: error },
    )
  }
}

/** Ids of the processes of the server on this data directory. */
function serverProcesses(dataDirectory: string, postmaster: number): number[] {
  const marker = clusterName(dataDirectory)
  return processTitles()
    .filter(({ pid, title }) => {
      const program = basename(title.split(/[\s:]/, 1)[0] ?? '')
      if (program !== 'postgres') return false
      // A server that a person started by hand has no marker, but it names its directory.
      return title.includes(marker) || (pid === postmaster && title.includes(dataDirectory))
    })
    .map(({ pid }) => pid)
}

interface ProcessTitle {
  readonly pid: number
  readonly title: string
}

/** Every process with its arguments, which Linux shows to all accounts (unlike its directory). */
function processTitles(): ProcessTitle[] {
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => ({ pid: Number(name), title: linuxTitle(name) }))
  }
  const { stdout } = spawnSync('/bin/ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' })
  return stdout.split('\n').map((line) => {
    const [, pid, title] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? []
    return { pid: Number(pid), title: title ?? '' }
  })
}

/** proc_pid_cmdline(5): arguments end in NUL; a dead process that nobody reaped has none. */
function linuxTitle(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
