import type Anthropic from '@anthropic-ai/sdk'
import type {
  BetaMessage,
  BetaMessageParam,
  BetaUsage,
} from '@anthropic-ai/sdk/resources/beta/messages'
import type { ToolError as SdkToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import type { BetaRunnableTool } from '@anthropic-ai/sdk/lib/tools/BetaRunnableTool'
import { proposingTools } from '../../../tools/mcp.ts'
import { isFault, refuse } from '../../kernel/faults.ts'
import { fenced } from './fence.ts'
import type { Model, ToolSpec, Turn, TurnResult, Utterance } from './model.ts'
import { errorTypeOf, modelFault } from './provider-errors-table.ts'

export interface AnthropicOptions {
  readonly apiKey: string
  /** Any endpoint that speaks the Messages API; null for the provider's own. */
  readonly baseUrl: string | null
  readonly model: string
  /** Calls to the model in one turn. */
  readonly maxCalls: number
  /** Tokens in one turn, cached input at a tenth: see {@link spentOn}. */
  readonly maxTokens: number
  /** Time for one turn with all its calls. */
  readonly timeoutMs?: number
}

const providerUrl = 'https://api.anthropic.com'
const turnTimeoutMs = 180_000
const callTimeoutMs = 90_000
/** Retries of one call, on transient errors alone. */
const retries = 2
const answerTokens = 8_192
/** What of the conversation goes to the model, in characters: some 10,000 tokens. */
const historyChars = 40_000

interface Connection {
  readonly client: Anthropic
  readonly ToolError: typeof SdkToolError
}

/**
 * Claude, or whatever speaks the Messages API at `baseUrl`: a loop in which the model calls the
 * turn's tools until it answers. Refuses `model_unavailable` when the provider fails and
 * `limit_reached` when a bound of the turn is met.
 */
export function anthropicModel(options: AnthropicOptions): Model {
  let connection: Promise<Connection> | undefined
  return {
    name: options.model,
    offline: false,
    async answer(turn) {
      connection ??= connect(options)
      return answer(await connection, options, turn)
    },
  }
}

/** The SDK is loaded at the first turn: it takes a tenth of a second and some memory. */
async function connect({ apiKey, baseUrl }: AnthropicOptions): Promise<Connection> {
  const [{ default: Client }, { ToolError }] = await Promise.all([
    import('@anthropic-ai/sdk'),
    import('@anthropic-ai/sdk/lib/tools/ToolError'),
  ])
  // Every setting is given, so that none is looked for in the environment or on the disk.
  const client = new Client({
    apiKey,
    authToken: null,
    baseURL: baseUrl ?? providerUrl,
    maxRetries: retries,
    timeout: callTimeoutMs,
    logLevel: 'off',
  })
  return { client, ToolError }
}

/** What a turn has come to, call by call. */
interface Progress {
  calls: number
  inputTokens: number
  outputTokens: number
  spent: number
  proposed: boolean
  /** What was said, a piece for every message that said something. */
  readonly said: string[]
  /** Ends the turn when a tool breaks, which is not the model's to know of. */
  readonly broken: AbortController
}

async function answer(
  connection: Connection,
  options: AnthropicOptions,
  turn: Turn,
): Promise<TurnResult> {
  const progress: Progress = {
    calls: 0,
    inputTokens: 0,
    outputTokens: 0,
    spent: 0,
    proposed: false,
    said: [],
    broken: new AbortController(),
  }
  const deadline = AbortSignal.timeout(options.timeoutMs ?? turnTimeoutMs)
  const signal = AbortSignal.any([turn.signal, deadline, progress.broken.signal])
  try {
    const last = await run(connection, options, turn, progress, signal)
    signal.throwIfAborted()
    return resultOf(last, progress)
  } catch (error) {
    turn.signal.throwIfAborted()
    progress.broken.signal.throwIfAborted()
    if (isFault(error)) throw error
    throw modelFault(deadline.aborted ? 'timeout_error' : errorTypeOf(error), error)
  }
}

/** The loop: every message of the model until one calls no more tools. */
async function run(
  { client, ToolError }: Connection,
  options: AnthropicOptions,
  turn: Turn,
  progress: Progress,
  signal: AbortSignal,
): Promise<BetaMessage | null> {
  const runner = client.beta.messages.toolRunner(
    {
      model: options.model,
      max_tokens: Math.min(answerTokens, options.maxTokens),
      max_iterations: options.maxCalls,
      system: [{ type: 'text', text: turn.system, cache_control: { type: 'ephemeral' } }],
      messages: messagesOf(turn.history),
      tools: turn.tools.map((tool) => runnable(tool, turn, progress, ToolError)),
      stream: true,
      // The whole history goes out with every call: gateways know nothing of message threads.
      thread: false,
    },
    { signal },
  )
  let last: BetaMessage | null = null
  for await (const stream of runner) {
    let separator = progress.said.length === 0 ? '' : '\n\n'
    stream.on('text', (text) => {
      turn.emit({ type: 'text', text: separator + text })
      separator = ''
    })
    last = await stream.finalMessage()
    note(last, progress)
    // Thrown before the loop goes on, so that the tools of this message are not run any more.
    if (last.stop_reason === 'tool_use') refuseBeyond(options, progress)
  }
  return last
}

function note(message: BetaMessage, progress: Progress): void {
  const { usage } = message
  const { cache_creation_input_tokens: created, cache_read_input_tokens: read } = usage
  progress.calls += 1
  progress.inputTokens += usage.input_tokens + (created ?? 0) + (read ?? 0)
  progress.outputTokens += usage.output_tokens
  progress.spent += spentOn(usage)
  const text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  if (text.trim() !== '') progress.said.push(text.trim())
}

/** What counts against a turn's bound: input that the provider had cached costs a tenth. */
export function spentOn(
  usage: Pick<
    BetaUsage,
    'input_tokens' | 'output_tokens' | 'cache_creation_input_tokens' | 'cache_read_input_tokens'
  >,
): number {
  const cached = Math.ceil((usage.cache_read_input_tokens ?? 0) / 10)
  return (
    usage.input_tokens + (usage.cache_creation_input_tokens ?? 0) + usage.output_tokens + cached
  )
}

function refuseBeyond({ maxCalls, maxTokens }: AnthropicOptions, progress: Progress): void {
  if (progress.calls >= maxCalls)
    refuse(
      'limit_reached',
      `This took more than ${maxCalls} calls to the model and was stopped: ask for less at once.`,
    )
  if (progress.spent >= maxTokens)
    refuse(
      'limit_reached',
      `This took more than ${maxTokens} tokens and was stopped: ask for less at once.`,
    )
}

/** Ways in which a message may end that are no answer (Messages API, stop_reason). */
const unfinished: Readonly<Record<string, () => never>> = {
  max_tokens: () =>
    refuse('limit_reached', 'The answer became too long and was cut off: ask for less at once.'),
  model_context_window_exceeded: () =>
    refuse('limit_reached', 'This conversation is too long for the model: open a new one.'),
  refusal: () =>
    refuse('model_unavailable', 'The model declined to answer this: put it in other words.', {
      details: { reason: 'refusal' },
    }),
}

function resultOf(last: BetaMessage | null, progress: Progress): TurnResult {
  unfinished[last?.stop_reason ?? '']?.()
  const { calls, inputTokens, outputTokens, proposed, said } = progress
  if (last === null || (said.length === 0 && !proposed)) throw modelFault('broken_answer')
  const text = said.join('\n\n')
  const asks = !proposed && /\?["”’)*_\s]*$/u.test(text)
  return {
    text,
    outcome: asks ? 'question' : 'done',
    usage: { calls, inputTokens, outputTokens },
  }
}

/** A tool of the turn as the SDK's runner wants it. Its schema is the server's own. */
function runnable(
  { name, description, inputSchema }: ToolSpec,
  turn: Turn,
  progress: Progress,
  ToolError: typeof SdkToolError,
): BetaRunnableTool<Readonly<Record<string, unknown>>> {
  return {
    type: 'custom',
    name,
    description,
    input_schema: { ...inputSchema, type: 'object' },
    parse: (given) => {
      if (typeof given === 'object' && given !== null && !Array.isArray(given))
        return given as Readonly<Record<string, unknown>>
      throw new ToolError(fenced(name, { code: 'invalid_body', message: 'Send a JSON object.' }))
    },
    run: async (args) => {
      const answer = await turn.call(name, args).catch((error: unknown) => {
        progress.broken.abort(error)
        throw error
      })
      if (!answer.ok) {
        const { code, message } = answer
        throw new ToolError(fenced(name, { code, message }))
      }
      if (proposingTools.includes(name)) progress.proposed = true
      return fenced(name, answer.value)
    },
  }
}

/** The newest part of the conversation that fits, beginning with the person. */
function messagesOf(history: readonly Utterance[]): BetaMessageParam[] {
  const spoken = history.filter(({ text }) => text.trim() !== '')
  let room = historyChars
  const kept = spoken.toReversed().filter(({ text }, age) => {
    room -= text.length
    return age === 0 || room >= 0
  })
  const messages = kept.toReversed()
  const first = messages.findIndex(({ role }) => role === 'person')
  return messages.slice(Math.max(first, 0)).map(({ role, text }, index, all) => ({
    role: role === 'person' ? 'user' : 'assistant',
    content: [
      {
        type: 'text',
        text,
        ...(index === all.length - 1 && { cache_control: { type: 'ephemeral' } }),
      },
    ],
  }))
}
