import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { OutputOf } from '../../tools/catalogue.ts'
import type { Context } from '../context.ts'
import { perform } from '../gate/perform.ts'
import type { Fault } from '../kernel/faults.ts'
import { retryAfterOf, sourceKey } from '../kernel/rate-limiter.ts'
import { authenticateForDoor } from './authenticate.ts'
import { clientInformation, readMetadata, registrationOf } from './client-metadata.ts'
import { errorBody, faultOf } from './errors.ts'
import { recordEarly } from './record-early.ts'
import { sourceOf, traceIdOf } from './request-facts.ts'

/** Metadata with eight large keys has some 8 KB. */
const bodyBytes = 65_536

interface RegistrationRequest {
  Params: { zone_id: string }
  Body: unknown
}

/**
 * Dynamic client registration (RFC 7591) at the issuer of every zone that allows it. The initial
 * access token is an admin token that may write in the zone, and the registration itself is the
 * catalogue's, through the door: this is its other face.
 */
export function registrationRoutes(context: Context): (app: FastifyInstance) => Promise<void> {
  return (app) => {
    app.removeContentTypeParser('text/plain')
    app.setErrorHandler(async (error, request, reply) => {
      await recordEarly(context, request, error)
      return sendError(request, reply, faultOf(error))
    })
    app.post<RegistrationRequest>(
      '/zones/:zone_id/oauth2/register',
      {
        bodyLimit: bodyBytes,
        schema: { hide: true },
        config: { operation: 'applications.register' },
      },
      async (request, reply) => {
        const source = sourceKey(sourceOf(request))
        context.rates.refuseOver('registrations_of_source', source)
        context.rates.count('registrations_of_source', source)
        request.principal = await authenticateForDoor(context, request)
        const { principal } = request
        if (principal.kind === 'anonymous') throw principal.fault
        const metadata = readMetadata(request.body)
        request.atDoor = true
        const { output } = await perform(context, principal, {
          operation: 'applications.register',
          zone: request.params.zone_id,
          input: registrationOf(metadata),
          requestId: request.id,
          traceId: traceIdOf(request),
        })
        const made = output as OutputOf<'applications.register'>
        return reply.code(201).send(clientInformation(metadata, made))
      },
    )
    return Promise.resolve()
  }
}

/** What the door's refusals are called in RFC 7591 section 3.2.2 and RFC 6750 section 3.1. */
const errorNames: Readonly<Partial<Record<Fault['code'], readonly [string, number]>>> = {
  invalid_admin_token: ['invalid_token', 401],
  invalid_mandate: ['invalid_token', 401],
  admin_token_read_only: ['insufficient_scope', 403],
  admin_token_zone_mismatch: ['insufficient_scope', 403],
  control_scope_required: ['insufficient_scope', 403],
  mandate_zone_mismatch: ['insufficient_scope', 403],
  invalid_json: ['invalid_client_metadata', 400],
  invalid_body: ['invalid_client_metadata', 400],
  unsupported_media_type: ['invalid_client_metadata', 400],
  reserved_namespace: ['invalid_client_metadata', 400],
  dcr_disabled: ['access_denied', 403],
  not_ready: ['temporarily_unavailable', 503],
  internal: ['server_error', 500],
}

function sendError(request: FastifyRequest, reply: FastifyReply, fault: Fault): FastifyReply {
  const [error, status] = errorNames[fault.code] ?? [fault.code, fault.status]
  if (status >= 500) request.log.error({ err: fault, requestId: request.id }, fault.code)
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="caracal"')
  const retryAfter = retryAfterOf(fault)
  if (retryAfter !== null) void reply.header('retry-after', retryAfter)
  return reply
    .code(status)
    .header('pragma', 'no-cache')
    .send({ ...errorBody(fault, request.id), error, reason: fault.code })
}
