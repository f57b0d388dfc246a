import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { StartupError } from './startup-error.ts'

/** The files of the home folder that are not the database's. */
export const homeFiles = {
  masterKey: 'master.key',
  bootstrapToken: 'bootstrap-token',
  service: 'service.json',
} as const

/**
 * Makes the home folder. Where the service runs as root the database has another account, which
 * must be able to pass through the folder, though not to list it.
 */
export function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
  } catch (error) {
    throw new StartupError(
      `the folder ${home} cannot be made`,
      'Set CARACAL_HOME to a folder that this user may write.',
      { cause: error },
    )
  }
}

/** The content of a private file of the home folder, made at the first call. */
export function readOrMake(home: string, file: string, make: () => string): string {
  const path = join(home, file)
  const found = readIfThere(path)
  if (found !== null) return found
  const content = make()
  writePrivate(path, content)
  return content
}

/** Null where there is no such file. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new StartupError(
      `${path} cannot be read`,
      'Let this user read it, or set CARACAL_HOME to another folder.',
      { cause: error },
    )
  }
}

/** Writes a file whole or not at all, readable by this user alone. */
export function writePrivate(path: string, content: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeSync(file, `${content}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(draft, path)
  } catch (error) {
    throw new StartupError(`${path} cannot be written`, 'Let this user write the home folder.', {
      cause: error,
    })
  }
}
