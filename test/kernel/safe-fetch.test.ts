import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../src/kernel/public-address.ts'
import {
  createSafeFetch,
  FetchError,
  internet,
  type Network,
  type SafeRequest,
} from '../../src/kernel/safe-fetch.ts'
import { startHttpsServer } from '../support/https-server.ts'

const request: SafeRequest = { maxBytes: 1_000, timeoutMs: 20_000 }

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown)
  if (error instanceof FetchError) return error.reason
  throw new Error('was not refused', { cause: error })
}

/** A network in which every name has these addresses, and public addresses alone are allowed. */
function resolvingTo(...addresses: readonly string[]): Network {
  return { resolve: () => Promise.resolve(addresses), isAllowed: isPublicAddress }
}

describe('what is asked for', () => {
  test.each([
    ['not a url', 'url_malformed'],
    ['http://example.com/', 'url_not_https'],
    ['file:///etc/passwd', 'url_not_https'],
    ['data:application/json,{}', 'url_not_https'],
    ['https://user@example.com/', 'url_holds_credentials'],
    ['https://user:password@example.com/', 'url_holds_credentials'],
  ])('%s is %s', async (url, reason) => {
    expect(await refusalOf(createSafeFetch(resolvingTo('1.1.1.1'))(url, request))).toBe(reason)
  })

  test.each([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://①②⑦.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://[fd00:ec2::254]/',
    'https://0/',
  ])('%s is not public, however it is written', async (url) => {
    expect(await refusalOf(createSafeFetch(internet)(url, request))).toBe('address_not_public')
  })

  test('a name of this machine is not public', async () => {
    expect(await refusalOf(createSafeFetch()('https://localhost/', request))).toBe(
      'address_not_public',
    )
  })

  test.each([[['10.0.0.1']], [['1.1.1.1', '10.0.0.1']], [['10.0.0.1', '1.1.1.1']], [['::1']]])(
    'a name with the addresses %s is not public',
    async (addresses) => {
      const fetching = createSafeFetch(resolvingTo(...addresses))('https://example.com/', request)
      expect(await refusalOf(fetching)).toBe('address_not_public')
    },
  )

  test('a name without an address is not found', async () => {
    expect(await refusalOf(createSafeFetch(resolvingTo())('https://example.com/', request))).toBe(
      'host_not_found',
    )
    const unknown: Network = { ...internet, resolve: () => Promise.reject(new Error('ENOTFOUND')) }
    expect(await refusalOf(createSafeFetch(unknown)('https://example.com/', request))).toBe(
      'host_not_found',
    )
  })

  test('a resolver that never answers is given up', async () => {
    const silent: Network = { ...internet, resolve: () => new Promise(() => undefined) }
    const fetching = createSafeFetch(silent)('https://example.com/', { ...request, timeoutMs: 1 })
    expect(await refusalOf(fetching)).toBe('timed_out')
  })
})

/** Asks a server on loopback for `/` with one change of the network or of the request. */
async function ask(
  answer: RequestListener,
  changed: Partial<SafeRequest> = {},
  network: (own: Network) => Network = (own) => own,
) {
  await using server = await startHttpsServer(answer)
  return await createSafeFetch(network(server.network))(`${server.origin}/jwks?a=b`, {
    ...request,
    ...changed,
  })
}

const json: RequestListener = (_incoming, answer) => {
  answer.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end('{}')
}

