import { rm } from 'node:fs/promises'
import { createServer, type ListenOptions } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256Hex } from '../../kernel/canonical.ts'
import type { Account } from './account.ts'
import { errnoOf, makePrivateDirectory, statOrAbsent } from './files.ts'
import type { Place } from './place.ts'

/** Where the server listens. */
export interface Endpoint {
  /** For `pg`: the socket's directory, or the loopback address. */
  readonly host: string
  readonly port: number
  readonly settings: Readonly<Record<string, string>>
  /** Removes what was made for it, once the server has ended. */
  close(): Promise<void>
}

/** The number is part of a socket's name, and nothing listens on it. */
const socketPort = 5432
const socketName = `.s.PGSQL.${String(socketPort)}`

/** unix(7): sun_path has 108 bytes with the closing NUL on Linux, 104 on macOS. */
const socketPathBytes = process.platform === 'linux' ? 107 : 103

/**
 * A private directory for the server's socket: in the installation's place, or, where the place's
 * path is too long for a socket or its file system has none, a short one in the system's
 * temporary directory. Where neither takes a socket it is a free port of the loopback address; the
 * password guards all three.
 */
export async function openEndpoint(place: Place): Promise<Endpoint> {
  const inPlace = join(place.directory, 'postgres.run')
  if (await openOwnDirectory(inPlace, place.account)) return socketEndpoint(inPlace)
  const id = sha256Hex(place.directory).slice(0, 12)
  const temporary = join(tmpdir(), `caracal-${String(process.getuid?.())}-${id}`)
  if (await openSharedDirectory(temporary, place.account)) return socketEndpoint(temporary)
  const port = await freePort()
  return {
    host: '127.0.0.1',
    port,
    settings: {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
    },
    close: () => Promise.resolve(),
  }
}

function socketEndpoint(directory: string): Endpoint {
  return {
    host: directory,
    port: socketPort,
    settings: {
      listen_addresses: '',
      port: String(socketPort),
      unix_socket_directories: directory,
    },
    close: () => rm(directory, { recursive: true, force: true }),
  }
}

/** The place is locked and ours, so whatever lies there is a leftover of ours. */
async function openOwnDirectory(path: string, owner: Account | undefined): Promise<boolean> {
  await rm(path, { recursive: true, force: true })
  if (!fits(path)) return false
  await makePrivateDirectory(path, owner)
  if (await takesSocket(path)) return true
  await rm(path, { recursive: true, force: true })
  return false
}

/** Everybody can write the temporary directory: a name that another account took is left alone. */
async function openSharedDirectory(path: string, owner: Account | undefined): Promise<boolean> {
  if (!fits(path)) return false
  try {
    const found = await statOrAbsent(path)
    const uid = owner?.uid ?? process.getuid?.()
    if (found !== undefined && !(found.isDirectory() && found.uid === uid)) return false
    return await openOwnDirectory(path, owner)
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    return false
  }
}

function fits(directory: string): boolean {
  return Buffer.byteLength(join(directory, socketName)) <= socketPathBytes
}

/** Tries it: shared folders of virtual machines and some network file systems have no sockets. */
async function takesSocket(directory: string): Promise<boolean> {
  return (await listenOnce({ path: join(directory, 'probe') })) !== undefined
}

async function freePort(): Promise<number> {
  const address = await listenOnce({ host: '127.0.0.1', port: 0 })
  if (typeof address === 'object' && address !== null) return address.port
  throw new Error('no port of the loopback address can be listened on')
}

/** Where a listener was for a moment; undefined where there can be none. */
async function listenOnce(
  options: ListenOptions,
): Promise<ReturnType<ReturnType<typeof createServer>['address']> | undefined> {
  const server = createServer()
  try {
    server.listen(options)
    await once(server, 'listening')
  } catch {
    return undefined
  }
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address
}
