import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { chmod, chown, lstat, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Account } from './account.ts'

/** The code of a file system or process error, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}

async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** What lies at a path, a link itself and not its target; undefined where there is nothing. */
export function statOrAbsent(path: string): Promise<Stats | undefined> {
  return orAbsent(lstat(path))
}

/** A text file's content, or undefined where there is none. */
export function readOrAbsent(path: string): Promise<string | undefined> {
  return orAbsent(readFile(path, 'utf8'))
}

/** A name beside a path that no other process uses. */
export function besideName(path: string): string {
  return `${path}.new-${randomBytes(6).toString('hex')}`
}

/** Makes a directory that only its owner may enter, whatever the umask. */
export async function makePrivateDirectory(
  path: string,
  owner: Account | undefined,
): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  await chmod(path, 0o700)
  if (owner !== undefined) await chown(path, owner.uid, owner.gid)
}

/** Writes a file, readable by its owner alone, and returns once it is on the disk. */
export async function writePrivateFile(path: string, text: string, owner?: Account): Promise<void> {
  await using file = await open(path, 'w', 0o600)
  await file.chmod(0o600)
  if (owner !== undefined) await file.chown(owner.uid, owner.gid)
  await file.writeFile(text)
  await file.sync()
}

/** Puts a private file in place whole: a reader sees the old content or the new, never a part. */
export async function replacePrivateFile(path: string, text: string): Promise<void> {
  const fresh = besideName(path)
  await writePrivateFile(fresh, text)
  await renameDurably(fresh, path)
}

/** A rename that survives a power loss: the directory that names the file is flushed too. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await using directory = await open(dirname(to), 'r')
  await directory.sync()
}
