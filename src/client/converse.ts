import type { z } from 'zod'
import type { message } from '../../tools/conversations.ts'
import type { plan } from '../../tools/plans.ts'
import type { AdminClient } from './admin-client.ts'
import { CaracalError, errorOfAnswer } from './caracal-error.ts'
import type { ServerEvent } from './event-stream.ts'

export type Message = z.output<typeof message>
export type Plan = z.output<typeof plan>

/** What comes while the Operator works on an answer. */
export type ConversationEvent =
  | { readonly type: 'stage'; readonly stage: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool'; readonly name: string; readonly ok: boolean }
  | { readonly type: 'plan'; readonly plan: Plan }

export interface ConverseOptions {
  readonly onEvent?: (event: ConversationEvent) => void
  readonly signal?: AbortSignal
  /** Sent again with the same value, the same run answers; made up when absent. */
  readonly clientMessageId?: string
}

/** How often a broken stream is taken up again, and how long after it broke. */
const resumptions = 2
const resumptionDelayMs = 250

/**
 * Says something in a conversation and answers with the Operator's message when it is done. Events
 * are handed on as they come. A stream that breaks is taken up again under the same message id; what
 * it then says again of its text is left out, for the message holds it whole. Throws
 * {@link CaracalError}: the service's refusals, and `stream_interrupted` where the answer broke off
 * for good.
 */
export async function converse(
  client: AdminClient,
  zone: string,
  conversationId: string,
  text: string,
  options: ConverseOptions = {},
): Promise<Message> {
  const { signal, onEvent } = options
  const input = {
    conversation_id: conversationId,
    text,
    client_message_id: options.clientMessageId ?? crypto.randomUUID(),
  }
  for (let attempt = 0; ; attempt += 1) {
    const hear = (event: ConversationEvent): void => {
      if (attempt === 0 || event.type !== 'text') onEvent?.(event)
    }
    let failure: unknown
    try {
      const done = await listen(client.conversations.send(zone, input, signal && { signal }), hear)
      if (done !== null) return done
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof CaracalError && error.code !== 'unreachable') throw error
      failure = error
    }
    if (attempt >= resumptions) throw interrupted(failure)
    await new Promise((resolve) => setTimeout(resolve, resumptionDelayMs * 2 ** attempt))
  }
}

/** The message that ends a stream; null where the stream ends without. */
async function listen(
  events: AsyncIterable<ServerEvent>,
  onEvent: (event: ConversationEvent) => void,
): Promise<Message | null> {
  for await (const event of events) {
    const done = take(event, onEvent)
    if (done !== null) return done
  }
  return null
}

/** Hands an event on; the message where the event ends the answer. */
function take(
  { event, data }: ServerEvent,
  onEvent: (event: ConversationEvent) => void,
): Message | null {
  if (event === 'error') throw errorOfAnswer(statusOf(data), data, null)
  if (event === 'done') return data as unknown as Message
  if (known.has(event)) onEvent({ ...data, type: event } as unknown as ConversationEvent)
  return null
}

/** Events of other types are of a later version and say nothing that this one must know. */
const known: ReadonlySet<string> = new Set(['stage', 'text', 'tool', 'plan'])

function statusOf(data: ServerEvent['data']): number {
  return typeof data.status === 'number' ? data.status : 0
}

function interrupted(cause: unknown): CaracalError {
  if (cause instanceof CaracalError) return cause
  const message = 'The answer broke off; read the conversation for what has become of it.'
  return new CaracalError({ status: 0, code: 'stream_interrupted', message, cause })
}
