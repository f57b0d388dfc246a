import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Fault, refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import type { FeedEvent } from '../sts/followed-zone.ts'
import type { ZoneFeed } from '../sts/revocation-feed.ts'
import type { Sts } from '../sts/sts.ts'
import { sourceOf } from './request-facts.ts'

interface FeedRequest {
  Params: { zone: string }
  Querystring: { after?: unknown }
}

/** How long a browser's EventSource waits before it takes a broken stream up again. */
const retryMs = 1_000

/**
 * The revocation feed of a zone (authority.md): as JSON everything that is revoked; as server-sent
 * events (WHATWG HTML, section 9.2) what is numbered above `Last-Event-ID` or `?after=`, at once and
 * as it comes, with heartbeats. It is as public as the JWKS beside it.
 */
export function revocationRoutes(app: FastifyInstance, sts: Sts): void {
  const streams = new Set<ServerResponse>()
  // A stream has no end of its own, and closing waits for every answer.
  app.addHook('preClose', (done) => {
    for (const stream of streams) stream.end()
    done()
  })
  app.get<FeedRequest>('/zones/:zone/revocations', async (request, reply) => {
    const feed = await sts.revocations(request.params.zone)
    if (feed === null) throw new Fault('zone_not_found', 'There is no such zone.')
    if (request.headers.accept?.includes('text/event-stream') === true)
      return stream(feed, request, reply, streams)
    return reply.header('cache-control', 'no-store').send(await feed.snapshot())
  })
}

async function stream(
  feed: ZoneFeed,
  request: FastifyRequest<FeedRequest>,
  reply: FastifyReply,
  streams: Set<ServerResponse>,
): Promise<void> {
  const { raw } = reply
  const waiting: FeedEvent[] = []
  let send = (event: FeedEvent): void => void waiting.push(event)
  // Refusals are answered as such: nothing is written before the feed has been read.
  const following = await feed.follow(afterOf(request), sourceOf(request), (event) => {
    send(event)
  })
  if (raw.destroyed) {
    following[Symbol.dispose]()
    return
  }
  reply.hijack()
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  streams.add(raw)
  raw.on('error', () => undefined)
  raw.on('close', () => {
    streams.delete(raw)
    following[Symbol.dispose]()
  })
  raw.write(`retry: ${retryMs}\n\n`)
  send = (event) => {
    if (raw.writableEnded || raw.destroyed) return
    raw.write(`id: ${event.sequence}\nevent: ${event.type}\ndata: ${event.data}\n\n`)
    // Whoever does not read takes the stream up again where it stopped.
    if (raw.writableLength > limits.feedBacklogBytes) raw.destroy()
  }
  for (const event of waiting) send(event)
}

/** The header wins: a stream that is taken up again still has the query of its first request. */
function afterOf({ headers, query }: FastifyRequest<FeedRequest>): number {
  const given = headers['last-event-id'] ?? query.after ?? '0'
  if (typeof given === 'string' && /^\d{1,15}$/.test(given)) return Number(given)
  return refuse('invalid_request', 'after and Last-Event-ID are numbers of the feed itself.', {
    details: { reason: 'feed_position_malformed' },
  })
}
