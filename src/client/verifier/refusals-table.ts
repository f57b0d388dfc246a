/** How a refusal is answered, and what it says. The words go into a header: no quotes in them. */
interface Refusal {
  readonly status: 401 | 403 | 503
  /** RFC 6750 section 3.1, RFC 9449 section 7.1; null: the request had no credentials at all. */
  readonly error: 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof' | null
  readonly message: string
}

function token(message: string): Refusal {
  return { status: 401, error: 'invalid_token', message }
}

function proof(message: string): Refusal {
  return { status: 401, error: 'invalid_dpop_proof', message }
}

/** The mandate may be good and cannot be judged: whoever sent it tries again, with the same one. */
function later(message: string): Refusal {
  return { status: 503, error: null, message }
}

/** Why a request is refused, in the order of the checks. */
export const refusals = {
  mandate_missing: {
    status: 401,
    error: null,
    message: 'Send a mandate as Authorization: Bearer.',
  },
  malformed: token('This is not a mandate.'),
  wrong_type: token('This is another kind of token; exchange it for a mandate.'),
  wrong_algorithm: token('Mandates are signed with ES256, without extensions.'),
  wrong_issuer: token('The mandate comes from another issuer.'),
  wrong_zone: token('The mandate belongs to another zone.'),
  unknown_key: token('The mandate is signed with a key that the issuer does not have.'),
  keys_unavailable: later('The keys of the issuer cannot be read.'),
  bad_signature: token('The signature of the mandate is wrong.'),
  issued_in_future: token('The mandate is from the future; check the clocks.'),
  expired: token('The mandate has expired; ask for another.'),
  wrong_audience: token('The mandate is for another resource.'),
  wrong_use: token('The mandate is for another use; exchange it for one for this resource.'),
  dpop_required: token('The mandate must come with a proof of its key, as Authorization: DPoP.'),
  dpop_not_bound: token('The mandate is bound to no key; send it as Authorization: Bearer.'),
  dpop_proof_missing: proof('Send one DPoP header with the request.'),
  dpop_proof_malformed: proof('The DPoP header is not a proof of the kind that RFC 9449 defines.'),
  dpop_proof_wrong_key: proof('The proof is made with another key than the mandate is bound to.'),
  dpop_proof_bad_signature: proof('The signature of the proof is wrong.'),
  dpop_proof_wrong_request: proof('The proof is for another method or address.'),
  dpop_proof_wrong_time: proof('The proof is too old, or from the future.'),
  dpop_proof_wrong_token: proof('The proof is for another mandate.'),
  dpop_proof_replayed: proof('The proof has been used before; make one for each request.'),
  dpop_proofs_exhausted: later('Too many proofs are remembered to tell whether this one is new.'),
  revocation_feed_stale: later('It is not known which mandates have been revoked meanwhile.'),
  revoked: token('The mandate has been revoked.'),
  insufficient_scope: {
    status: 403,
    error: 'insufficient_scope',
    message: 'The mandate does not have the scopes that this needs.',
  },
} as const satisfies Readonly<Record<string, Refusal>>

export type MandateRefusalCode = keyof typeof refusals

/** Of proofs: asymmetric ones alone (RFC 9449 section 4.3). */
export const proofAlgorithms: readonly string[] = [
  'ES256',
  'ES384',
  'EdDSA',
  'Ed25519',
  'PS256',
  'RS256',
]
