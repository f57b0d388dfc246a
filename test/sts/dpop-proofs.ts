import { randomUUID } from 'node:crypto'
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  SignJWT,
  type JWK,
  type JWTPayload,
} from 'jose'

/** A client's key that it proves the possession of. */
export interface ProofKey {
  readonly jkt: string
  readonly publicJwk: JWK
  readonly privateJwk: JWK
  /** A proof; `claims` and `header` replace what a right one says. */
  prove(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>
}

export async function proofKey(alg = 'ES256'): Promise<ProofKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(publicJwk),
    publicJwk,
    privateJwk: await exportJWK(privateKey),
    prove: (claims, header = {}) =>
      new SignJWT({ htm: 'POST', jti: randomUUID(), ...claims })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk: publicJwk, ...header })
        .sign(privateKey),
  }
}
