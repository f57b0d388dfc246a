import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import type { Performed } from '../gate/perform.ts'
import { Fault, isFault } from '../kernel/faults.ts'
import type { MessageView } from '../operator/conversation/conversations.ts'
import { followRun, type Followed } from '../operator/conversation/runs-follow.ts'
import type { Streams } from './admin.ts'
import { errorBody, faultOf } from './errors.ts'
import { beginEventStream, lastSeen, untilGone, write } from './event-stream.ts'
import { traceIdOf } from './request-facts.ts'

/** How often a line goes out while a model thinks, so that no proxy closes the stream. */
const heartbeatMs = 15_000

/** What goes on after the door, by operation. */
export function conversationStreams(context: Context, closing: AbortSignal): Streams {
  return {
    'conversations.send': (request, reply, performed) =>
      streamRun(context, closing, request, reply, performed, 'answer'),
    'conversations.follow': (request, reply, performed) =>
      streamRun(context, closing, request, reply, performed, 'follow'),
  }
}

/**
 * Sends what the run of a message says as server-sent events: `accepted` with the message's id, then
 * by their sequences `stage`, `text`, `tool`, `plan` and `restart`, and at last `done` with the kept
 * reply, or `error`. The run does not end with the connection. Whoever sends the message takes the
 * run in hand where nobody has it; whoever follows it is told `answer_interrupted` then.
 */
async function streamRun(
  context: Context,
  closing: AbortSignal,
  request: FastifyRequest,
  reply: FastifyReply,
  performed: Performed,
  role: 'answer' | 'follow',
): Promise<void> {
  const message = performed.output as MessageView
  const raw = beginEventStream(reply)
  const signal = untilGone(raw, closing)
  raw.write(`event: accepted\ndata: ${JSON.stringify({ message_id: message.id })}\n\n`)
  const heartbeat = setInterval(() => raw.write(': thinking\n\n'), heartbeatMs)
  let since = lastSeen(request) ?? (performed.input.since as number | undefined) ?? null
  try {
    for (;;) {
      if (role === 'answer') await takeInHand(context, request, performed, message)
      for await (const followed of followRun(context, performed.home, message.id, since, signal)) {
        await write(raw, textOf(followed), signal)
        since = followed.sequence
        if (followed.event.type === 'done') return
      }
      signal.throwIfAborted()
      if (role === 'follow') throw interrupted()
    }
  } catch (error) {
    if (signal.aborted) return
    if (!isFault(error))
      request.log.error({ err: error, requestId: request.id }, 'an answer could not be streamed')
    raw.write(blockOf('error', errorBody(faultOf(error), request.id)))
  } finally {
    clearInterval(heartbeat)
    raw.end()
  }
}

async function takeInHand(
  context: Context,
  request: FastifyRequest,
  { home }: Performed,
  message: MessageView,
): Promise<void> {
  const { principal } = request
  if (principal === null) throw new Error('a streamed route without a principal')
  const [requestId, traceId] = [request.id, traceIdOf(request)]
  await context.runs.take({ zone: home, principal, message, requestId, traceId })
}

function interrupted(): Fault {
  return new Fault(
    'answer_interrupted',
    'Who was answering has gone: send the message again with its client_message_id.',
  )
}

function textOf({ sequence, event }: Followed): string {
  if (event.type === 'done') return `id: ${sequence}\n${blockOf('done', event.reply)}`
  const { type, ...data } = event
  return `id: ${sequence}\n${blockOf(type, data)}`
}

function blockOf(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
