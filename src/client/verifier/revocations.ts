import { setTimeout as sleep } from 'node:timers/promises'
import { serverEvents, type ServerEvent } from '../event-stream.ts'

/** What an issuer has revoked, followed as it happens. */
export interface Revocations extends AsyncDisposable {
  /** Settles when the issuer has been asked once, whatever came of it. */
  readonly asked: Promise<unknown>
  /** Whether the issuer has said within the bound that there is nothing else. */
  isFresh(): boolean
  /** Whether one of the anchors (`jti:...`) is revoked, and was not released since. */
  hasAny(anchors: readonly string[]): boolean
}

export interface RevocationsOptions {
  readonly url: string
  readonly send: typeof fetch
  /** How long the last word of the issuer is believed. */
  readonly staleAfterMs: number
  readonly now: () => number
}

/** The issuer says something every two seconds; a stream that is silent for longer is dead. */
const silenceMs = 6_000
const snapshotTimeoutMs = 5_000
const firstPauseMs = 100
const longestPauseMs = 2_000
const sweepEveryMs = 60_000

/** What was heard does not lead on from what is known: everything is to be read again. */
class OutOfStepError extends Error {}

/**
 * Reads the snapshot, then follows the stream, and takes it up again behind the last number that it
 * has heard. Where the issuer gives no stream, the snapshots alone, each two seconds, do as well.
 */
export function followRevocations(options: RevocationsOptions): Revocations {
  const stop = new AbortController()
  const asked = Promise.withResolvers<null>()
  const revoked = revokedNames(options.now)
  let position: number | null = null
  let heardAtMs = -Infinity

  function heard(sequence: number): void {
    position = sequence
    heardAtMs = performance.now()
  }

  async function catchUp(): Promise<number> {
    const found = await readSnapshot(options, stop.signal)
    revoked.replace(found)
    heard(found.sequence)
    asked.resolve(null)
    return found.sequence
  }

  async function follow(after: number): Promise<void> {
    for await (const { event, data } of streamAfter(options, after, stop.signal)) {
      if (event === 'revocations') {
        const found = feedData(data)
        revoked.add(found)
        heard(found.sequence)
      } else if (event === 'heartbeat') {
        if (position === null || data.sequence !== position) throw new OutOfStepError()
        heard(position)
        revoked.sweep()
      }
    }
  }

  async function run(): Promise<void> {
    let pauseMs = firstPauseMs
    while (!stop.signal.aborted) {
      try {
        await follow(position ?? (await catchUp()))
        pauseMs = firstPauseMs
      } catch (error) {
        if (error instanceof OutOfStepError) position = null
        pauseMs = Math.min(2 * pauseMs, longestPauseMs)
      }
      asked.resolve(null)
      // Verifiers that lost the same replica do not come back all at once.
      const spreadMs = pauseMs * (0.5 + Math.random() / 2)
      await sleep(spreadMs, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }

  const running = run()
  return {
    asked: asked.promise,
    isFresh: () => performance.now() - heardAtMs <= options.staleAfterMs,
    hasAny: (anchors) => revoked.hasAny(anchors),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      heardAtMs = -Infinity
    },
  }
}

interface RevokedNames {
  replace(found: FeedData): void
  add(found: FeedData): void
  hasAny(anchors: readonly string[]): boolean
  /** Forgets what says nothing any more. */
  sweep(): void
}

function revokedNames(now: () => number): RevokedNames {
  /** With the Unix seconds from which on nothing that they concern is alive. */
  const names = new Map<string, number>()
  let sweptAtMs = performance.now()
  const add = (found: FeedData): void => {
    for (const { anchor, value, expires_at: until } of found.revocations)
      names.set(`${anchor}:${value}`, until)
  }
  return {
    add,
    replace(found) {
      names.clear()
      add(found)
    },
    hasAny(anchors) {
      if (names.size === 0) return false
      const nowMs = now()
      return anchors.some((anchor) => nowMs < (names.get(anchor) ?? 0) * 1_000)
    },
    sweep() {
      if (performance.now() - sweptAtMs < sweepEveryMs) return
      sweptAtMs = performance.now()
      for (const [name, until] of names) if (until * 1_000 < now()) names.delete(name)
    },
  }
}

async function readSnapshot(
  { url, send }: RevocationsOptions,
  stop: AbortSignal,
): Promise<FeedData> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(snapshotTimeoutMs)])
  const response = await send(url, { redirect: 'error', signal })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return feedData(await response.json())
}

/** The events of a stream; it ends where the issuer is silent for too long. */
async function* streamAfter(
  { url, send, staleAfterMs }: RevocationsOptions,
  after: number,
  stop: AbortSignal,
): AsyncGenerator<ServerEvent, void, undefined> {
  const ending = new AbortController()
  const end = (): void => {
    ending.abort()
  }
  const watch = setTimeout(end, Math.min(silenceMs, staleAfterMs))
  stop.addEventListener('abort', end)
  try {
    const { signal } = ending
    const response = await send(url, {
      headers: { accept: 'text/event-stream', 'last-event-id': String(after) },
      ...{ redirect: 'error', signal },
    })
    if (!response.ok || response.body === null) throw new OutOfStepError()
    // fetch holds its signal weakly once it has answered; a pipe ends with its signal for certain.
    for await (const event of serverEvents(
      response.body.pipeThrough(new TransformStream(), { signal }),
    )) {
      watch.refresh()
      yield event
    }
  } finally {
    clearTimeout(watch)
    stop.removeEventListener('abort', end)
    end()
  }
}

interface FeedData {
  readonly sequence: number
  readonly revocations: readonly {
    readonly anchor: string
    readonly value: string
    readonly expires_at: number
  }[]
}

/** What is no feed is not heard: the verifier then refuses, rather than believe in silence. */
function feedData(value: unknown): FeedData {
  const { sequence, revocations } = (value ?? {}) as Partial<FeedData>
  if (typeof sequence !== 'number' || !Array.isArray(revocations))
    throw new TypeError('the answer is no revocation feed')
  return { sequence, revocations }
}
