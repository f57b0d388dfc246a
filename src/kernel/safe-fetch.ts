import { lookup } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { isPublicAddress } from './public-address.ts'

/** Why nothing was fetched, or what was fetched is not believed. */
export type FetchRefusal =
  | 'url_malformed'
  | 'url_not_https'
  | 'url_holds_credentials'
  | 'host_not_found'
  | 'address_not_public'
  | 'connection_failed'
  | 'timed_out'
  | 'redirected'
  | 'content_type_unexpected'
  | 'content_encoding_unexpected'
  | 'answer_too_large'

/** Its message says what happened and may be shown: it holds nothing of what was answered. */
export class FetchError extends Error {
  readonly reason: FetchRefusal

  constructor(reason: FetchRefusal, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'FetchError'
    this.reason = reason
  }
}

export interface SafeRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Media types that a successful answer may have; absent: any. */
  readonly contentTypes?: readonly string[]
  readonly maxBytes: number
  /** For everything together, from the resolution of the name to the last byte. */
  readonly timeoutMs: number
}

export interface SafeAnswer {
  /** Anything but a redirection. */
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Fetches from an address that somebody else has chosen. https alone; the name is resolved once, the
 * connection goes to an address of that one answer, and not at all where any of them is not public;
 * redirections are refused; time and size are bounded. Throws {@link FetchError}.
 */
export type SafeFetch = (url: string, request: SafeRequest) => Promise<SafeAnswer>

/** What a fetch asks of the world outside. */
export interface Network {
  /** The addresses of a name, those to be preferred first. */
  resolve(host: string): Promise<readonly string[]>
  isAllowed(address: string): boolean
  /** Certificates in PEM to trust besides the public authorities. */
  readonly authorities?: readonly string[]
}

/** The Internet as it is; only a test has another. */
export const internet: Network = {
  async resolve(host) {
    const found = await lookup(host, { all: true, order: 'ipv4first' })
    return found.map(({ address }) => address)
  },
  isAllowed: isPublicAddress,
}

export function createSafeFetch(network: Network = internet): SafeFetch {
  return async (text, request) => {
    const url = parseUrl(text)
    const deadline = AbortSignal.timeout(request.timeoutMs)
    const address = await before(deadline, resolveOnce(network, hostOf(url)))
    const answer = await send(network, { url, address, request, deadline })
    return read(answer, request, deadline)
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null) throw new FetchError('url_malformed', 'The URL cannot be parsed.')
  if (url.protocol !== 'https:') throw new FetchError('url_not_https', 'The URL must be https.')
  if (url.username !== '' || url.password !== '')
    throw new FetchError('url_holds_credentials', 'The URL must hold no user and no password.')
  return url
}

/** Without the brackets of an IPv6 literal, and without the dot of a rooted name. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$|\.$/g, '')
}

async function resolveOnce(network: Network, host: string): Promise<string> {
  const addresses = isIP(host) === 0 ? await resolved(network, host) : [host]
  const [first] = addresses
  if (first === undefined) throw new FetchError('host_not_found', 'The host has no address.')
  // One answer that mixes public and other addresses is how a name is rebound.
  if (!addresses.every((address) => network.isAllowed(address)))
    throw new FetchError('address_not_public', 'The host is not on the public Internet.')
  return first
}

async function resolved(network: Network, host: string): Promise<readonly string[]> {
  try {
    return await network.resolve(host)
  } catch (error) {
    throw new FetchError('host_not_found', 'The host cannot be resolved.', { cause: error })
  }
}

interface Sending {
  readonly url: URL
  readonly address: string
  readonly request: SafeRequest
  readonly deadline: AbortSignal
}

/** Connects to the address itself, so that nothing can resolve the name a second time. */
function send(network: Network, { url, address, request, deadline }: Sending) {
  const host = hostOf(url)
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sending = httpsRequest({
    host: address,
    port: url.port === '' ? 443 : Number(url.port),
    path: `${url.pathname}${url.search}`,
    method: request.method ?? 'GET',
    // The certificate is checked against the name; an address in its place has no SNI (RFC 6066).
    servername: isIP(host) === 0 ? host : '',
    headers: { ...request.headers, host: url.host, 'accept-encoding': 'identity' },
    ...(network.authorities === undefined ? {} : { ca: [...network.authorities] }),
    agent: false,
    signal: deadline,
  })
  sending.on('response', resolve)
  sending.on('error', (error) => {
    reject(deadline.aborted ? timedOut() : failed(error))
  })
  sending.end(request.body)
  return promise
}

async function read(
  answer: IncomingMessage,
  request: SafeRequest,
  deadline: AbortSignal,
): Promise<SafeAnswer> {
  try {
    const status = answer.statusCode ?? 0
    refuseUnexpected(answer, status, request)
    return { status, headers: headersOf(answer), body: await bodyOf(answer, request.maxBytes) }
  } catch (error) {
    if (error instanceof FetchError) throw error
    throw deadline.aborted ? timedOut() : failed(error)
  } finally {
    answer.destroy()
  }
}

function refuseUnexpected(answer: IncomingMessage, status: number, request: SafeRequest): void {
  if (status >= 300 && status < 400)
    throw new FetchError('redirected', 'The host redirects, which is not followed.')
  const encoding = answer.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity')
    throw new FetchError('content_encoding_unexpected', 'The answer is compressed.')
  const type = mediaTypeOf(answer.headers['content-type'])
  const { contentTypes } = request
  if (contentTypes !== undefined && status < 300 && !contentTypes.includes(type))
    throw new FetchError(
      'content_type_unexpected',
      `The answer is no ${contentTypes.join(' or ')}.`,
    )
}

function mediaTypeOf(header: string | undefined): string {
  return (header ?? '').replace(/;.*$/s, '').trim().toLowerCase()
}

function headersOf(answer: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(answer.headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
  )
}

async function bodyOf(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes)
      throw new FetchError('answer_too_large', `The answer has more than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** A resolver cannot be interrupted, only no longer waited for. */
async function before<T>(deadline: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const end = (): void => {
    reject(timedOut())
  }
  deadline.addEventListener('abort', end)
  try {
    return await Promise.race([promise, over])
  } finally {
    deadline.removeEventListener('abort', end)
  }
}

function timedOut(): FetchError {
  return new FetchError('timed_out', 'The host did not answer in time.')
}

function failed(cause: unknown): FetchError {
  return new FetchError('connection_failed', 'The host cannot be reached over TLS.', { cause })
}
