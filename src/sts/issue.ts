import type { TokenEventType } from '../audit/event-types.ts'
import type { Queries } from '../store/database.ts'
import type { Client } from './client.ts'
import { mandateClaims, type MandateClaims, type MandateTerms } from './claims.ts'
import { limits } from '../kernel/limits.ts'
import type { Allowed } from './decide-scopes.ts'
import type { Facts } from './facts.ts'
import { issuerOf } from './issuer.ts'
import type { Exchange } from './parts.ts'

/** A mandate that a grant has decided to issue. */
export interface Issue {
  readonly claims: MandateClaims
  /** The signing key that the same read has seen active. */
  readonly keyId: string | null
  /** RFC 8693 section 2.2.1; null outside of a token exchange. */
  readonly issuedTokenType: string | null
  /** Whether its client gets nothing without a DPoP proof. */
  readonly dpopRequired: boolean
  /** RFC 6749 section 5.1. */
  readonly refreshToken?: string
  /** What becomes true with it, in the transaction of its event; `claims` are those it is signed with. */
  readonly change?: (queries: Queries, claims: MandateClaims) => Promise<void>
  /** The approvals that it uses up. */
  readonly holds?: readonly string[]
}

/** One way to get a mandate: a checklist in a file of its own. */
export interface Grant {
  /** The type of its event. */
  readonly event: TokenEventType
  run(exchange: Exchange): Promise<Issue>
}

export function issue(
  exchange: Exchange,
  facts: Facts,
  terms: MandateTerms,
  issuedTokenType: string | null,
): Issue {
  const base = exchange.parts.context.issuerBase()
  const claims = mandateClaims(base, exchange.zone, exchange.nowMs, terms)
  const { keyId, client } = facts
  return { claims, keyId, issuedTokenType, dpopRequired: client.dpop_required }
}

/** A mandate for one resource, of the client itself or of the subject that it stands for. */
export function resourceTerms(
  client: Client,
  allowed: Allowed,
  subject?: MandateClaims,
): MandateTerms {
  const subjectEndsAtMs = subject === undefined ? Infinity : subject.exp * 1_000
  return {
    use: 'resource',
    sub: subject?.sub ?? client.id,
    sub_type: subject?.sub_type ?? 'application',
    client_id: client.id,
    aud: [allowed.resource.identifier],
    target: [allowed.resource.id],
    scopes: allowed.scopes,
    lifetimeSeconds: limits.mandateTtlSeconds,
    endsAtMs: Math.min(allowed.endsAtMs, subjectEndsAtMs),
    ...(subject === undefined ? {} : heldBy(subject)),
  }
}

/** What a mandate has of the session mandate that it is exchanged from. */
function heldBy(
  subject: MandateClaims,
): Pick<MandateTerms, 'session' | 'agent_session_id' | 'act' | 'cnf'> {
  const { sid, root_sid: rootSid, agent_session_id, act, cnf } = subject
  return {
    session: { sid, rootSid },
    ...(agent_session_id === undefined ? {} : { agent_session_id }),
    ...(act === undefined ? {} : { act }),
    ...(cnf === undefined ? {} : { cnf }),
  }
}

/** A session of the client itself: it opens nothing, and exchanges for mandates that do. */
export function sessionTerms(exchange: Exchange, client: Client): MandateTerms {
  return {
    use: 'session',
    sub: client.id,
    sub_type: 'application',
    client_id: client.id,
    aud: [issuerOf(exchange.parts.context.issuerBase(), exchange.zone)],
    target: [],
    scopes: [],
    lifetimeSeconds: limits.mandateTtlSeconds,
    endsAtMs: client.expires_at_ms ?? Infinity,
  }
}

/**
 * The key that a refresh token given with a mandate is bound to (RFC 9449 section 5): that of a
 * client which cannot prove who it is. The credentials of any other one bind it to the client.
 */
export function refreshTokenKey(client: Client, { cnf }: MandateClaims): string | null {
  return client.auth_method === 'none' ? (cnf?.jkt ?? null) : null
}

/** RFC 9449 section 5: who presents a bound mandate has to prove its key. */
export function tokenTypeOf({ cnf }: MandateClaims): 'Bearer' | 'DPoP' {
  return cnf === undefined ? 'Bearer' : 'DPoP'
}
