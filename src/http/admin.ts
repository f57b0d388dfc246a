import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { catalogue, type OperationId } from '../../tools/catalogue.ts'
import { pathFields, type Operation } from '../../tools/operation.ts'
import type { Context } from '../context.ts'
import { perform, type Performed } from '../gate/perform.ts'
import { refuse } from '../kernel/faults.ts'
import { authenticateForDoor } from './authenticate.ts'
import { sendFault } from './errors.ts'
import { dryRunOf, readQuery } from './query.ts'
import { recordEarly, zoneIn } from './record-early.ts'
import { idempotencyKeyOf, ifMatchOf, traceIdOf } from './request-facts.ts'
import { routeSchema } from './route-schema.ts'

/** Goes on with an operation whose answer streams, once the door is through with it. */
export type Streams = Partial<
  Record<
    OperationId,
    (request: FastifyRequest, reply: FastifyReply, performed: Performed) => Promise<void>
  >
>

/** The Admin API: a route for every operation of the catalogue, and nothing else. */
export function adminRoutes(app: FastifyInstance, context: Context, streams: Streams): void {
  // The door parses and serializes by the catalogue; the schemas here are for the documentation.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  // Fastify reads plain text too by itself; whatever is not JSON is refused by its type.
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler(async (error, request, reply) => {
    await recordEarly(context, request, error)
    return sendFault(request, reply, error)
  })
  for (const operation of catalogue) {
    app.route({
      method: operation.route.method,
      url: operation.route.path,
      schema: routeSchema(operation),
      config: { operation: operation.id },
      handler: (request, reply) => answer(context, streams, operation, request, reply),
    })
  }
}

async function answer(
  context: Context,
  streams: Streams,
  operation: Operation,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const principal = await authenticateForDoor(context, request)
  request.principal = principal
  if (principal.kind === 'anonymous') throw principal.fault
  const call = readCall(operation, request)
  request.atDoor = true
  const performed = await perform(context, principal, {
    ...call,
    operation: operation.id,
    zone: zoneIn(request),
    requestId: request.id,
    traceId: traceIdOf(request),
  })
  if (performed.replayed) void reply.header('idempotency-replayed', 'true')
  const stream = streams[operation.id as OperationId]
  if (stream === undefined) return send(reply, operation, performed.output, call.dryRun)
  await stream(request, reply, performed)
  return reply
}

function send(
  reply: FastifyReply,
  operation: Operation,
  output: unknown,
  dryRun: boolean,
): FastifyReply {
  if (dryRun) return reply.code(200).send(output)
  const { status } = operation.route
  const revision = (output as { revision?: unknown } | null)?.revision
  if (typeof revision === 'number') void reply.header('etag', `"${revision}"`)
  return status === 204 ? reply.code(204).send() : reply.code(status).send(output)
}

/** What a request says, by the route's own shape: path, then query of a read or body of a write. */
function readCall(operation: Operation, request: FastifyRequest) {
  const { zone_id: _, ...path } = request.params as Record<string, string>
  const query = request.query as Record<string, unknown>
  const read = operation.route.method === 'GET'
  const given = read ? readQuery(operation.input, query) : bodyOf(request)
  const taken = pathFields(operation).find((field) => Object.hasOwn(given, field))
  if (taken !== undefined) refuse('invalid_body', `${taken} stands in the path already.`)
  return {
    input: { ...given, ...path },
    dryRun: !read && dryRunOf(query),
    ifMatch: read ? undefined : ifMatchOf(request),
    idempotencyKey: idempotencyKeyOf(request),
  }
}

function bodyOf(request: FastifyRequest): Record<string, unknown> {
  const { body } = request
  if (body === undefined || body === null) return {}
  if (typeof body === 'object' && !Array.isArray(body)) return body as Record<string, unknown>
  refuse('invalid_body', 'Send a JSON object.')
}
