import { newId, type Id, type ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { issuerOf } from './issuer.ts'

/** What a mandate may be used for; none stands in for another. */
export type MandateUse = 'session' | 'resource' | 'control'

/** Who acts (RFC 8693 section 4.1): the outermost one now, those inside before it. */
export interface Actor {
  readonly sub: string
  /** The application that runs it, where it is an agent session. */
  readonly client_id?: Id<'application'>
  readonly act?: Actor
}

/** The claims of a mandate (authority.md; RFC 9068 section 2.2). Times in seconds. */
export interface MandateClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly jti: Id<'mandate'>
  readonly zone_id: ZoneId
  readonly client_id: Id<'application'>
  /** Separated by spaces; empty in a session mandate. */
  readonly scope: string
  readonly sid: string
  readonly root_sid: string
  readonly use: MandateUse
  readonly sub_type: 'application' | 'user' | 'person' | 'automation'
  /** Ids of what it reaches: a resource, a zone, or `platform`. */
  readonly target: readonly string[]
  /** Who acts for the subject (RFC 8693 section 4.1). */
  readonly act?: Actor
  /** The key that its presenter has to prove (RFC 9449 section 6.1). */
  readonly cnf?: { readonly jkt: string }
  /** The agent session that acts. */
  readonly agent_session_id?: string
  /** The delegation that it rests upon, with those before it, the first one first. */
  readonly delegation_edge_id?: string
  readonly delegation_path?: readonly string[]
  /** The agent sessions that it has come through, from the one that first lent to the one acting. */
  readonly delegation_chain?: readonly string[]
  readonly hop_count?: number
  readonly plan?: {
    readonly id: Id<'plan'>
    readonly digest: string
    readonly approvals: readonly string[]
  }
  readonly conversation?: Id<'conversation'>
  /** The admin token under whose authority a control mandate stands. */
  readonly requester_token?: Id<'adminToken'>
}

/** What a grant decides about a mandate; the rest follows from where and when it is minted. */
export interface MandateTerms extends Omit<
  MandateClaims,
  'iss' | 'exp' | 'iat' | 'jti' | 'zone_id' | 'scope' | 'sid' | 'root_sid'
> {
  readonly scopes: readonly string[]
  /** The session it continues; absent: it begins one of its own. */
  readonly session?: { readonly sid: string; readonly rootSid: string }
  readonly lifetimeSeconds: number
  /** When what it rests upon ends, in Unix milliseconds: it never outlives that. */
  readonly endsAtMs: number
}

export function mandateClaims(
  base: string,
  zone: ZoneId,
  nowMs: number,
  terms: MandateTerms,
): MandateClaims {
  const { scopes, session, lifetimeSeconds, endsAtMs, ...own } = terms
  const iat = Math.floor(nowMs / 1_000)
  const lifetime = Math.min(lifetimeSeconds, limits.mandateTtlSeconds)
  const sid = session?.sid ?? newId('session', nowMs)
  return {
    ...own,
    iss: issuerOf(base, zone),
    iat,
    exp: Math.min(iat + lifetime, Math.floor(endsAtMs / 1_000)),
    jti: newId('mandate', nowMs),
    zone_id: zone,
    scope: scopes.join(' '),
    sid,
    root_sid: session?.rootSid ?? sid,
  }
}
