import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../kernel/clock.ts'
import { isFault } from '../../kernel/faults.ts'
import type { Connection, Question } from './connection.ts'
import type { EndpointState, Meter } from './model.ts'
import { nothingUsed, type CallUsage, type WholeMessage } from './message-stream.ts'
import { estimateTokens } from './tokens.ts'
import { errorTypeOf, modelFault, retriesAfter, retryAfterMsOf } from './provider-errors-table.ts'

/** One call that has been answered. */
export interface Answered {
  readonly message: WholeMessage
  readonly used: CallUsage
  readonly model: string
}

export interface Asking {
  readonly meter: Meter
  readonly purpose: 'answer' | 'summary'
  readonly signal: AbortSignal
  readonly hear: (text: string) => void
  /** A call that had begun to speak has failed: what was heard of it counts for nothing. */
  readonly unsaid: () => void
}

export interface Failover {
  /** Refuses `model_unavailable` where no endpoint answers, or one refuses for good. */
  ask(question: Question, asking: Asking): Promise<Answered>
  states(): readonly EndpointState[]
}

/** The longest first pause before the same endpoint is asked again; the next is twice as long. */
const pauseMs = 500
/** A provider that asks for a longer pause than this is left alone instead. */
const pauseMsMax = 5_000
/** How long an endpoint is left alone after it has failed; every further failure doubles it. */
const restMs = 15_000
const restMsMax = 300_000

interface Line {
  readonly connection: Connection
  failures: number
  failure: string | null
  restsUntilMs: number
}

/**
 * Asks the endpoints in their order until one answers. The next one is asked after transient failures
 * alone (`retriesAfter`), with the very same question: a message that has not come whole has had no
 * effect, so nothing of it is done twice. An endpoint that has failed is left alone for a while, and
 * asked after all others meanwhile: resting never leaves nobody to ask.
 */
export function failover(connections: readonly Connection[], clock: Clock): Failover {
  const lines = connections.map((connection): Line => ({
    connection,
    failures: 0,
    failure: null,
    restsUntilMs: 0,
  }))
  return {
    async ask(question, asking) {
      let last: unknown
      for (const line of inOrder(lines, clock.now()))
        try {
          const answered = await askOne(line.connection, question, asking)
          Object.assign(line, { failures: 0, failure: null, restsUntilMs: 0 })
          return answered
        } catch (error) {
          asking.signal.throwIfAborted()
          if (isFault(error)) throw error
          const type = errorTypeOf(error)
          last = modelFault(type, error)
          if (retriesAfter(type) === null) throw last
          rest(line, type, clock.now(), retryAfterMsOf(error))
        }
      throw last
    },
    states: () =>
      lines.map(({ connection: { model, host }, failure, restsUntilMs }) =>
        restsUntilMs > clock.now()
          ? { model, host, failure, restsUntilMs }
          : { model, host, failure: null, restsUntilMs: null },
      ),
  }
}

/** Those that are well, as they were configured; then those that rest, the next to be well first. */
function inOrder(lines: readonly Line[], nowMs: number): readonly Line[] {
  const well = lines.filter(({ restsUntilMs }) => restsUntilMs <= nowMs)
  const resting = lines.filter(({ restsUntilMs }) => restsUntilMs > nowMs)
  return [...well, ...resting.sort((a, b) => a.restsUntilMs - b.restsUntilMs)]
}

function rest(line: Line, failure: string, nowMs: number, askedMs: number): void {
  const ms = Math.min(Math.max(restMs * 2 ** line.failures, askedMs), restMsMax)
  Object.assign(line, { failures: line.failures + 1, failure, restsUntilMs: nowMs + ms })
}

/** Asks one endpoint, again after a pause as often as the failure allows. */
async function askOne(
  connection: Connection,
  question: Question,
  asking: Asking,
): Promise<Answered> {
  for (let attempt = 0; ; attempt += 1)
    try {
      return await askOnce(connection, question, asking)
    } catch (error) {
      asking.signal.throwIfAborted()
      // Replicas that failed together do not ask again together.
      const own = pauseMs * 2 ** attempt * (1 - Math.random() / 4)
      const pause = Math.max(retryAfterMsOf(error) || own, 1)
      const mayRepeat = !isFault(error) && attempt < (retriesAfter(errorTypeOf(error)) ?? 0)
      if (!mayRepeat || pause > pauseMsMax) throw error
      await delay(pause, undefined, { signal: asking.signal })
    }
}

/** One call, which the meter lets through and notes whatever comes of it. */
async function askOnce(
  connection: Connection,
  question: Question,
  asking: Asking,
): Promise<Answered> {
  const { model, host } = connection
  const { purpose, signal } = asking
  const atMostTokens = atMostTokensOf(question)
  const call = await asking.meter.begin({ purpose, host, model, atMostTokens })
  const used = nothingUsed()
  const message = await listen(connection, question, used, asking).catch(async (error: unknown) => {
    const stopped = signal.aborted && !isTimeout(signal.reason)
    const reason = signal.aborted ? (stopped ? null : 'timeout_error') : errorTypeOf(error)
    await call.end({ state: stopped ? 'cancelled' : 'failed', reason, used })
    throw error
  })
  await call.end({ state: 'answered', reason: null, used })
  return { message, used, model }
}

async function listen(
  connection: Connection,
  question: Question,
  used: CallUsage,
  { signal, hear, unsaid }: Asking,
): Promise<WholeMessage> {
  const heard: string[] = []
  const note = (text: string): void => {
    heard.push(text)
    hear(text)
  }
  try {
    return await connection.send(question, used, note, signal)
  } catch (error) {
    if (heard.length > 0) unsaid()
    throw error
  }
}

function atMostTokensOf({ system, messages, tools, maxTokens }: Question): number {
  return estimateTokens(JSON.stringify([system, messages, tools])) + maxTokens
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError'
}
