import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startWorld, type World } from '../world.ts'

/** The limits of the service but for the time that a request may take to arrive: nobody waits 30 s. */
vi.mock('../../src/kernel/limits.ts', async (original) => {
  const { limits } = await original<{ limits: Record<string, number> }>()
  return { limits: { ...limits, requestTimeoutMs: 700, connectionCheckMs: 100 } }
})

/**
 * Guarantee (security.md): whoever sends slowly, or what is no HTTP, holds nothing up for others and
 * is answered in the shape of every error.
 */
let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

async function open(head: string): Promise<Socket> {
  const { hostname, port } = new URL(world.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(head)
  return socket
}

interface RawAnswer {
  readonly status: number
  readonly headers: string
  readonly body: { readonly error: string; readonly request_id: string }
}

async function answerOn(socket: Socket): Promise<RawAnswer> {
  const [headers = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  return { status: Number(headers.split(' ')[1]), headers, body: JSON.parse(body) }
}

function post(length: number): string {
  return [
    'POST /v1/zones HTTP/1.1',
    'host: localhost',
    `authorization: Bearer ${world.token}`,
    'content-type: application/json',
    `content-length: ${length}`,
    '\r\n',
  ].join('\r\n')
}

describe('a client that is slow', () => {
  test('with its body is told so and cut off, and nothing is written', async () => {
    const state = await world.state()
    const socket = await open(`${post(1_000)}{"name":`)
    const answer = await answerOn(socket)
    expect(answer).toMatchObject({ status: 408, body: { error: 'request_timeout' } })
    expect(answer.headers.toLowerCase()).toContain(`x-request-id: ${answer.body.request_id}`)
    expect(await world.state()).toBe(state)
  })

  test('with its headers is cut off too', async () => {
    const answer = await answerOn(await open('GET /v1/zones HTTP/1.1\r\nhost: a\r\nx-slow: '))
    expect(answer).toMatchObject({ status: 408, body: { error: 'request_timeout' } })
  })

  test('two hundred times over holds nobody else up', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 200 }, () => open(`${post(1_000_000)}{`)),
    )
    const drip = setInterval(
      () => sockets.forEach((socket) => socket.writable && socket.write(' ')),
      50,
    )
    try {
      for (let i = 0; i < 20; i += 1)
        expect((await world.call('GET', '/v1/zones')).status).toBe(200)
      await vi.waitFor(
        () => expect(sockets.filter((socket) => !socket.closed)).toHaveLength(0),
        10_000,
      )
    } finally {
      clearInterval(drip)
      sockets.forEach((socket) => socket.destroy())
    }
  })
})

describe('bytes that are no request', () => {
  test.each([
    ['no HTTP', 'HELO example.com\r\n\r\n', 400, 'invalid_json'],
    ['a header without a name', 'GET / HTTP/1.1\r\n: a\r\n\r\n', 400, 'invalid_json'],
    [
      'two lengths',
      'POST /v1/zones HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}',
      400,
      'invalid_json',
    ],
    [
      'a length and chunks',
      'POST /v1/zones HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'invalid_json',
    ],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nhost: a\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])('%s is answered in the shape of an error', async (_, bytes, status, error) => {
    const answer = await answerOn(await open(bytes))
    expect(answer).toMatchObject({ status, body: { error } })
    expect(answer.headers.toLowerCase()).toContain('cache-control: no-store')
    expect(answer.headers.toLowerCase()).toContain('connection: close')
  })
})
