import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  createMcpHandler,
  localhostAllowedHostnames,
  validateHostHeader,
  validateOriginHeader,
  type McpRequestContext,
} from '@modelcontextprotocol/server'
import type { Context } from '../context.ts'
import { perform } from '../gate/perform.ts'
import { anonymous, type Principal } from '../gate/principal.ts'
import { isFault, refuse, type Fault } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { isToldBefore } from '../kernel/rate-limiter.ts'
import { createMcpServer } from '../mcp/server.ts'
import { mcpTools } from '../mcp/tools.ts'
import { issuerOf } from '../sts/issuer.ts'
import { authenticate } from './authenticate.ts'
import { errorBody, sendFault } from './errors.ts'
import { traceIdOf } from './request-facts.ts'

interface ZonePath {
  Params: { zone?: string }
}

/** A request of the endpoint: who sends it, and for which zone. */
interface Caller {
  readonly principal: Principal
  readonly zone: ZoneId
  readonly requestId: string
  readonly traceId: string | undefined
}

/** The zone that the first start makes: where a credential for all zones lands when it names none. */
const firstZone = 'default'

const metadataPath = '/.well-known/oauth-protected-resource'

/**
 * The MCP endpoint (Streamable HTTP, stateless): `/mcp` is the zone of the credential, or the first
 * zone for one that reaches all; `/mcp/zones/:zone` names it by id or slug. It is an OAuth protected
 * resource (RFC 9728), and refuses what a web page elsewhere could make a browser send.
 */
export function mcpRoutes(context: Context): (app: FastifyInstance) => Promise<void> {
  return (app) => {
    const handler = createMcpHandler(
      (exchange) => createMcpServer({ context, ...serverOptions(callerOf(exchange)) }),
      {
        onerror: (error) => {
          context.log.debug({ err: error }, 'an MCP exchange was refused')
        },
      },
    )
    app.addHook('onClose', () => handler.close())
    readAnyBody(app)
    app.setErrorHandler(async (error, request, reply) => {
      const isLimited = isFault(error) && error.code === 'rate_limited'
      if (isLimited && !isToldBefore(error)) await record(context, request, error)
      if (!isFault(error) || error.status < 401 || error.status > 403)
        return sendFault(request, reply, error)
      await record(context, request, error)
      return challenge(context, request, reply, error)
    })
    for (const path of ['/mcp', '/mcp/zones/:zone']) {
      app.all<ZonePath>(path, { schema: { hide: true } }, async (request, reply) => {
        refuseForeign(context, request)
        const caller = await callerFrom(context, request)
        const response = await handler.fetch(webRequest(context, request, reply), {
          authInfo: { token: '', clientId: caller.principal.id, scopes: [], extra: { caller } },
        })
        return send(reply, response)
      })
      app.get<ZonePath>(metadataPath + path, { schema: { hide: true } }, async (request, reply) =>
        reply.send(await resourceMetadata(context, request.params.zone)),
      )
    }
    return Promise.resolve()
  }
}

/** The handler hands on what it was given; nothing else ever calls it. */
function callerOf({ authInfo }: McpRequestContext): Caller {
  return authInfo?.extra?.caller as Caller
}

function serverOptions({ principal, zone, requestId, traceId }: Caller) {
  return { principal, zone, traceId, requestId: () => requestId }
}

/** DNS rebinding: a page whose name was made to point here has that name as its host and origin. */
function refuseForeign(context: Context, { headers }: FastifyRequest): void {
  const own = [context.issuerBase(), `http://${context.config.host}`].map((url) => hostOf(url))
  const hosts = [...localhostAllowedHostnames(), ...own]
  const origin = typeof headers.origin === 'string' ? headers.origin : null
  if (validateHostHeader(headers.host, hosts).ok && validateOriginHeader(origin, hosts).ok) return
  refuse(
    'origin_not_allowed',
    'MCP is served to this host and its own pages alone; set CARACAL_PUBLIC_URL to its public name.',
  )
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}

