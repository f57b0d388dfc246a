import type { Mandate } from './mandate.ts'
import { MandateError } from './mandate-error.ts'
import type { MandateVerifier, RouteOptions } from './mandate-verifier.ts'
import { noteMandate } from './verified-requests.ts'

export { mandateOf } from './verified-requests.ts'

/** A handler as Next, Deno, Bun and service workers have it; Hono has the request in `c.req.raw`. */
type Handler<Rest extends unknown[]> = (
  request: Request,
  ...rest: Rest
) => Response | Promise<Response>

/** Puts the check before a handler: it is called with requests that are let through alone. */
export function requireMandate<Rest extends unknown[]>(
  verifier: MandateVerifier,
  route: RouteOptions,
  handler: Handler<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const answer = await verifyRequest(verifier, request, route)
    return answer instanceof Response ? answer : handler(request, ...rest)
  }
}

/** The mandate of a request, which `mandateOf` then gives too, or the answer that refuses it. */
export async function verifyRequest(
  verifier: MandateVerifier,
  request: Request,
  route: RouteOptions = {},
): Promise<Mandate | Response> {
  const { method, url, headers } = request
  const { pathname, search } = new URL(url)
  try {
    const facts = {
      method,
      path: `${pathname}${search}`,
      authorization: headers.get('authorization'),
      dpop: headers.get('dpop'),
    }
    const mandate = await verifier.verify(facts, route)
    noteMandate(request, mandate)
    return mandate
  } catch (error) {
    if (!(error instanceof MandateError)) throw error
    return Response.json(error.body, { status: error.status, headers: error.headers })
  }
}
