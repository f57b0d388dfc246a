import { hash } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose'
import { readJws, type UnverifiedJws } from './jws.ts'
import { proofAlgorithms, type MandateRefusalCode } from './refusals-table.ts'

/** What a proof has to prove: that this request, with this mandate, comes from the key's holder. */
export interface Proven {
  readonly proof: string
  readonly method: string
  /** The address of the request as its sender knows it. */
  readonly url: string
  readonly token: string
  /** The thumbprint in the mandate's `cnf`. */
  readonly thumbprint: string
}

export interface ProofCheck {
  /** Why the proof is refused; null: it holds, and is used up. */
  refusalOf(proven: Proven): Promise<MandateRefusalCode | null>
}

/** How old a proof may be: longer than a request takes, and no longer than jtis are remembered. */
const proofSeconds = 60
const jtiChars = 256
/** Some 3,000 proofs a second; beyond it a replay could not be told from a first use. */
const proofsRemembered = 200_000

/** Checks proofs of possession at a resource server (RFC 9449 sections 4.3 and 7.1). */
export function createProofCheck(now: () => number, skewSeconds: number): ProofCheck {
  /** Proofs by key and jti, with the Unix milliseconds until which they would be taken. */
  const used = new Map<string, number>()

  function useOnce(name: string, untilMs: number): MandateRefusalCode | null {
    for (const [oldest, endsAtMs] of used) {
      if (endsAtMs > now()) break
      used.delete(oldest)
    }
    if (used.has(name)) return 'dpop_proof_replayed'
    if (used.size >= proofsRemembered) return 'dpop_proofs_exhausted'
    used.set(name, untilMs)
    return null
  }

  return {
    async refusalOf(proven) {
      const signed = await signedClaims(proven)
      if (typeof signed === 'string') return signed
      const { jti, htm, htu, iat, ath } = signed
      if (typeof jti !== 'string' || jti.length > jtiChars || typeof iat !== 'number')
        return 'dpop_proof_malformed'
      if (htm !== proven.method || addressOf(htu) !== addressOf(proven.url))
        return 'dpop_proof_wrong_request'
      const ageMs = now() - iat * 1_000
      // The rest of its last second is part of it.
      if (ageMs >= (proofSeconds + 1) * 1_000 || -ageMs > skewSeconds * 1_000)
        return 'dpop_proof_wrong_time'
      if (ath !== hash('sha256', proven.token, 'base64url')) return 'dpop_proof_wrong_token'
      const endsAtMs = now() + (proofSeconds + 1 + skewSeconds) * 1_000
      return useOnce(hash('sha256', `${proven.thumbprint} ${jti}`, 'base64url'), endsAtMs)
    },
  }
}

interface ProofKey {
  readonly key: JWK
  readonly alg: string
}

/** The claims of a proof that the mandate's own key has signed. */
async function signedClaims({
  proof,
  thumbprint,
}: Proven): Promise<Readonly<Record<string, unknown>> | MandateRefusalCode> {
  const jws = readJws(proof)
  const header = jws && keyOf(jws.header)
  if (jws === null || header === null) return 'dpop_proof_malformed'
  const { key, alg } = header
  if ((await calculateJwkThumbprint(key).catch(() => null)) !== thumbprint)
    return 'dpop_proof_wrong_key'
  try {
    await compactVerify(proof, await importJWK(key, alg))
    return jws.claims
  } catch {
    return 'dpop_proof_bad_signature'
  }
}

function keyOf({ typ, alg, jwk, crit }: UnverifiedJws['header']): ProofKey | null {
  if (typ !== 'dpop+jwt' || typeof alg !== 'string' || !proofAlgorithms.includes(alg)) return null
  if (typeof jwk !== 'object' || jwk === null || crit !== undefined) return null
  return 'd' in jwk || 'k' in jwk ? null : { key: jwk, alg }
}

/** Without query and fragment, in one spelling (RFC 9449 section 4.3, points 9 and 10). */
function addressOf(url: unknown): string | null {
  if (typeof url !== 'string' || !URL.canParse(url)) return null
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
