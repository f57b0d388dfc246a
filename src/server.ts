import { readFileSync } from 'node:fs'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { createJsonSchemaTransform } from 'fastify-type-provider-zod'
import type { Context } from './context.ts'
import { adminRoutes } from './http/admin.ts'
import { authorizeRoutes } from './http/authorize.ts'
import { answerConnection, answerUnroutable, safeHeaders } from './http/client-errors.ts'
import { consoleRoutes } from './http/console.ts'
import { auditLogRoutes } from './http/audit-log.ts'
import { auditStreams } from './http/audit-streams.ts'
import { conversationStreams } from './http/converse.ts'
import { errorBody, sendFault } from './http/errors.ts'
import { healthRoutes } from './http/health.ts'
import { oauthDocuments } from './http/oauth-documents-table.ts'
import { mcpRoutes } from './http/mcp.ts'
import { registrationRoutes } from './http/registration.ts'
import { tokenRoutes } from './http/token.ts'
import { endUnusedConnections } from './http/unused-connections.ts'
import { Fault } from './kernel/faults.ts'
import { newId } from './kernel/ids.ts'
import { limits } from './kernel/limits.ts'
import { packageFile } from './kernel/package-root.ts'

/** The HTTP service over a context: the visible list of its route groups. */
export async function createServer(context: Context): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = context.log
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => newId('request', context.clock.now()),
    trustProxy: [...context.config.trustedProxies],
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      connectionsCheckingInterval: limits.connectionCheckMs,
      // Node swaps the two where that of the headers is the longer, which it is by default.
      headersTimeout: limits.requestTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
    },
    routerOptions: { maxParamLength: limits.pathParamChars },
    // A body with these names is read as it is and refused at the door, with its event.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    frameworkErrors: answerUnroutable,
    clientErrorHandler: (error, socket) => {
      answerConnection(error, socket, newId('request', context.clock.now()))
    },
  })
  app.decorateRequest('principal', null)
  app.decorateRequest('atDoor', false)
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(safeHeaders).header('x-request-id', request.id)
    done()
  })
  app.setErrorHandler((error, request, reply) => sendFault(request, reply, error))
  app.setNotFoundHandler((request, reply) => {
    const fault = new Fault('route_not_found', 'There is no such route; /docs lists them all.')
    return reply.code(404).send(errorBody(fault, request.id))
  })
  endUnusedConnections(app)
  healthRoutes(app, context)
  await documentation(app)
  const closing = new AbortController()
  app.addHook('preClose', (done) => {
    closing.abort()
    done()
  })
  await app.register(async (group) => {
    const streams = {
      ...conversationStreams(context, closing.signal),
      ...auditStreams(context, closing.signal),
    }
    adminRoutes(group, context, streams)
  })
  await app.register(tokenRoutes(context.sts))
  await app.register(auditLogRoutes(context))
  await app.register(registrationRoutes(context))
  await app.register(authorizeRoutes(context.sts, () => context.issuerBase()))
  await app.register(mcpRoutes(context))
  await app.register(consoleRoutes())
  return app
}

const fromCatalogue = createJsonSchemaTransform({})

async function documentation(app: FastifyInstance): Promise<void> {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    version: string
  }
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Caracal Admin API',
        version,
        description: 'Short-lived, policy-approved authority for agents.',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An admin token, cat_...' },
        },
      },
    },
    transform: (route) => {
      const { method } = route.route
      const oauth = oauthDocuments[`${String(method)} ${route.url}`]
      return oauth === undefined ? fromCatalogue(route) : { schema: oauth, url: route.url }
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}