describe('what is answered', () => {
  test('comes whole, whatever its status', async () => {
    const answer = await ask((incoming, outgoing) => {
      outgoing.writeHead(503, { 'x-asked': `${incoming.method} ${incoming.url}` }).end('later')
    })
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'x-asked': 'GET /jwks?a=b' },
      body: 'later',
    })
  })

  test('a body is posted, and the host is the name that was asked for', async () => {
    const seen: string[] = []
    await ask(
      (incoming, outgoing) => {
        seen.push(incoming.method ?? '', (incoming.headers.host ?? '').replace(/\d+$/, 'port'))
        incoming.on('data', (chunk: Buffer) => seen.push(chunk.toString()))
        incoming.on('end', () => outgoing.end())
      },
      { method: 'POST', body: '{"a":1}', headers: { host: 'other.example' } },
    )
    expect(seen).toEqual(['POST', 'idp.example.com:port', '{"a":1}'])
  })

  test.each([301, 302, 303, 307, 308])('a redirection (%s) is not followed', async (status) => {
    const redirecting: RequestListener = (_incoming, answer) => {
      answer.writeHead(status, { location: 'https://169.254.169.254/' }).end()
    }
    expect(await refusalOf(ask(redirecting))).toBe('redirected')
  })

  test('a type that was not asked for is refused, with parameters or without', async () => {
    expect(await refusalOf(ask(json, { contentTypes: ['text/plain'] }))).toBe(
      'content_type_unexpected',
    )
    expect(await ask(json, { contentTypes: ['application/json'] })).toMatchObject({ body: '{}' })
    expect(
      await refusalOf(
        ask((_incoming, answer) => answer.end('{}'), { contentTypes: ['application/json'] }),
      ),
    ).toBe('content_type_unexpected')
  })

  test('a compressed body is refused: its size is not what was counted', async () => {
    const compressed: RequestListener = (_incoming, answer) => {
      answer.writeHead(200, { 'content-encoding': 'gzip' }).end('bomb')
    }
    expect(await refusalOf(ask(compressed))).toBe('content_encoding_unexpected')
  })

  test('no more is read than the limit, however long it goes on', async () => {
    const endless: RequestListener = (_incoming, answer) => {
      const timer = setInterval(() => answer.write('x'.repeat(400)), 1)
      answer.on('close', () => {
        clearInterval(timer)
      })
    }
    expect(await refusalOf(ask(endless))).toBe('answer_too_large')
    expect(await ask((_incoming, answer) => answer.end('x'.repeat(1_000)))).toMatchObject({
      status: 200,
    })
  })

  test.each<[string, RequestListener]>([
    ['that never comes', () => undefined],
    ['that never ends', (_incoming, answer) => void answer.write('{')],
  ])('an answer %s is given up', async (_what, answer) => {
    expect(await refusalOf(ask(answer, { timeoutMs: 400 }))).toBe('timed_out')
  })

  test('a connection that breaks off is no answer', async () => {
    const breaking: RequestListener = (_incoming, answer) => {
      answer.writeHead(200, { 'content-length': '100' }).write('half', () => answer.destroy())
    }
    expect(await refusalOf(ask(breaking))).toBe('connection_failed')
  })
})

describe('whom it is asked of', () => {
  test('a certificate of nobody known, or of another name, is not believed', async () => {
    const unknown = (own: Network): Network => ({ ...own, authorities: [] })
    expect(await refusalOf(ask(json, {}, unknown))).toBe('connection_failed')
    await using other = await startHttpsServer(json, 'other.example.com')
    const renamed: Network = { ...other.network, resolve: () => Promise.resolve(['127.0.0.1']) }
    expect(
      await refusalOf(createSafeFetch(renamed)(`https://idp.example.com:${other.port}/`, request)),
    ).toBe('connection_failed')
  })

  /** DNS rebinding: the first answer is harmless and passes the check, every later one is not. */
  test('a name is resolved once, so it cannot change its address after the check', async () => {
    const asked: string[] = []
    const rebinding = (own: Network): Network => ({
      ...own,
      resolve(host) {
        asked.push(host)
        return Promise.resolve([asked.length === 1 ? '127.0.0.1' : '127.0.0.2'])
      },
    })
    expect(await ask(json, {}, rebinding)).toMatchObject({ status: 200 })
    expect(asked).toEqual(['idp.example.com'])
  })

  test('an address that is refused is never connected to', async () => {
    let connections = 0
    await using server = await startHttpsServer(() => {
      connections += 1
    })
    const strict: Network = { ...server.network, isAllowed: isPublicAddress }
    expect(await refusalOf(createSafeFetch(strict)(`${server.origin}/`, request))).toBe(
      'address_not_public',
    )
    expect(connections).toBe(0)
  })
})
