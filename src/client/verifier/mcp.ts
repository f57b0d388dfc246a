import type { AuthInfo } from '@modelcontextprotocol/server'
import { verifyRequest } from './fetch.ts'
import type { Mandate } from './mandate.ts'
import type { MandateVerifier, RouteOptions } from './mandate-verifier.ts'

/**
 * A gate before an MCP server, of the shape of the SDK's `requireBearerAuth`: the authority that a
 * handler is given as `authInfo`, or the answer that refuses the request.
 */
export function requireMandate(
  verifier: MandateVerifier,
  route: RouteOptions = {},
): (request: Request) => Promise<AuthInfo | Response> {
  return async (request) => {
    const mandate = await verifyRequest(verifier, request, route)
    if (mandate instanceof Response) return mandate
    return {
      // What a tool does is its own server's act: the caller's mandate is not for passing on.
      token: '',
      clientId: mandate.clientId,
      scopes: [...mandate.scopes],
      expiresAt: mandate.claims.exp,
      ...(URL.canParse(verifier.audience) && { resource: new URL(verifier.audience) }),
      extra: { mandate },
    }
  }
}

/** The mandate behind the `authInfo` that a tool is called with; throws where there is none. */
export function mandateOf(authInfo: AuthInfo | undefined): Mandate {
  const mandate = authInfo?.extra?.mandate
  if (mandate === undefined) throw new TypeError('this call went through no requireMandate')
  return mandate as Mandate
}
