import { CaracalError, errorOfAnswer } from './caracal-error.ts'

export interface ClientOptions {
  /** Base URL of the service, such as `http://127.0.0.1:8200`. */
  readonly apiUrl: string
  /** An admin token (`cat_...`) or a control mandate. */
  readonly adminToken: string
  /** How often a request that may be sent again is, after a failure of the network. */
  readonly retries?: number
  /** How long one answer may take; streams have no limit of their own. */
  readonly timeoutMs?: number
  /** What sends requests; the platform's `fetch` when absent. */
  readonly fetch?: typeof fetch
}

/** What one call may say beside its input. */
export interface CallOptions {
  /** Revision that the object must still have; otherwise the call is refused (412). */
  readonly ifMatch?: number | string
  /** A key that makes a POST the same act when it is sent again, for 24 hours. */
  readonly idempotencyKey?: string
  /** Preview the call instead of doing it: what it would change comes back. */
  readonly dryRun?: boolean
  /** Of a stream: the id of the last event seen, behind which it goes on. */
  readonly lastEventId?: string
  readonly signal?: AbortSignal
  /** Sent as `x-request-id`, for what stands between; the service gives every request its own. */
  readonly requestId?: string
}

export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Path below the base URL, beginning with a slash and already encoded. */
  readonly path: string
  readonly query: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>> | undefined
  /** True where sending it twice does no more than sending it once. */
  readonly repeatable: boolean
  readonly headers?: Readonly<Record<string, string>>
}

export interface Transport {
  /** The answer as JSON; `{}` for 204. Throws {@link CaracalError}. */
  json(request: WireRequest, options: CallOptions): Promise<unknown>
  /** The body of an answer that streams. Throws {@link CaracalError}. */
  stream(request: WireRequest, options: CallOptions): Promise<ReadableStream<Uint8Array>>
  /** The body of an answer that is a file. Throws {@link CaracalError}. */
  file(request: WireRequest, options: CallOptions): Promise<ReadableStream<Uint8Array>>
}

const retriesDefault = 2
const timeoutMsDefault = 60_000
const retryDelayMs = 100

/** Sends requests with the token of the caller to the one service it is meant for. */
export function createTransport(client: ClientOptions): Transport {
  const timeoutMs = client.timeoutMs ?? timeoutMsDefault
  return {
    async json(request, options) {
      const response = await send(client, request, options, () => AbortSignal.timeout(timeoutMs))
      return response.status === 204 ? {} : await bodyOf(response, options.signal)
    },
    async stream(request, options) {
      const response = await send(client, request, options, () => undefined)
      if (response.body === null || !isEventStream(response))
        throw new CaracalError({
          status: response.status,
          code: 'unexpected_answer',
          message: 'The answer was meant to be a stream of events and is none.',
          requestId: response.headers.get('x-request-id'),
        })
      return response.body
    },
    async file(request, options) {
      const response = await send(client, request, options, () => undefined)
      return response.body ?? new Blob([]).stream()
    },
  }
}

async function send(
  client: ClientOptions,
  request: WireRequest,
  options: CallOptions,
  deadline: () => AbortSignal | undefined,
): Promise<Response> {
  const retries = request.repeatable ? (client.retries ?? retriesDefault) : 0
  for (let attempt = 0; ; attempt += 1) {
    const limit = deadline()
    try {
      const response = await sendOnce(client, request, options, limit)
      if (response.ok) return response
      const requestId = response.headers.get('x-request-id')
      throw errorOfAnswer(response.status, await jsonOrNothing(response), requestId)
    } catch (error) {
      if (error instanceof CaracalError) throw error
      options.signal?.throwIfAborted()
      if (limit?.aborted === true) throw timeoutOf(client, error)
      if (attempt >= retries) throw unreachable(client, error)
    }
    await pause(retryDelayMs * 2 ** attempt, options.signal)
  }
}

async function sendOnce(
  client: ClientOptions,
  request: WireRequest,
  options: CallOptions,
  limit: AbortSignal | undefined,
): Promise<Response> {
  const signals = [options.signal, limit].filter((signal) => signal !== undefined)
  return (client.fetch ?? fetch)(urlOf(client.apiUrl, request, options), {
    method: request.method,
    headers: headersOf(client, request, options),
    body: request.body === undefined ? null : JSON.stringify(request.body),
    // The token is for this service alone, so no answer may send it elsewhere.
    redirect: 'error',
    signal: signals.length === 0 ? null : AbortSignal.any(signals),
  })
}

function urlOf(apiUrl: string, { path, query }: WireRequest, { dryRun }: CallOptions): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const one of [value].flat())
      if (one !== undefined && one !== null) search.append(name, textOf(one))
  if (dryRun === true) search.set('dry_run', 'true')
  const suffix = search.size === 0 ? '' : `?${search.toString()}`
  return `${apiUrl.replace(/\/+$/, '')}${path}${suffix}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function headersOf(
  client: ClientOptions,
  request: WireRequest,
  options: CallOptions,
): Record<string, string> {
  const { ifMatch, idempotencyKey, lastEventId, requestId } = options
  return {
    authorization: `Bearer ${client.adminToken}`,
    accept: 'application/json',
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(ifMatch === undefined ? {} : { 'if-match': etag(ifMatch) }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
    ...request.headers,
  }
}

/** A revision as an entity tag (RFC 9110 section 8.8.3); what is one already stays. */
function etag(revision: number | string): string {
  const text = String(revision)
  return /^(?:W\/)?"/.test(text) || text === '*' ? text : `"${text}"`
}

async function bodyOf(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  const requestId = response.headers.get('x-request-id')
  try {
    return await response.json()
  } catch (cause) {
    signal?.throwIfAborted()
    const message = 'The answer broke off or is not JSON; what was asked may have been done.'
    const { status } = response
    throw new CaracalError({ status, code: 'unexpected_answer', message, requestId, cause })
  }
}

async function jsonOrNothing(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}

function isEventStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/event-stream') === true
}

function unreachable({ apiUrl }: ClientOptions, cause: unknown): CaracalError {
  const message = `No answer from ${apiUrl}: ${reasonOf(cause)}.`
  return new CaracalError({ status: 0, code: 'unreachable', message, cause })
}

function timeoutOf({ apiUrl }: ClientOptions, cause: unknown): CaracalError {
  const message = `${apiUrl} took too long to answer.`
  return new CaracalError({ status: 0, code: 'timeout', message, cause })
}

/** What the network said: fetch hides it in the cause of its own error. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(inner instanceof Error)) return String(inner)
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : ''
  return inner.message === '' ? code : inner.message
}

function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, delayMs)
    signal?.addEventListener('abort', abort, { once: true })
  })
}
