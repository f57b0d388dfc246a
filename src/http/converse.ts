import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import type { MessageView } from '../operator/conversations.ts'
import { answerMessage } from '../operator/turn.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Performed } from '../gate/perform.ts'
import type { Streams } from './admin.ts'
import { errorBody, faultOf } from './errors.ts'
import { traceIdOf } from './request-facts.ts'

/** How often a line goes out while a model thinks, so that no proxy closes the stream. */
const heartbeatMs = 15_000

/** What goes on after the door, by operation. */
export function conversationStreams(context: Context): Streams {
  return {
    'conversations.send': (request, reply, performed) =>
      converse(context, request, reply, performed),
  }
}

/**
 * Answers a message as server-sent events: `stage`, `text`, `tool`, `plan`, then `done` with the
 * kept reply, or `error`. When the person's connection ends, the turn is finished all the same, and
 * the same message sent again gets its reply.
 */
async function converse(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  performed: Performed,
): Promise<void> {
  const message = performed.output as MessageView
  const { principal } = request
  if (principal === null) throw new Error('a streamed route without a principal')
  reply.hijack()
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
  })
  let sequence = 0
  const emit = (type: string, data: unknown): void => {
    sequence += 1
    if (!reply.raw.writableEnded)
      reply.raw.write(`id: ${sequence}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  const heartbeat = setInterval(() => reply.raw.write(': thinking\n\n'), heartbeatMs)
  using turn = context.running.begin(message.conversation_id)
  try {
    const zone = await context.zoneIdOf((request.params as { zone_id: string }).zone_id)
    const answer = await context.running.once(message.id, () =>
      answerMessage(context.turns, {
        zone: zone as ZoneId,
        principal,
        message,
        requestId: request.id,
        traceId: traceIdOf(request),
        signal: turn.signal,
        emit: ({ type, ...data }) => {
          emit(type, data)
        },
      }),
    )
    emit('done', answer)
  } catch (error) {
    request.log.error({ err: error, requestId: request.id }, 'a turn failed')
    emit('error', errorBody(faultOf(error), request.id))
  } finally {
    clearInterval(heartbeat)
    reply.raw.end()
  }
}
