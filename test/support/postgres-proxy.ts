import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import type pg from 'pg'

/** What becomes of a statement: `lost` has been run, and its answer does not arrive. */
export type Fate = 'pass' | 'cut' | 'lost'

/** A statement on its way, with where its transaction is. */
export interface Statement {
  readonly text: string
  /** The zone that the transaction is bound to. */
  readonly zone: string | null
  /** The statements of the transaction so far, this one last. */
  readonly path: readonly string[]
}

/** A connection to PostgreSQL with somebody in between who can end it at any statement. */
export interface PostgresProxy extends AsyncDisposable {
  readonly connection: pg.PoolConfig
  /** Decides on every statement from now on. */
  judge(fateOf: (statement: Statement) => Fate): void
}

export async function startPostgresProxy(to: pg.ClientConfig): Promise<PostgresProxy> {
  let fateOf: (statement: Statement) => Fate = () => 'pass'
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(addressOf(to))
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => undefined).on('close', () => open.delete(socket))
    }
    upstream.on('data', (chunk) => client.write(chunk)).on('close', () => client.destroy())
    relay(client, upstream, (statement) => fateOf(statement))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    connection: { ...to, host: '127.0.0.1', port },
    judge(next) {
      fateOf = next
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function addressOf({ host = '127.0.0.1', port = 5432 }: pg.ClientConfig) {
  return host.startsWith('/') ? { path: join(host, `.s.PGSQL.${String(port)}`) } : { host, port }
}

/**
 * Hands on the messages of a client (PostgreSQL, Frontend/Backend Protocol, Message Formats): the
 * first has no type, every other one a byte of it; both have a length that counts itself.
 */
function relay(client: Socket, upstream: Socket, fateOf: (statement: Statement) => Fate): void {
  let rest = Buffer.alloc(0)
  let begun = false
  let zone: string | null = null
  let path: string[] = []
  let isLosing = false
  client.on('close', () => upstream.destroy())
  client.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const head = begun ? 1 : 0
      if (rest.length < head + 4) return
      const size = head + rest.readUInt32BE(head)
      if (rest.length < size) return
      const message = rest.subarray(0, size)
      rest = rest.subarray(size)
      const type = begun ? String.fromCharCode(message[0] ?? 0) : ''
      begun = true
      const text = textOf(type, message)
      if (text !== null) {
        zone = /set_config\('caracal\.zone', '([^']+)'/.exec(text)?.[1] ?? zone
        path = text.startsWith('begin') ? [text] : [...path, text]
        const fate = isLosing ? 'pass' : fateOf({ text, zone, path })
        if (fate === 'cut') {
          client.destroy()
          return
        }
        isLosing ||= fate === 'lost'
      }
      upstream.write(message)
      // A statement is run once its Query has come, or the Sync after its parts.
      if (isLosing && (type === 'Q' || type === 'S')) {
        lose(client, upstream)
        return
      }
    }
  })
}

/** The server gets all that was sent and runs it; the client is gone before the answer. */
function lose(client: Socket, upstream: Socket): void {
  client.removeAllListeners('close')
  upstream.end()
  client.destroy()
}

/** The SQL of a Query or of a Parse, whose text stands behind the name of the statement. */
function textOf(type: string, message: Buffer): string | null {
  if (type !== 'Q' && type !== 'P') return null
  const from = type === 'Q' ? 5 : message.indexOf(0, 5) + 1
  return message.toString('utf8', from, message.indexOf(0, from))
}
