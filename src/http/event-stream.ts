import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Takes a reply over for server-sent events (WHATWG HTML, section 9.2). */
export function beginEventStream(reply: FastifyReply): ServerResponse {
  const { raw } = reply
  reply.hijack()
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
  })
  raw.on('error', () => undefined)
  return raw
}

/** Aborts when whoever listens has gone, or the service is ending. */
export function untilGone(raw: ServerResponse, closing: AbortSignal): AbortSignal {
  const gone = new AbortController()
  raw.on('close', () => {
    gone.abort()
  })
  return AbortSignal.any([gone.signal, closing])
}

/** The id of the last event seen; a stream that is taken up again still has its first query. */
export function lastSeen({ headers }: FastifyRequest): number | null {
  const given = headers['last-event-id']
  return typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : null
}

/** Writes as fast as the other side reads. */
export async function write(raw: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (!raw.write(text)) await once(raw, 'drain', { signal })
}
