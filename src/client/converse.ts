import type { z } from 'zod'
import type { message } from '../../tools/conversations.ts'
import type { plan } from '../../tools/plans.ts'
import type { AdminClient } from './admin-client.ts'
import { CaracalError, errorOfAnswer } from './caracal-error.ts'
import type { ServerEvent } from './event-stream.ts'

export type Message = z.output<typeof message>
export type Plan = z.output<typeof plan>

/**
 * What comes while the Operator works on an answer. After `restart` the answer is made anew, and
 * what came before it counts no more.
 */
export type ConversationEvent =
  | { readonly type: 'stage'; readonly stage: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool'; readonly name: string; readonly ok: boolean }
  | { readonly type: 'plan'; readonly plan: Plan }
  | { readonly type: 'restart' }

interface ListenOptions {
  readonly onEvent?: (event: ConversationEvent) => void
  readonly signal?: AbortSignal
}

export interface ConverseOptions extends ListenOptions {
  /** Sent again with the same value, the same run answers; made up when absent. */
  readonly clientMessageId?: string
}

export interface FollowOptions extends ListenOptions {
  /** Sequence of the last event seen; all of them come where it is 0. */
  readonly since?: number
}

/** How often a stream that brings nothing new is taken up again, and how long after it broke. */
const resumptions = 2
const resumptionDelayMs = 250

/** How far an answer has been heard. */
interface Heard {
  messageId: string | null
  /** Id of the last event. */
  last: string | null
  /** Whether nobody had the answer in hand any more, so that following it led nowhere. */
  interrupted: boolean
}

/**
 * Says something in a conversation and answers with the Operator's message when it is done. Events
 * are handed on as they come, each once: a stream that breaks is taken up again behind the last, and
 * where the process that was answering has died, the message is sent again under its own id and
 * another answers. Throws {@link CaracalError}: the service's refusals, and `stream_interrupted`
 * where the answer broke off for good.
 */
export async function converse(
  client: AdminClient,
  zone: string,
  conversationId: string,
  text: string,
  options: ConverseOptions = {},
): Promise<Message> {
  const clientMessageId = options.clientMessageId ?? crypto.randomUUID()
  const said = { conversation_id: conversationId, text, client_message_id: clientMessageId }
  const send = ({ last }: Heard): AsyncIterable<ServerEvent> =>
    client.conversations.send(zone, said, optionsOf(last, options))
  const follow = (messageId: string, last: string | null): AsyncIterable<ServerEvent> =>
    followFrom(client, zone, conversationId, messageId, last, options)
  return hear({ messageId: null, last: null, interrupted: false }, options, (heard) =>
    heard.messageId === null || heard.interrupted
      ? send(heard)
      : follow(heard.messageId, heard.last),
  )
}

/**
 * Follows the answer to a message that was sent before, behind an event of it, and answers with the
 * Operator's message when it is done. Throws {@link CaracalError}: `answer_interrupted` where the
 * process that was answering has died, so that the message must be sent again.
 */
export async function followAnswer(
  client: AdminClient,
  zone: string,
  conversationId: string,
  messageId: string,
  options: FollowOptions = {},
): Promise<Message> {
  const begin = options.since === undefined ? null : String(options.since)
  // As if it had been sent again already: that is left to whoever has its words.
  return hear({ messageId, last: begin, interrupted: true }, options, ({ last }) =>
    followFrom(client, zone, conversationId, messageId, last, options),
  )
}

function followFrom(
  client: AdminClient,
  zone: string,
  conversation_id: string,
  message_id: string,
  last: string | null,
  options: ListenOptions,
): AsyncIterable<ServerEvent> {
  const since = last === null ? {} : { since: Number(last) }
  const input = { conversation_id, message_id, ...since }
  return client.conversations.follow(zone, input, optionsOf(last, options))
}

function optionsOf(last: string | null, { signal }: ListenOptions) {
  return {
    ...(last === null ? {} : { lastEventId: last }),
    ...(signal === undefined ? {} : { signal }),
  }
}

/** Hears a run to its end over as many streams as it takes. */
async function hear(
  heard: Heard,
  { signal, onEvent }: ListenOptions,
  open: (heard: Heard) => AsyncIterable<ServerEvent>,
): Promise<Message> {
  for (let attempt = 0; ; attempt += 1) {
    const before = heard.last
    let failure: unknown
    try {
      for await (const event of open(heard)) {
        const done = take(heard, event, onEvent)
        if (done !== null) return done
      }
    } catch (error) {
      signal?.throwIfAborted()
      const code = error instanceof CaracalError ? error.code : ''
      if (code === 'answer_interrupted' && !heard.interrupted) heard.interrupted = true
      else if (error instanceof CaracalError && code !== 'unreachable') throw error
      failure = error
    }
    if (heard.last !== before) attempt = 0
    if (attempt >= resumptions) throw interrupted(failure)
    await new Promise((resolve) => setTimeout(resolve, resumptionDelayMs * 2 ** attempt))
  }
}

/** Notes an event and hands it on; the message where the event ends the answer. */
function take(
  heard: Heard,
  { event, data, id }: ServerEvent,
  onEvent: ListenOptions['onEvent'],
): Message | null {
  if (event === 'error') throw errorOfAnswer(statusOf(data), data, null)
  if (event === 'done') return data as unknown as Message
  if (event === 'accepted' && typeof data.message_id === 'string') heard.messageId = data.message_id
  if (id !== null && /^\d{1,15}$/.test(id)) {
    if (Number(id) <= Number(heard.last ?? 0)) return null
    heard.last = id
  }
  if (known.has(event)) onEvent?.({ ...data, type: event } as unknown as ConversationEvent)
  return null
}

/** Events of other types are of a later version and say nothing that this one must know. */
const known: ReadonlySet<string> = new Set(['stage', 'text', 'tool', 'plan', 'restart'])

function statusOf(data: ServerEvent['data']): number {
  return typeof data.status === 'number' ? data.status : 0
}

function interrupted(cause: unknown): CaracalError {
  if (cause instanceof CaracalError) return cause
  const message = 'The answer broke off; read the conversation for what has become of it.'
  return new CaracalError({ status: 0, code: 'stream_interrupted', message, cause })
}
