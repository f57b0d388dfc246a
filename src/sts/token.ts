import { refuse } from '../kernel/faults.ts'
import { bindToProof } from './dpop.ts'
import { noteMandate } from './draft-event.ts'
import { agentSession } from './grants/agent-session.ts'
import { authorizationCode } from './grants/authorization-code.ts'
import { clientCredentials } from './grants/client-credentials.ts'
import { delegated } from './grants/delegated.ts'
import { idTokenExchange } from './grants/id-token.ts'
import { planMandate } from './grants/plan-mandate.ts'
import { readMandate } from './grants/read-mandate.ts'
import { refreshToken } from './grants/refresh-token.ts'
import { tokenExchange } from './grants/token-exchange.ts'
import { grantTypes, tokenTypes } from './grant-types.ts'
import { tokenTypeOf, type Grant, type Issue } from './issue.ts'
import { signJws } from './jws.ts'
import { required, type Parameters } from './parameters.ts'
import type { EndpointRequest, Exchange, Parts } from './parts.ts'
import { useHolds } from './release.ts'
import { serve, type Settled } from './serve.ts'

/** A successful answer of the token endpoint (RFC 6749 section 5.1, RFC 8693 section 2.2.1). */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: 'Bearer' | 'DPoP'
  /** Seconds. */
  readonly expires_in: number
  /** Always told: without `scope` in the request it is the zone that chose. */
  readonly scope: string
  readonly issued_token_type?: string
  readonly refresh_token?: string
}

/** What is no exchange, by `grant_type`. */
const grants: ReadonlyMap<string, Grant> = new Map([
  [grantTypes.clientCredentials, clientCredentials],
  [grantTypes.authorizationCode, authorizationCode],
  [grantTypes.refreshToken, refreshToken],
])

/** What can be exchanged, by `subject_token_type`. */
const exchanges: ReadonlyMap<string, Grant> = new Map([
  [tokenTypes.accessToken, tokenExchange],
  [tokenTypes.jwt, tokenExchange],
  [tokenTypes.idToken, idTokenExchange],
  [tokenTypes.agentSession, agentSession],
  [tokenTypes.delegation, delegated],
  [tokenTypes.conversation, readMandate],
  [tokenTypes.plan, planMandate],
])

/**
 * The token endpoint: find the grant, let it decide, record, sign, answer. The event is durable
 * before a token exists. Throws the fault to answer with.
 */
export async function issueToken(parts: Parts, request: EndpointRequest): Promise<TokenAnswer> {
  return serve(parts, request, 'token.request', async (exchange) => {
    const grant = grantOf(exchange.parameters)
    exchange.event.type = grant.event
    const issued = await bindToProof(exchange, await grant.run(exchange))
    const signer = await parts.signers.of(exchange.zone, issued.keyId)
    noteMandate(exchange.event, issued.claims)
    return {
      change: changeOf(exchange, issued),
      answer: () => answerOf(issued, signJws(signer, issued.claims)),
    }
  })
}

/** Absent where nothing but the event is written, which then shares its way with others. */
function changeOf(exchange: Exchange, issued: Issue): Settled<TokenAnswer>['change'] {
  const { holds = [], change, claims } = issued
  if (holds.length === 0 && change === undefined) return undefined
  return async (queries) => {
    if (holds.length > 0) await useHolds(queries, exchange, holds, claims.jti)
    await change?.(queries, claims)
  }
}

function grantOf(parameters: Parameters): Grant {
  const grantType = required(parameters, 'grant_type')
  const simple = grants.get(grantType)
  if (simple !== undefined) return simple
  if (grantType !== grantTypes.tokenExchange)
    refuse('unsupported_grant_type', 'This zone does not know that grant type.', {
      details: { reason: 'grant_type_unsupported' },
    })
  return (
    exchanges.get(required(parameters, 'subject_token_type')) ??
    refuse('invalid_request', 'This zone does not exchange that type of token.', {
      details: { reason: 'subject_token_type_unsupported' },
    })
  )
}

function answerOf({ claims, issuedTokenType, refreshToken }: Issue, token: string): TokenAnswer {
  return {
    access_token: token,
    token_type: tokenTypeOf(claims),
    expires_in: claims.exp - claims.iat,
    scope: claims.scope,
    ...(issuedTokenType === null ? {} : { issued_token_type: issuedTokenType }),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
  }
}
