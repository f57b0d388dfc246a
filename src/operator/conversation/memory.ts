import { limits } from '../../kernel/limits.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import { secretIn } from '../../kernel/secret-shapes.ts'
import {
  keepSummary,
  type ConversationRecord,
  type MessageRecord,
} from '../../store/conversations.ts'
import type { Database } from '../../store/database.ts'
import type { Meter, Model, Utterance } from '../model/model.ts'
import { cutToTokens, estimateTokens } from '../model/tokens.ts'
import { promptText } from './prompt.ts'

export interface MemoryContext {
  readonly db: Database
  readonly model: Model
  readonly log: { warn(detail: object, message: string): void }
}

export interface Past {
  readonly zone: ZoneId
  readonly conversation: ConversationRecord
  /** Messages after those that the kept summary is of, oldest first, up to the one to be answered. */
  readonly messages: readonly MessageRecord[]
  /** What is to be answered. */
  readonly said: string
}

/** What of a conversation goes to the model. */
export interface Remembered {
  /** What the messages before the history came to; empty where there were none. */
  readonly summary: string
  readonly history: readonly Utterance[]
}

interface Help {
  readonly meter: Meter
  readonly signal: AbortSignal
}

/** What the roles around a message cost. */
const tokensPerMessage = 8
/** The least that is said of each message when many are summarized, in tokens. */
const digestTokens = 60

/**
 * What is still known of a conversation: its newest messages within a bound of tokens, and a summary
 * of the others. What falls out of the window is summarized once, by the model where there is one
 * that can, otherwise as a digest; the summary is kept with the conversation. A summary that fails
 * fails no turn, and one that holds what looks like a secret is not kept.
 */
export async function remember(
  context: MemoryContext,
  { zone, conversation, messages, said }: Past,
  help: Help,
): Promise<Remembered> {
  const { summary: earlier } = conversation
  // A message that was never answered may be sent again when it has been summarized with others.
  if (messages.length === 0) return { summary: earlier, history: [{ role: 'person', text: said }] }
  const kept = windowOf(messages, estimateTokens(earlier))
  const forgotten = messages.slice(0, messages.length - kept.length)
  const last = forgotten.at(-1)
  if (last === undefined) return { summary: earlier, history: kept.map(utteranceOf) }
  const summary = await summaryOf(context, earlier, forgotten, help)
  await context.db.transaction(zone, (queries) =>
    keepSummary(queries, conversation, summary, last.position),
  )
  return { summary, history: kept.map(utteranceOf) }
}

/**
 * The newest messages that fit. When not all do, it is made half full, so that the next turns need
 * no new summary; it begins with the person, and holds what is to be answered in any case.
 */
function windowOf(messages: readonly MessageRecord[], taken: number): readonly MessageRecord[] {
  const all = messages.reduce((sum, message) => sum + tokensOf(message), taken)
  if (all <= limits.historyTokens && messages.length <= limits.historyMessages) return messages
  let tokens = 0
  const full = messages
    .toReversed()
    .findIndex(
      (message, age) =>
        (tokens += tokensOf(message)) > limits.historyTokens / 2 ||
        age >= limits.historyMessages / 2,
    )
  const window = messages.slice(messages.length - Math.max(full, 1))
  const begins = window.findIndex(({ role }) => role === 'person')
  return window.slice(Math.max(begins, 0))
}

function tokensOf({ text }: MessageRecord): number {
  return estimateTokens(text) + tokensPerMessage
}

function utteranceOf({ role, text }: MessageRecord): Utterance {
  return { role, text }
}

async function summaryOf(
  { model, log }: MemoryContext,
  earlier: string,
  forgotten: readonly MessageRecord[],
  { meter, signal }: Help,
): Promise<string> {
  if (model.summarize === undefined) return digestOf(earlier, forgotten)
  try {
    const summary = await model.summarize({
      system: promptText('summary', { words: String(limits.summaryTokens / 4) }),
      earlier,
      messages: forgotten.map(utteranceOf),
      maxTokens: limits.summaryTokens,
      meter,
      signal,
    })
    if (secretIn(summary) !== null) throw new Error('the summary holds what looks like a secret')
    return cutToTokens(summary, limits.summaryTokens)
  } catch (error) {
    signal.throwIfAborted()
    log.warn({ err: error }, 'a conversation was not summarized by the model')
    return digestOf(earlier, forgotten)
  }
}

/**
 * A summary that no model is needed for: what was said, each cut short, and which plans came of it.
 * Where that is too long, the beginning and the end are kept.
 */
export function digestOf(
  earlier: string,
  forgotten: readonly Pick<MessageRecord, 'role' | 'text' | 'plan_ids'>[],
): string {
  const head = earlier === '' ? [] : cutToTokens(earlier, limits.summaryTokens / 2).split('\n')
  const lines = [...head, ...forgotten.map(digestLine).filter(isClean)]
  const room = limits.summaryTokens
  const fits = (some: readonly string[]): boolean => estimateTokens(some.join('\n')) <= room
  if (fits(lines)) return lines.join('\n')
  const gap = '(…)'
  let kept = lines.slice(0, Math.max(head.length, 1))
  const end: string[] = []
  for (const line of lines.slice(kept.length).toReversed()) {
    if (!fits([...kept, gap, line, ...end])) break
    end.unshift(line)
  }
  kept = kept.concat(gap, end)
  return cutToTokens(kept.join('\n'), room)
}

function digestLine({
  role,
  text,
  plan_ids: plans,
}: Pick<MessageRecord, 'role' | 'text' | 'plan_ids'>): string {
  const line = cutToTokens(text.replace(/\s+/gu, ' ').trim(), digestTokens)
  const proposed = plans.length === 0 ? '' : ` (proposed ${plans.join(', ')})`
  return `${role}: ${line}${proposed}`
}

function isClean(line: string): boolean {
  return secretIn(line) === null
}
