import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TokenEventType } from '../audit/event-types.ts'
import { Fault, isFault } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { retryAfterOf } from '../kernel/rate-limiter.ts'
import type { EndpointRequest } from '../sts/parts.ts'
import type { Sts } from '../sts/sts.ts'
import { sourceOf, traceIdOf } from './request-facts.ts'
import { revocationRoutes } from './revocations.ts'

/** The largest request of any grant is two tokens and an assertion. */
const bodyBytes = 65_536
const formType = 'application/x-www-form-urlencoded'

export interface ZoneRequest {
  Params: { zone: string }
  Body: FormBody | undefined
}

/** A body that was read: the text of a form, or nothing of any other kind. */
interface FormBody {
  readonly form: string | null
}

/**
 * The OAuth endpoints of every zone (authority.md), as a Fastify plugin that has its own body
 * parser and errors: RFC 6749 section 5.2 knows no other shape.
 */
export function tokenRoutes(sts: Sts): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    readForms(app)
    answerErrors(app, sts)
    const post = (event: TokenEventType) => ({ bodyLimit: bodyBytes, config: { event } })
    app.post<ZoneRequest>('/zones/:zone/oauth2/token', post('token.request'), (request, reply) => {
      uncached(reply)
      return sts.token(endpointRequest(request))
    })
    app.post<ZoneRequest>(
      '/zones/:zone/oauth2/introspect',
      post('token.introspect'),
      (request, reply) => {
        uncached(reply)
        return sts.introspect(endpointRequest(request))
      },
    )
    app.post<ZoneRequest>(
      '/zones/:zone/oauth2/revoke',
      post('token.revoke'),
      async (request, reply) => {
        await sts.revoke(endpointRequest(request))
        return uncached(reply).send({})
      },
    )
    publicDocuments(app, sts)
    revocationRoutes(app, sts)
  }
}

/** What resource servers and clients fetch before they trust anybody. */
function publicDocuments(app: FastifyInstance, sts: Sts): void {
  app.get<ZoneRequest>('/zones/:zone/.well-known/jwks.json', async ({ params }, reply) =>
    document(reply, await sts.jwks(params.zone)),
  )
  app.get<{ Querystring: { zone_id?: unknown } }>(
    '/.well-known/jwks.json',
    async ({ query }, reply) =>
      document(reply, typeof query.zone_id === 'string' ? await sts.jwks(query.zone_id) : null),
  )
  app.get<ZoneRequest>(
    '/.well-known/oauth-authorization-server/zones/:zone',
    async ({ params }, reply) => document(reply, await sts.metadata(params.zone)),
  )
}

function document(reply: FastifyReply, found: object | null): FastifyReply {
  if (found === null) throw new Fault('zone_not_found', 'There is no such zone.')
  return reply.header('cache-control', `public, max-age=${limits.jwksMaxAgeSeconds}`).send(found)
}

/** Everything is read, and only a form is understood: what is refused leaves its event too. */
export function readForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(formType, { parseAs: 'string' }, (_request, body, done) => {
    done(null, { form: body } satisfies { form: string | Buffer })
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => {
    done(null, { form: null } satisfies FormBody)
  })
}

export function endpointRequest(request: FastifyRequest<ZoneRequest>): EndpointRequest {
  request.atDoor = true
  return {
    zone: request.params.zone,
    form: request.body?.form ?? null,
    authorization: request.headers.authorization,
    dpop: request.headers.dpop?.toString(),
    sourceIp: sourceOf(request),
    requestId: request.id,
    traceId: traceIdOf(request) ?? null,
  }
}

/** RFC 6749 section 5.1. */
function uncached(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store').header('pragma', 'no-cache')
}

function answerErrors(app: FastifyInstance, sts: Sts): void {
  app.setErrorHandler(async (error: unknown, request, reply) => {
    const fault = isFault(error) ? error : faultOf(error)
    await recordUnread(sts, request, fault)
    uncached(reply).status(fault.status)
    // RFC 6749 section 5.2: whoever has tried the header is told that the header is understood.
    if (fault.code === 'invalid_client' && request.headers.authorization !== undefined)
      reply.header('www-authenticate', 'Basic realm="caracal", charset="UTF-8"')
    if (fault.status === 503) reply.header('retry-after', '1')
    const retryAfter = retryAfterOf(fault)
    if (retryAfter !== null) reply.header('retry-after', retryAfter)
    return reply.send({
      ...fault.details,
      error: oauthCodes[fault.code] ?? fault.code,
      error_description: describable(fault.message),
      request_id: request.id,
    })
  })
}

/** What never came to an endpoint leaves its event all the same. */
export async function recordUnread(sts: Sts, request: FastifyRequest, fault: Fault): Promise<void> {
  const { event } = request.routeOptions.config
  if (request.atDoor || event === undefined) return
  const read = endpointRequest(request as FastifyRequest<ZoneRequest>)
  await sts.refusedUnread({ ...read, form: null }, event, fault).catch(() => undefined)
}

/** Codes of the service that have a name in OAuth (RFC 6749 section 4.1.2.1). */
const oauthCodes: Readonly<Partial<Record<Fault['code'], string>>> = {
  not_ready: 'temporarily_unavailable',
  internal: 'server_error',
}

/** Fastify's own refusals carry a status; what has none is not the caller's doing. */
export function faultOf(error: unknown): Fault {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (status === 413)
    return new Fault('payload_too_large', `A request has at most ${bodyBytes} bytes.`)
  if (typeof status === 'number' && status < 500)
    return new Fault('invalid_request', 'The request could not be read.', {
      details: { reason: 'request_malformed' },
    })
  return isUnreachable(error)
    ? new Fault('not_ready', 'The database cannot be reached; try again.', { cause: error })
    : new Fault('internal', 'The service failed; its log has the request id.', { cause: error })
}

/** PostgreSQL's classes 08, 53 and 57, what the socket says, and what `pg` says without a code. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code: unknown = 'code' in error ? error.code : undefined
  if (typeof code === 'string') return /^(?:08|53|57)|^E[A-Z]+$/.test(code)
  return /^Connection terminated|connection error/.test(error.message)
}

/** RFC 6749 section 5.2 keeps quotes, backslashes and everything beyond ASCII out of it. */
function describable(message: string): string {
  return message.replace(/[^\u0020-\u0021\u0023-\u005b\u005d-\u007e]/gu, "'")
}
