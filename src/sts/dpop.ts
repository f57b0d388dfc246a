import { hash } from 'node:crypto'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { useOnce } from '../store/used-once.ts'
import { diagnose } from './draft-event.ts'
import { verifyProof, type Proof, type ProofRefusal } from './dpop-proof.ts'
import { grantTypes } from './grant-types.ts'
import type { Issue } from './issue.ts'
import { tokenEndpointOf } from './issuer.ts'
import type { Exchange } from './parts.ts'

const messages: Readonly<Record<ProofRefusal, string>> = {
  dpop_proof_malformed: 'The DPoP header holds no JWT, or several.',
  dpop_proof_type: 'The typ of a DPoP proof is dpop+jwt.',
  dpop_proof_algorithm: 'The DPoP proof is signed with an algorithm that the zone does not take.',
  dpop_proof_key: 'The jwk of the DPoP proof is no public key that fits its alg.',
  dpop_proof_signature: 'The DPoP proof is not signed with the key that it names.',
  dpop_proof_claims: 'A DPoP proof needs htm, htu, iat and a jti.',
  dpop_proof_method: 'The htm of the DPoP proof is not the method of this request.',
  dpop_proof_url: 'The htu of the DPoP proof is not this token endpoint.',
  dpop_proof_in_future: 'The DPoP proof was made in the future: set the clock right.',
  dpop_proof_expired: 'The DPoP proof is too old: make one for every request.',
  dpop_proof_token: 'The ath of the DPoP proof is not the hash of the token presented.',
}

/**
 * Binds what a grant has decided to issue to the key that the request proves (RFC 9449 section 5).
 * A mandate made from a bound one stays bound to the same key, and a client that is registered for
 * it gets none without a proof. Refuses `invalid_dpop_proof`, and `invalid_grant` where a refresh
 * token is bound to another key.
 */
export async function bindToProof(exchange: Exchange, issue: Issue): Promise<Issue> {
  const bound = issue.claims.cnf
  if (exchange.dpop === undefined) {
    if (bound !== undefined)
      refuseProof('dpop_proof_missing', 'What is presented is bound to a key: prove it with DPoP.')
    if (issue.dpopRequired)
      refuseProof('dpop_proof_missing', 'This client gets mandates with a DPoP proof alone.')
    return issue
  }
  const { jkt } = await proofOf(exchange, exchange.dpop)
  diagnose(exchange.event, { jkt })
  if (bound !== undefined && bound.jkt !== jkt) refuseOtherKey(exchange)
  return { ...issue, claims: { ...issue.claims, cnf: { jkt } } }
}

async function proofOf(exchange: Exchange, header: string): Promise<Proof> {
  const { parts, zone, named, nowMs, parameters } = exchange
  const base = parts.context.issuerBase()
  const verified = await verifyProof(header, {
    method: 'POST',
    urls: [zone, named].map((name) => tokenEndpointOf(base, name)),
    token: parameters.get('subject_token') ?? null,
    nowMs,
  })
  if (typeof verified === 'string') return refuseProof(verified, messages[verified])
  const { jkt, jti, endsAtMs } = verified
  const isFirst = await parts.context.db.transaction(zone, (queries) =>
    useOnce(queries, zone, {
      purpose: 'dpop_proof',
      // By its hash: RFC 9449 section 11.1 lets a jti be as long as it likes.
      value: `${jkt}:${hash('sha256', jti, 'base64url')}`,
      until: new Date(endsAtMs + limits.clockSkewSeconds * 1_000),
    }),
  )
  return isFirst
    ? verified
    : refuseProof('dpop_proof_replayed', 'The DPoP proof was used already: make one per request.')
}

/** Whoever has lost the key of a refresh token cannot do without a new sign-in. */
function refuseOtherKey({ parameters }: Exchange): never {
  const reason = 'dpop_key_mismatch'
  if (parameters.get('grant_type') === grantTypes.refreshToken)
    refuse('invalid_grant', 'The refresh token is bound to another key; sign in anew.', {
      details: { reason },
    })
  return refuseProof(reason, 'The DPoP proof is of another key than the subject token.')
}

function refuseProof(reason: string, message: string): never {
  return refuse('invalid_dpop_proof', message, { details: { reason } })
}
