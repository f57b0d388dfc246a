import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, constants, mkdir, readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../kernel/canonical.ts'
import { StartupError } from '../../kernel/startup-error.ts'
import { serverAccount, type Account } from './account.ts'
import { errnoOf, readOrAbsent, replacePrivateFile, statOrAbsent } from './files.ts'

/** Where root keeps what an unprivileged server could not reach under the home directory. */
const systemDirectory = '/var/lib/caracal'

/** Where one installation's database lies and whose it is. */
export interface Place {
  /** The absolute home directory, links resolved. */
  readonly home: string
  /** Holds the data directory, the socket directory and the lock: home, or one the server reaches. */
  readonly directory: string
  readonly dataDirectory: string
  /** The server's account where it is not this process's own. */
  readonly account: Account | undefined
}

/**
 * Finds or makes the place of a home directory. It is the home directory itself wherever the
 * server can reach it. Where it cannot (root's own home is closed to the account that root lends
 * the server) the place is a directory of the system's, and a file in home says which: that file
 * decides from then on, so a home that is moved keeps its data.
 */
export async function openPlace(homeOption: string): Promise<Place> {
  const home = await openHome(homeOption)
  const elsewhere = await readPointer(home)
  if (elsewhere !== undefined) return placeIn(home, elsewhere)
  const inHome = await placeIn(home, home)
  if (inHome.account === undefined || (await canEnter(home, inHome.account))) return inHome
  if (await holdsData(inHome.dataDirectory)) {
    throw new StartupError(
      `Caracal runs as root and PostgreSQL as user ${String(inHome.account.uid)}, which cannot ` +
        `reach the existing data in ${inHome.dataDirectory}.`,
      `Let others pass through the directories above it (chmod o+x), or start Caracal as the user ` +
        'who owns the data.',
    )
  }
  return makeSystemPlace(home)
}

/** Whether a data directory has content; an empty directory, such as a mount point, has none. */
export async function holdsData(dataDirectory: string): Promise<boolean> {
  return (
    (await statOrAbsent(dataDirectory)) !== undefined && (await readdir(dataDirectory)).length > 0
  )
}

async function openHome(home: string): Promise<string> {
  try {
    // Root lets others pass through (not list) so that the server's account can reach its data;
    // every secret below is a private file of its own.
    const mode = process.getuid?.() === 0 ? 0o711 : 0o700
    if ((await mkdir(home, { recursive: true, mode })) !== undefined) await chmod(home, mode)
    if (!(await stat(home)).isDirectory()) throw notADirectory(home)
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK)
    return await realpath(home)
  } catch (error) {
    if (error instanceof StartupError) throw error
    const code = errnoOf(error)
    if (code === 'EEXIST' || code === 'ENOTDIR') throw notADirectory(home)
    throw new StartupError(
      `The home directory ${home} cannot be made or written (${code ?? String(error)}).`,
      'Set CARACAL_HOME to a directory that the user who runs Caracal can write.',
      { cause: error },
    )
  }
}

function notADirectory(home: string): StartupError {
  return new StartupError(
    `The home directory ${home} is not a directory, or a part of its path is a file.`,
    'Move that file away, or set CARACAL_HOME to a directory.',
  )
}

async function placeIn(home: string, directory: string): Promise<Place> {
  const dataDirectory = join(directory, 'postgres')
  const account = serverAccount(await ownerOf(dataDirectory))
  return { home, directory, dataDirectory, account }
}

async function ownerOf(dataDirectory: string): Promise<Account | undefined> {
  const found = await statOrAbsent(dataDirectory)
  if (found === undefined) return undefined
  if (found.isDirectory()) return { uid: found.uid, gid: found.gid }
  throw new StartupError(
    `${dataDirectory} is where the database's data directory belongs, but it is not a directory.`,
    'Move it away and start again.',
  )
}

const pointerName = 'postgres.location'

async function readPointer(home: string): Promise<string | undefined> {
  const text = await readOrAbsent(join(home, pointerName))
  if (text === undefined) return undefined
  const directory = text.split('\n').find((line) => line.startsWith('/'))
  if (directory !== undefined && (await statOrAbsent(directory))?.isDirectory() === true) {
    return directory
  }
  throw new StartupError(
    `${join(home, pointerName)} says that this installation's database is in ` +
      `${directory ?? 'no directory at all'}, and it is not there.`,
    'Restore that directory from a backup, or remove the file to start with an empty database.',
  )
}

/** The directory is made before the file that names it, so that its absence always means a loss. */
async function makeSystemPlace(home: string): Promise<Place> {
  const directory = join(systemDirectory, sha256Hex(home).slice(0, 16))
  await makeReachable(systemDirectory)
  await makeReachable(directory)
  await replacePrivateFile(
    join(home, pointerName),
    '# Caracal was started as root, and the account that PostgreSQL runs as cannot reach this\n' +
      '# directory. The database is in the directory named on the next line: back it up with this\n' +
      '# one, and remove both together.\n' +
      `${directory}\n`,
  )
  return placeIn(home, directory)
}

async function makeReachable(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o755)
}

/** Asks the kernel, as the account, rather than working it out from modes (which ACLs overrule). */
async function canEnter(directory: string, account: Account): Promise<boolean> {
  const child = spawn('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], {
    ...account,
    cwd: '/',
    env: {},
    stdio: 'ignore',
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0
}