async function callerFrom(context: Context, request: FastifyRequest<ZonePath>): Promise<Caller> {
  const principal = await authenticate(context, request)
  request.principal = principal
  return {
    principal,
    zone: await zoneFor(context, principal, request.params.zone),
    requestId: request.id,
    traceId: traceIdOf(request),
  }
}

/** The zone comes from the credential. A path may only choose among the zones that it reaches. */
async function zoneFor(
  context: Context,
  principal: Principal,
  named: string | undefined,
): Promise<ZoneId> {
  const bound = boundZone(principal)
  if (bound === null) return (await context.zoneIdOf(named ?? firstZone)) as ZoneId
  if (named === undefined || named === bound) return bound
  const found = await context.zoneIdOf(named).catch(() => null)
  if (found === bound) return bound
  refuse(
    principal.kind === 'control' ? 'mandate_zone_mismatch' : 'admin_token_zone_mismatch',
    'This credential belongs to another zone; leave the zone out of the URL.',
  )
}

function boundZone(principal: Principal): ZoneId | null {
  if (principal.kind === 'admin' || principal.kind === 'session') return principal.zone
  if (principal.kind !== 'control') return null
  return principal.target === 'platform' ? null : principal.target
}

/** Who is turned away at the endpoint leaves an event, as at every other. */
async function record(context: Context, request: FastifyRequest, fault: Fault): Promise<void> {
  await perform(context, request.principal ?? anonymous(fault), {
    operation: 'mcp',
    zone: (request.params as ZonePath['Params']).zone ?? null,
    input: {},
    requestId: request.id,
    traceId: traceIdOf(request),
    refusal: fault,
  }).catch(() => undefined)
}

/** RFC 9728 section 5.1; without a credential there is no error to name (RFC 6750 section 3.1). */
function challenge(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  fault: Fault,
): FastifyReply {
  const { zone } = request.params as ZonePath['Params']
  const metadata = `${context.issuerBase()}${metadataPath}${endpointPath(zone)}`
  const error = request.headers.authorization === undefined ? '' : 'error="invalid_token", '
  if (fault.status === 401)
    void reply.header('www-authenticate', `Bearer ${error}resource_metadata="${metadata}"`)
  return reply.code(fault.status).send(errorBody(fault, request.id))
}

function endpointPath(zone: string | undefined): string {
  return zone === undefined ? '/mcp' : `/mcp/zones/${encodeURIComponent(zone)}`
}

/** RFC 9728 section 2: the zone's own issuer is the one whose tokens are accepted. */
async function resourceMetadata(context: Context, named: string | undefined): Promise<object> {
  const zone = (await context.zoneIdOf(named ?? firstZone)) as ZoneId
  const base = context.issuerBase()
  return {
    resource: `${base}${endpointPath(named)}`,
    resource_name: 'Caracal MCP server',
    authorization_servers: [issuerOf(base, zone)],
    scopes_supported: toolScopes,
    bearer_methods_supported: ['header'],
    resource_documentation: `${base}/docs`,
  }
}

const toolScopes = [...new Set(mcpTools.map(({ operation }) => operation.scope))].sort()

/** The MCP handler answers for what a body says, so it is read as it is, within the bound. */
function readAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
}

function webRequest(context: Context, request: FastifyRequest, reply: FastifyReply): Request {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    gone.abort()
  })
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  // The credential has been read; nothing behind this needs to see it.
  headers.delete('authorization')
  const body = Buffer.isBuffer(request.body) ? new Uint8Array(request.body) : null
  return new Request(new URL(request.url, context.issuerBase()), {
    method: request.method,
    headers,
    ...(body !== null && request.method !== 'GET' && request.method !== 'HEAD' && { body }),
    signal: gone.signal,
  })
}

/** The headers that every answer of the service has stay; the handler adds its own. */
function send(reply: FastifyReply, response: Response): FastifyReply {
  response.headers.forEach((value, name) => void reply.header(name, value))
  return reply.code(response.status).send(response.body ?? undefined)
}
