import type { IncomingMessage, ServerResponse } from 'node:http'
import { MandateError } from './mandate-error.ts'
import type { MandateVerifier, RouteOptions } from './mandate-verifier.ts'
import { noteMandate } from './verified-requests.ts'

export { mandateOf } from './verified-requests.ts'

/** A request as Express and Connect have it; `originalUrl` is the path before any mount. */
type Incoming = IncomingMessage & { readonly originalUrl?: string }
type Middleware = (
  request: Incoming,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>

/** Middleware that lets a request through with its mandate, or answers with the refusal. */
export function requireMandate(verifier: MandateVerifier, route: RouteOptions = {}): Middleware {
  return async (request, response, next) => {
    const { method = '', url = '', originalUrl = url, headers } = request
    const { authorization, dpop } = headers
    try {
      const proof = typeof dpop === 'string' ? dpop : undefined
      const facts = { method, path: originalUrl, authorization, dpop: proof }
      noteMandate(request, await verifier.verify(facts, route))
    } catch (error) {
      if (!(error instanceof MandateError)) next(error)
      else {
        response.writeHead(error.status, { ...error.headers, 'content-type': 'application/json' })
        response.end(JSON.stringify(error.body))
      }
      return
    }
    next()
  }
}
