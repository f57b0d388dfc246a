import { refuse } from '../kernel/faults.ts'
import type { Id, ZoneId } from '../kernel/ids.ts'
import type { MandateClaims } from './claims.ts'
import { controlAudience } from './issuer.ts'
import type { MandateRefusal } from './mandate-verifier.ts'
import type { Parts } from './parts.ts'

/** A control mandate that the gate may believe. */
export interface ControlMandate {
  readonly jti: Id<'mandate'>
  readonly clientId: Id<'application'>
  /** The person or automation on whose behalf the Operator acts. */
  readonly principalId: string
  readonly target: ZoneId | 'platform'
  readonly scopes: readonly string[]
  readonly plan: {
    readonly id: Id<'plan'>
    readonly digest: string
    readonly approvalIds: readonly string[]
  } | null
  readonly conversationId: Id<'conversation'> | null
  readonly requesterTokenId: Id<'adminToken'>
  readonly expiresAtMs: number
}

const messages: Readonly<Record<MandateRefusal, string>> = {
  malformed: 'The bearer token is no JWT.',
  wrong_type: 'The bearer token is no mandate.',
  wrong_algorithm: 'The bearer token is signed with an algorithm that mandates never use.',
  wrong_issuer: 'The mandate was issued by another issuer than the system zone.',
  unknown_key: 'The mandate is signed with a key that the system zone does not have.',
  bad_signature: 'The signature of the mandate is wrong.',
  issued_in_future: 'The mandate says that it was issued in the future.',
  expired: 'The mandate has expired; ask for a new one.',
  wrong_audience: 'The mandate is for another audience than this API.',
  wrong_use: 'The mandate is for another use than control.',
  revoked: 'The mandate was revoked, or the admin token behind it.',
}

/**
 * Believes a bearer token as a control mandate. Refuses `invalid_mandate` with the exact reason in
 * `details.reason`; that a plan mandate is used once is for the transaction that uses it.
 */
export async function verifyControl(parts: Parts, token: string): Promise<ControlMandate> {
  const { zone } = parts.context.system()
  const { claims, refusal } = await parts.mandates.verify(zone, token, {
    use: 'control',
    audience: controlAudience(parts.context.issuerBase()),
  })
  if (refusal !== null)
    refuse('invalid_mandate', messages[refusal], { details: { reason: refusal } })
  // This surface takes bearer tokens alone, and a bound one is none (RFC 9449 section 7.2).
  if (claims.cnf !== undefined)
    refuse('invalid_mandate', 'The mandate is bound to a key and presented without its proof.', {
      details: { reason: 'dpop_proof_missing' },
    })
  return controlMandateOf(claims)
}

function controlMandateOf(claims: MandateClaims): ControlMandate {
  const { plan, requester_token: requesterTokenId } = claims
  const [target] = claims.target
  if (target === undefined || requesterTokenId === undefined)
    throw new Error('a control mandate without a target or a requester was signed')
  return {
    jti: claims.jti,
    clientId: claims.client_id,
    principalId: claims.sub,
    target: target as ZoneId | 'platform',
    scopes: claims.scope === '' ? [] : claims.scope.split(' '),
    plan:
      plan === undefined ? null : { id: plan.id, digest: plan.digest, approvalIds: plan.approvals },
    conversationId: claims.conversation ?? null,
    requesterTokenId,
    expiresAtMs: claims.exp * 1_000,
  }
}
