import type { onRequestAsyncHookHandler } from 'fastify'
import { MandateError } from './mandate-error.ts'
import type { MandateVerifier, RouteOptions } from './mandate-verifier.ts'
import { noteMandate } from './verified-requests.ts'

export { mandateOf } from './verified-requests.ts'

/** An `onRequest` hook, of a route or of all: the body is read for those alone who may send it. */
export function requireMandate(
  verifier: MandateVerifier,
  route: RouteOptions = {},
): onRequestAsyncHookHandler {
  return async (request, reply) => {
    const { method, originalUrl: path, headers } = request
    const { authorization, dpop } = headers
    try {
      const proof = typeof dpop === 'string' ? dpop : undefined
      const facts = { method, path, authorization, dpop: proof }
      noteMandate(request, await verifier.verify(facts, route))
    } catch (error) {
      if (!(error instanceof MandateError)) throw error
      return reply.code(error.status).headers(error.headers).send(error.body)
    }
  }
}
