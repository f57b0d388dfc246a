import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdminClient, type AdminClient } from '../../src/client/admin-client.ts'
import type { ClientOptions } from '../../src/client/transport.ts'

/** A request as it came over the wire. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

/** What the test's service does with one request. */
export type Reply = (response: ServerResponse, seen: Seen) => void | Promise<void>

export interface Wire extends AsyncDisposable {
  readonly url: string
  readonly seen: readonly Seen[]
  client(options?: Partial<ClientOptions>): AdminClient
}

/** A real HTTP server that gives each request the next reply, and the last one to all others. */
export async function startWire(...replies: readonly Reply[]): Promise<Wire> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    void readBody(request).then(async (body) => {
      const { method = '', url = '', headers } = request
      const entry = { method, url, headers, body }
      const reply = replies[Math.min(seen.length, replies.length - 1)]
      seen.push(entry)
      await reply?.(response, entry)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    seen,
    client: (options = {}) =>
      createAdminClient({ apiUrl: url, adminToken: 'cat_test', ...options }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function json(status: number, body: unknown): Reply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_wire' })
    response.end(status === 204 ? undefined : JSON.stringify(body))
  }
}

/** Breaks the connection instead of answering. */
export const hangUp: Reply = (response) => {
  response.destroy()
}

/** Server-sent events, written piece by piece; `cut` breaks the connection after them. */
export function stream(pieces: readonly string[], cut = false): Reply {
  return async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    for (const piece of pieces) {
      response.write(piece)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    if (cut) response.destroy()
    else response.end()
  }
}

export function event(type: string, data: unknown, id = 1): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : JSON.parse(text)
}
