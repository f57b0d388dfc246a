import type { FastifyReply, FastifyRequest } from 'fastify'
import { asFault } from '../gate/database-faults.ts'
import { Fault } from '../kernel/faults.ts'
import { retryAfterOf } from '../kernel/rate-limiter.ts'

/** What a refusal looks like on the wire (admin-api.md, Conventions). */
export interface ErrorBody {
  readonly error: string
  readonly error_description: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly request_id: string
}

/** Errors of Fastify itself, by their code. */
const ofFastify: Readonly<Record<string, readonly [Fault['code'], string]>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid_json', 'The body is not valid JSON.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_json', 'The body is empty; send a JSON object.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'The body is larger than this route takes.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send application/json.'],
  FST_ERR_BAD_URL: ['route_not_found', 'The path cannot be decoded.'],
  FST_ERR_MAX_PARAM_LENGTH: ['route_not_found', 'A part of the path is longer than any id.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_json', 'The body is not as long as it says.'],
}

/** The refusal that an error stands for; an unexpected one is `internal` and says nothing more. */
export function faultOf(error: unknown): Fault {
  const known = asFault(error)
  if (known !== null) return known
  if (error instanceof Error) {
    const { code, statusCode } = error as Error & { code?: string; statusCode?: number }
    const early = code === undefined ? undefined : ofFastify[code]
    if (early !== undefined) return new Fault(early[0], early[1], { cause: error })
    if (error instanceof SyntaxError || (statusCode !== undefined && statusCode < 500))
      return new Fault('invalid_json', 'The request cannot be read as HTTP and JSON.', {
        cause: error,
      })
  }
  return new Fault('internal', 'Something went wrong here; the log has it by the request id.', {
    cause: error,
  })
}

export function sendFault(
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): FastifyReply {
  const fault = faultOf(error)
  if (fault.status >= 500) request.log.error({ err: error, requestId: request.id }, fault.code)
  if (fault.status === 401) void reply.header('www-authenticate', 'Bearer realm="caracal"')
  const retryAfter = retryAfterOf(fault)
  if (retryAfter !== null) void reply.header('retry-after', retryAfter)
  return reply.code(fault.status).send(errorBody(fault, request.id))
}

export function errorBody(fault: Fault, requestId: string): ErrorBody {
  return {
    error: fault.code,
    error_description: fault.message,
    ...(fault.details !== undefined && { details: fault.details }),
    request_id: requestId,
  }
}
