import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartupError } from '../../kernel/startup-error.ts'
import { errnoOf } from './files.ts'

/** SQLite's result code for a lock that another connection holds (sqlite.org/rescode.html#busy). */
const sqliteBusy = 5

/** A lock that its holder lost sight of must not go with the garbage. */
const held = new Set<DatabaseSync>()

/**
 * Holds a directory against every other process until disposed of or until this process ends, even
 * by kill -9: the lock is the kernel's own lock on a file, taken through the SQLite inside Node,
 * which is the one interface to such locks that Node has. No process id decides anything, so a
 * reused id, a restart of the machine or another container's ids cannot confuse it, and two
 * starters cannot both win. The file stays when the lock goes: removing it would let a third
 * process lock a new file while a second still holds the old one.
 * @throws StartupError when another process, or another server of this one, holds it
 */
export function lockDirectory(directory: string): Disposable {
  const database = openLockFile(directory)
  try {
    database.exec('BEGIN EXCLUSIVE')
    writeFileSync(holderFile(directory), `${String(process.pid)}\n`, { mode: 0o600 })
  } catch (error) {
    database.close()
    if (!(error instanceof Error && 'errcode' in error)) throw error
    throw error.errcode === sqliteBusy ? heldElsewhere(directory) : unusable(directory, error)
  }
  held.add(database)
  return {
    [Symbol.dispose]: () => {
      if (held.delete(database)) database.close()
    },
  }
}

function openLockFile(directory: string): DatabaseSync {
  const path = join(directory, 'postgres.lock')
  try {
    makeLockFile(path)
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw unusable(directory, error)
  }
}

/**
 * The file is private, since whoever can read it could hold it too. One that exists is not opened
 * here: closing it again would drop the locks that this process has on it (fcntl(2)).
 */
function makeLockFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }
}

/** The holder's process id is for the message alone. */
function holderFile(directory: string): string {
  return join(directory, 'postgres.lock-holder')
}

function heldElsewhere(directory: string): StartupError {
  const holder = holderOf(directory)
  return new StartupError(
    `${directory} is in use by ${holder === undefined ? 'another process' : `process ${holder}`}.`,
    holder === undefined
      ? 'Stop the other Caracal first, or start this one with another CARACAL_HOME.'
      : `Stop it first (caracal down, or kill ${holder}), or start this one with another ` +
          'CARACAL_HOME.',
  )
}

function holderOf(directory: string): string | undefined {
  try {
    return /^\d+$/m.exec(readFileSync(holderFile(directory), 'utf8'))?.[0]
  } catch {
    return undefined
  }
}

function unusable(directory: string, cause: unknown): StartupError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StartupError(
    `The lock file ${join(directory, 'postgres.lock')} cannot be used: ${reason}.`,
    `Make ${directory} writable for the user that runs Caracal; a damaged lock file may be removed ` +
      'while no Caracal runs.',
    { cause },
  )
}
