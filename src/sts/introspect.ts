import type { MandateClaims } from './claims.ts'
import { diagnose } from './draft-event.ts'
import { readFacts } from './facts.ts'
import { tokenTypeOf } from './issue.ts'
import { required } from './parameters.ts'
import type { EndpointRequest, Parts } from './parts.ts'
import { serve } from './serve.ts'

/** An answer of the introspection endpoint (RFC 7662 section 2.2). */
export type IntrospectAnswer =
  | { readonly active: false }
  | ({ readonly active: true; readonly token_type: 'Bearer' | 'DPoP' } & MandateClaims)

/**
 * The introspection endpoint (RFC 7662): any client of the zone may ask about the zone's mandates.
 * Whatever is no live mandate of it is inactive, and nothing more is said.
 */
export async function introspect(
  parts: Parts,
  request: EndpointRequest,
): Promise<IntrospectAnswer> {
  return serve<IntrospectAnswer>(parts, request, 'token.introspect', async (exchange) => {
    const token = required(exchange.parameters, 'token')
    await readFacts(exchange, null)
    const { claims, refusal } = await parts.mandates.verify(exchange.zone, token, {
      use: null,
      audience: null,
    })
    diagnose(exchange.event, { active: refusal === null, inactive_because: refusal })
    if (refusal !== null) return { answer: () => ({ active: false }) }
    exchange.event.mandateJti = claims.jti
    exchange.event.sessionId = claims.sid
    return { answer: () => ({ active: true, token_type: tokenTypeOf(claims), ...claims }) }
  })
}
