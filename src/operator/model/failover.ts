import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../kernel/clock.ts'
import { isFault } from '../../kernel/faults.ts'
import type { Connection, Question } from './connection.ts'
import { nothingUsed, type CallUsage, type WholeMessage } from './message-stream.ts'
import { errorTypeOf, modelFault, retriesAfter, retryAfterMsOf } from './provider-errors-table.ts'

/** How an endpoint has been lately. */
export interface EndpointState {
  readonly model: string
  readonly host: string
  /** What the last failure was, where it is left alone because of it; null otherwise. */
  readonly failure: string | null
  /** Until when it is left alone, in milliseconds since the epoch. */
  readonly restsUntilMs: number | null
}

/** One call that has been answered. */
export interface Answered {
  readonly message: WholeMessage
  readonly used: CallUsage
  readonly model: string
}

export interface Asking {
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

/** The first pause before the same endpoint is asked again; the next is twice as long. */
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
      const pause = Math.max(retryAfterMsOf(error) || pauseMs * 2 ** attempt, 1)
      const mayRepeat = !isFault(error) && attempt < (retriesAfter(errorTypeOf(error)) ?? 0)
      if (!mayRepeat || pause > pauseMsMax) throw error
      await delay(pause, undefined, { signal: asking.signal })
    }
}

async function askOnce(
  connection: Connection,
  question: Question,
  { signal, hear, unsaid }: Asking,
): Promise<Answered> {
  const used = nothingUsed()
  const heard: string[] = []
  const listen = (text: string): void => {
    heard.push(text)
    hear(text)
  }
  try {
    const message = await connection.send(question, used, listen, signal)
    return { message, used, model: connection.model }
  } catch (error) {
    if (heard.length > 0) unsaid()
    throw error
  }
}
