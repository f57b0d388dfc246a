import type { z } from 'zod'
import type { message } from '../../tools/conversations.ts'
import type { plan } from '../../tools/plans.ts'
import type { AdminClient, StreamOptions } from './admin-client.ts'
import { CaracalError, errorOfAnswer } from './caracal-error.ts'
import type { ServerEvent } from './event-stream.ts'
import type { CallOptions } from './transport.ts'

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

/** How often a broken stream is taken up again: the same run goes on answering. */
const resumptions = 2

/**
 * Says something in a conversation and answers with the Operator's message when it is done. Events
 * are handed on as they come, each once. Throws {@link CaracalError}: the service's refusals, and
 * `stream_interrupted` where the answer broke off for good; the conversation then still holds it.
 */
export async function converse(
  client: AdminClient,
  zone: string,
  conversationId: string,
  text: string,
  options: ConverseOptions = {},
): Promise<Message> {
  const input = {
    conversation_id: conversationId,
    text,
    client_message_id: options.clientMessageId ?? crypto.randomUUID(),
  }
  const { signal } = options
  let lastEventId: string | null = null
  for (let attempt = 0; ; attempt += 1) {
    try {
      const callOptions: CallOptions & StreamOptions = {
        ...(signal === undefined ? {} : { signal }),
        lastEventId,
      }
      for await (const event of client.conversations.send(zone, input, callOptions)) {
        lastEventId = event.id ?? lastEventId
        const done = take(event, options.onEvent)
        if (done !== null) return done
      }
    } catch (error) {
      signal?.throwIfAborted()
      // Without ids in the stream, taking it up again would tell everything a second time.
      const resumable = lastEventId !== null && !isAnswered(error)
      if (attempt >= resumptions || !resumable) throw asInterruption(error)
      continue
    }
    if (attempt >= resumptions || lastEventId === null) throw asInterruption(undefined)
  }
}

/** Hands an event on; the message where the event ends the answer. */
function take({ event, data }: ServerEvent, onEvent: ConverseOptions['onEvent']): Message | null {
  if (event === 'error') throw errorOfAnswer(statusOf(data), data, null)
  if (event === 'done') return data as unknown as Message
  if (known.has(event)) onEvent?.({ ...data, type: event } as unknown as ConversationEvent)
  return null
}

/** Events of other types are of a later version and say nothing that this one must know. */
const known: ReadonlySet<string> = new Set(['stage', 'text', 'tool', 'plan'])

function statusOf(data: ServerEvent['data']): number {
  return typeof data.status === 'number' ? data.status : 0
}

/** Whether the service itself refused, so that asking again would be refused again. */
function isAnswered(error: unknown): boolean {
  return error instanceof CaracalError && error.code !== 'unreachable'
}

function asInterruption(cause: unknown): CaracalError {
  if (cause instanceof CaracalError) return cause
  const message = 'The answer broke off; read the conversation for what has become of it.'
  return new CaracalError({ status: 0, code: 'stream_interrupted', message, cause })
}
