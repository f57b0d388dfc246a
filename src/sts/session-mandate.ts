import { refuse } from '../kernel/faults.ts'
import type { Id, ZoneId } from '../kernel/ids.ts'
import { issuerOf } from './issuer.ts'
import { readJws } from './jws.ts'
import type { MandateRefusal } from './mandate-verifier.ts'
import type { Parts } from './parts.ts'

/** A session mandate that the gate may believe. */
export interface SessionMandate {
  readonly jti: Id<'mandate'>
  readonly zone: ZoneId
  readonly clientId: Id<'application'>
  readonly sid: string
  readonly agentSessionId: string | null
  readonly subject: string
  readonly subType: 'application' | 'user'
  readonly expiresAtMs: number
}

/**
 * Believes a bearer token as a session mandate of the zone that it names, whose keys alone decide.
 * Refuses `invalid_mandate` with the exact reason in `details.reason`; null where the token does not
 * claim to be a session mandate.
 */
export async function verifySession(parts: Parts, token: string): Promise<SessionMandate | null> {
  const claimed = readJws(token)?.claims
  if (claimed?.['use'] !== 'session') return null
  const named = claimed['zone_id']
  const zone = typeof named === 'string' ? await parts.zones.find(named) : null
  if (zone === null || zone !== named) return refuseMandate('wrong_issuer')
  const { claims, refusal } = await parts.mandates.verify(zone, token, {
    use: 'session',
    audience: issuerOf(parts.context.issuerBase(), zone),
  })
  if (refusal !== null) return refuseMandate(refusal)
  const { sub_type: subType } = claims
  if (subType !== 'application' && subType !== 'user')
    throw new Error(`a session mandate of a ${subType} was signed`)
  return {
    jti: claims.jti,
    zone,
    clientId: claims.client_id,
    sid: claims.sid,
    agentSessionId: claims.agent_session_id ?? null,
    subject: claims.sub,
    subType,
    expiresAtMs: claims.exp * 1_000,
  }
}

function refuseMandate(reason: MandateRefusal): never {
  return refuse(
    'invalid_mandate',
    `The session mandate is not believed: ${reason.replaceAll('_', ' ')}. Ask for a new one.`,
    { details: { reason } },
  )
}
