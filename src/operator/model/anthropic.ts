import type {
  MessageParam,
  TextBlockParam,
  ToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/messages'
import { proposingTools } from '../../../tools/mcp.ts'
import type { Clock } from '../../kernel/clock.ts'
import { refuse } from '../../kernel/faults.ts'
import { connectionTo, type Endpoint, type Question } from './connection.ts'
import { failover, type Answered, type Failover } from './failover.ts'
import { fenced } from './fence.ts'
import { inputOf, spentOn, type ToolUse, type WholeMessage } from './message-stream.ts'
import type { Model, ToolSpec, Turn, TurnResult } from './model.ts'
import { summarize } from './summarize.ts'
import { modelFault } from './provider-errors-table.ts'

export interface AnthropicOptions {
  /** In the order in which they are asked; at least one. */
  readonly endpoints: readonly Endpoint[]
  /** Calls to the model in one turn. */
  readonly maxCalls: number
  /** Tokens in one turn, cached input at a tenth: see `spentOn`. */
  readonly maxTokens: number
  readonly clock: Clock
  /** Time for one turn with all its calls. */
  readonly timeoutMs?: number
  /** How long an endpoint may say nothing. */
  readonly silenceMs?: number
}

const turnTimeoutMs = 180_000
const answerTokens = 8_192

/**
 * Claude, or whatever speaks the Messages API, at one endpoint or several: a loop in which the model
 * calls the turn's tools until it answers. Tools run only once a message has come whole, so a call
 * that fails midway is made anew, at the next endpoint where need be, and nothing runs twice. Refuses
 * `model_unavailable` when no endpoint answers and `limit_reached` when a bound of the turn is met.
 */
export function anthropicModel(options: AnthropicOptions): Model {
  const { endpoints, clock, silenceMs } = options
  const lines = failover(
    endpoints.map((endpoint) => connectionTo(endpoint, silenceMs)),
    clock,
  )
  return {
    name: endpoints[0]?.model ?? '',
    offline: false,
    endpoints: () => lines.states(),
    answer: (turn) => answer(lines, options, turn),
    summarize: (request) => summarize(lines, request),
  }
}

/** What a turn has come to, call by call. */
interface Progress {
  calls: number
  inputTokens: number
  outputTokens: number
  spent: number
  proposed: boolean
  model: string
  /** What was said, a piece for every message that said something. */
  readonly said: string[]
}

async function answer(lines: Failover, options: AnthropicOptions, turn: Turn): Promise<TurnResult> {
  const progress: Progress = {
    ...{ calls: 0, inputTokens: 0, outputTokens: 0, spent: 0, proposed: false, model: '' },
    said: [],
  }
  const deadline = AbortSignal.timeout(options.timeoutMs ?? turnTimeoutMs)
  const signal = AbortSignal.any([turn.signal, deadline])
  try {
    return resultOf(await run(lines, options, turn, progress, signal), progress)
  } catch (error) {
    turn.signal.throwIfAborted()
    throw deadline.aborted ? modelFault('timeout_error', error) : error
  }
}

/** The loop: every message of the model until one calls no more tools. */
async function run(
  lines: Failover,
  options: AnthropicOptions,
  turn: Turn,
  progress: Progress,
  signal: AbortSignal,
): Promise<WholeMessage> {
  const messages = messagesOf(turn)
  const question: Question = {
    system: turn.system,
    messages,
    tools: turn.tools.map(toolOf),
    maxTokens: Math.min(answerTokens, options.maxTokens),
  }
  for (;;) {
    const asking = { meter: turn.meter, purpose: 'answer', signal } as const
    const answered = await lines.ask(question, { ...asking, ...voiceOf(turn, progress) })
    note(answered, progress)
    const { message } = answered
    if (message.stopReason !== 'tool_use') return message
    refuseBeyond(options, progress)
    messages.push(said(message), await resultsOf(message, turn, progress, signal))
  }
}

/** Streams what one message says, apart from what the messages before it said. */
function voiceOf(turn: Turn, progress: Progress) {
  let separator = progress.said.length === 0 ? '' : '\n\n'
  return {
    hear(text: string) {
      turn.emit({ type: 'text', text: separator + text })
      separator = ''
    },
    unsaid() {
      turn.emit({ type: 'stage', stage: 'asking again' })
      separator = '\n\n'
    },
  }
}

function note({ message, used, model }: Answered, progress: Progress): void {
  progress.calls += 1
  progress.inputTokens += inputOf(used)
  progress.outputTokens += used.outputTokens
  progress.spent += spentOn(used)
  progress.model = model
  const text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  if (text.trim() !== '') progress.said.push(text.trim())
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

function resultOf(last: WholeMessage, progress: Progress): TurnResult {
  if (Object.hasOwn(unfinished, last.stopReason)) unfinished[last.stopReason]?.()
  const { calls, inputTokens, outputTokens, proposed, said: pieces, model } = progress
  if (pieces.length === 0 && !proposed) throw modelFault('broken_answer')
  const text = pieces.join('\n\n')
  const asks = !proposed && /\?["”’)*_\s]*$/u.test(text)
  return {
    text,
    outcome: asks ? 'question' : 'done',
    model,
    usage: { calls, inputTokens, outputTokens },
  }
}

function toolOf({ name, description, inputSchema }: ToolSpec): Question['tools'][number] {
  return { name, description, input_schema: { ...inputSchema, type: 'object' } }
}

/** The model's message as it is given back to whichever endpoint goes on. */
function said({ content }: WholeMessage): MessageParam {
  return {
    role: 'assistant',
    content: content
      .filter((block) => block.type === 'tool_use' || block.text !== '')
      .map((block) =>
        block.type === 'tool_use' ? { ...block, input: block.input ?? {} } : { ...block },
      ),
  }
}

/** Runs the tools of a whole message, one after another, in the model's order. */
async function resultsOf(
  { content }: WholeMessage,
  turn: Turn,
  progress: Progress,
  signal: AbortSignal,
): Promise<MessageParam> {
  const results: ToolResultBlockParam[] = []
  for (const block of content)
    if (block.type === 'tool_use') {
      signal.throwIfAborted()
      const { id } = block
      results.push({ type: 'tool_result', tool_use_id: id, ...(await use(block, turn, progress)) })
    }
  if (results.length === 0) throw modelFault('broken_answer')
  return { role: 'user', content: results }
}

/** What a tool answers a model that calls it: always data, and an error where it was refused. */
async function use(
  { name, input }: ToolUse,
  turn: Turn,
  progress: Progress,
): Promise<{ content: string; is_error?: true }> {
  if (!turn.tools.some((tool) => tool.name === name))
    return refusal('tools', 'unknown_operation', 'There is no such tool.')
  if (input === undefined)
    return refusal(name, 'invalid_body', 'The arguments were no JSON object: send one.')
  const answered = await turn.call(name, input)
  if (!answered.ok) return refusal(name, answered.code, answered.message)
  if (proposingTools.includes(name)) progress.proposed = true
  return { content: fenced(name, answered.value) }
}

function refusal(source: string, code: string, message: string) {
  return { content: fenced(source, { code, message }), is_error: true as const }
}

/** The conversation, beginning with the person, and with what was said before it as data. */
function messagesOf({ history, summary }: Turn): MessageParam[] {
  const spoken = history.filter(({ text }) => text.trim() !== '')
  const first = spoken.findIndex(({ role }) => role === 'person')
  const messages = spoken
    .slice(Math.max(first, 0))
    .map(
      ({ role, text }, index, all): { role: 'user' | 'assistant'; content: TextBlockParam[] } => ({
        role: role === 'person' ? 'user' : 'assistant',
        content: [
          {
            type: 'text',
            text,
            ...(index === all.length - 1 && { cache_control: { type: 'ephemeral' } }),
          },
        ],
      }),
    )
  if (summary !== '')
    messages[0]?.content.unshift({ type: 'text', text: fenced('earlier_messages', { summary }) })
  return messages
}
