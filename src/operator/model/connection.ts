import type Anthropic from '@anthropic-ai/sdk'
import type { MessageParam, Tool } from '@anthropic-ai/sdk/resources/messages'
import { wholeMessage, type CallUsage, type WholeMessage } from './message-stream.ts'

/** One place where a model answers over the Messages API. */
export interface Endpoint {
  readonly apiKey: string
  /** Null for the provider's own. */
  readonly baseUrl: string | null
  readonly model: string
}

/** What goes out with one call. */
export interface Question {
  readonly system: string
  readonly messages: MessageParam[]
  readonly tools: Tool[]
  readonly maxTokens: number
}

export interface Connection {
  readonly model: string
  /** Where it is, as people are told: host and port, without path or credentials. */
  readonly host: string
  /**
   * Asks once. Throws what the SDK throws, {@link Silence} when nothing comes for too long, and
   * `BrokenAnswer` where what came is no whole message. `used` says what it has cost so far.
   */
  send(
    question: Question,
    used: CallUsage,
    hear: (text: string) => void,
    signal: AbortSignal,
  ): Promise<WholeMessage>
}

/** Nothing has come from the endpoint for as long as anybody waits. */
export class Silence extends Error {}

const providerUrl = 'https://api.anthropic.com'
/** How long an endpoint may say nothing, before its first event and between two. */
const silenceMs = 60_000

export function connectionTo(endpoint: Endpoint, patienceMs = silenceMs): Connection {
  const baseUrl = endpoint.baseUrl ?? providerUrl
  let client: Promise<Anthropic> | undefined
  return {
    model: endpoint.model,
    host: new URL(baseUrl).host,
    async send(question, used, hear, signal) {
      client ??= connect(endpoint.apiKey, baseUrl)
      const messages = (await client).messages
      using silence = watchFor(patienceMs)
      const request = { ...bodyOf(question), model: endpoint.model, stream: true } as const
      const options = { signal: AbortSignal.any([signal, silence.signal]) }
      try {
        const stream = await messages.create(request, options)
        const message = await wholeMessage(silence.broken(stream), used, hear)
        signal.throwIfAborted()
        return message
      } catch (error) {
        signal.throwIfAborted()
        silence.signal.throwIfAborted()
        throw error
      }
    },
  }
}

/** The SDK is loaded at the first call: it takes a tenth of a second and some memory. */
async function connect(apiKey: string, baseURL: string): Promise<Anthropic> {
  const { default: Client } = await import('@anthropic-ai/sdk')
  // Every setting is given, so that none is looked for in the environment or on the disk.
  return new Client({ apiKey, authToken: null, baseURL, maxRetries: 0, logLevel: 'off' })
}

function bodyOf({ system, messages, tools, maxTokens }: Question) {
  return {
    max_tokens: maxTokens,
    system: [
      { type: 'text' as const, text: system, cache_control: { type: 'ephemeral' as const } },
    ],
    messages,
    ...(tools.length > 0 && { tools }),
  }
}

interface Watch extends Disposable {
  readonly signal: AbortSignal
  /** The same events; each of them ends a silence. */
  broken<T>(events: AsyncIterable<T>): AsyncIterable<T>
}

function watchFor(patienceMs: number): Watch {
  const controller = new AbortController()
  const timer = setTimeout(() => {
    controller.abort(new Silence('the endpoint says nothing'))
  }, patienceMs)
  return {
    signal: controller.signal,
    async *broken(events) {
      for await (const event of events) {
        timer.refresh()
        yield event
      }
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
    },
  }
}
