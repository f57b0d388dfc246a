import { z } from 'zod'

/** What a message costs so far, as the provider counts it; what it has not said yet is estimated. */
export interface CallUsage {
  /** Input that was neither read from the provider's cache nor written to it. */
  inputTokens: number
  cacheWriteTokens: number
  cacheReadTokens: number
  outputTokens: number
}

export function nothingUsed(): CallUsage {
  return { inputTokens: 0, cacheWriteTokens: 0, cacheReadTokens: 0, outputTokens: 0 }
}

/** All input of a call, whatever it cost. */
export function inputOf(used: Omit<CallUsage, 'outputTokens'>): number {
  return used.inputTokens + used.cacheWriteTokens + used.cacheReadTokens
}

/** What counts against every bound: input that the provider had cached costs a tenth. */
export function spentOn(used: CallUsage): number {
  const cached = Math.ceil(used.cacheReadTokens / 10)
  return used.inputTokens + used.cacheWriteTokens + used.outputTokens + cached
}

export interface TextBlock {
  readonly type: 'text'
  readonly text: string
}

export interface ToolUse {
  readonly type: 'tool_use'
  readonly id: string
  readonly name: string
  /** Undefined where the model sent no JSON object. */
  readonly input: Readonly<Record<string, unknown>> | undefined
}

/** A message that has come whole. */
export interface WholeMessage {
  readonly content: readonly (TextBlock | ToolUse)[]
  readonly stopReason: string
}

/** What came is not a message of the Messages API, or not all of one. */
export class BrokenAnswer extends Error {}

/** The most that one message may hold, in characters: far above what `max_tokens` allows for. */
const messageChars = 400_000

/** What the provider has not counted yet is reckoned from what has come. */
const charsPerToken = 3

const count = z.number().int().min(0).nullish()
const usage = z.looseObject({
  input_tokens: count,
  output_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
})
const index = z.number().int().min(0)
const anyEvent = z.object({ type: z.string() })
const events = {
  message_start: z.object({ message: z.object({ usage: usage.nullish() }) }),
  content_block_start: z.object({
    index,
    content_block: z.looseObject({
      type: z.string(),
      text: z.string().optional(),
      id: z.string().max(200).optional(),
      name: z.string().max(200).optional(),
      input: z.unknown().optional(),
    }),
  }),
  content_block_delta: z.object({
    index,
    delta: z.looseObject({
      type: z.string(),
      text: z.string().optional(),
      partial_json: z.string().optional(),
    }),
  }),
  message_delta: z.object({
    delta: z.object({ stop_reason: z.string().nullish() }),
    usage: usage.nullish(),
  }),
}

interface Block {
  readonly type: string
  readonly id: string
  readonly name: string
  /** The input that came with the block's beginning, for a tool that takes none. */
  readonly given: unknown
  readonly pieces: string[]
}

interface Received {
  readonly blocks: Map<number, Block>
  begun: boolean
  stopReason: string | null
  chars: number
}

/**
 * Reads a streamed message to its end, telling its text as it comes and keeping `spent` up to date,
 * so that it says what a broken one has cost. Events of kinds that are not known are passed over
 * (Messages API, Streaming). Throws {@link BrokenAnswer} where the message does not come whole:
 * nothing of it may be used then.
 */
export async function wholeMessage(
  stream: AsyncIterable<unknown>,
  spent: CallUsage,
  hear: (text: string) => void,
): Promise<WholeMessage> {
  const received: Received = { blocks: new Map(), begun: false, stopReason: null, chars: 0 }
  for await (const event of stream) {
    take(received, event, spent, hear)
    if (received.chars > messageChars) throw new BrokenAnswer('the message has no end')
  }
  const { blocks, begun, stopReason } = received
  if (!begun) throw new BrokenAnswer('what came is no message')
  if (stopReason === null) throw new BrokenAnswer('the message broke off')
  const content = [...blocks.values()].flatMap(contentOf)
  const ids = content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []))
  if (new Set(ids).size < ids.length) throw new BrokenAnswer('two tool calls have one id')
  return { content, stopReason }
}

function take(
  received: Received,
  event: unknown,
  spent: CallUsage,
  hear: (text: string) => void,
): void {
  const { type } = parse(anyEvent, event)
  if (type === 'message_start') {
    received.begun = true
    noteUsage(spent, parse(events.message_start, event).message.usage)
  }
  if (type === 'content_block_start') {
    const { index: at, content_block: begun } = parse(events.content_block_start, event)
    const { id = '', name = '', text = '' } = begun
    const pieces = text === '' ? [] : [text]
    received.blocks.set(at, { type: begun.type, id, name, given: begun.input, pieces })
    received.chars += JSON.stringify(begun).length
    if (begun.type === 'text' && text !== '') hear(text)
  }
  if (type === 'content_block_delta') {
    const { index: at, delta } = parse(events.content_block_delta, event)
    const block = received.blocks.get(at)
    if (block === undefined) throw new BrokenAnswer('a piece of no block')
    const piece = delta.text ?? delta.partial_json ?? ''
    block.pieces.push(piece)
    received.chars += piece.length
    spent.outputTokens = Math.max(spent.outputTokens, Math.ceil(received.chars / charsPerToken))
    if (block.type === 'text' && piece !== '') hear(piece)
  }
  if (type === 'message_delta') {
    const { delta, usage: counted } = parse(events.message_delta, event)
    received.stopReason = delta.stop_reason ?? received.stopReason
    noteUsage(spent, counted)
  }
}

function parse<T>(schema: z.ZodType<T>, event: unknown): T {
  const parsed = schema.safeParse(event)
  if (parsed.success) return parsed.data
  throw new BrokenAnswer('an event is not of the Messages API')
}

/** Counts are totals of the message: a later one stands in the place of an earlier one. */
function noteUsage(spent: CallUsage, counted: z.output<typeof usage> | null | undefined): void {
  spent.inputTokens = counted?.input_tokens ?? spent.inputTokens
  spent.cacheWriteTokens = counted?.cache_creation_input_tokens ?? spent.cacheWriteTokens
  spent.cacheReadTokens = counted?.cache_read_input_tokens ?? spent.cacheReadTokens
  spent.outputTokens = counted?.output_tokens ?? spent.outputTokens
}

function contentOf({ type, id, name, given, pieces }: Block): readonly (TextBlock | ToolUse)[] {
  if (type === 'text') return [{ type, text: pieces.join('') }]
  if (type !== 'tool_use') return []
  if (id === '' || name === '') throw new BrokenAnswer('a tool call without a name')
  return [{ type, id, name, input: objectIn(pieces.join(''), given) }]
}

function objectIn(json: string, given: unknown): ToolUse['input'] {
  if (json === '') return isObject(given) ? given : undefined
  try {
    const value: unknown = JSON.parse(json)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
