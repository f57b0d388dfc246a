import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** A public ES256 key as a JWKS shows it (RFC 7517, RFC 7518 section 6.2). */
export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly alg: 'ES256'
  readonly use: 'sig'
  /** The key's RFC 7638 thumbprint. */
  readonly kid: string
}

export interface SigningKeyPair {
  readonly publicJwk: PublicJwk
  /** PKCS #8 in DER: what is sealed at rest. */
  readonly privateDer: Buffer
}

/** A fresh ES256 key pair. */
export function generateSigningKey(): SigningKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    publicJwk: publicJwkOf(publicKey),
    privateDer: privateKey.export({ type: 'pkcs8', format: 'der' }),
  }
}

export function openPrivateKey(privateDer: Buffer): KeyObject {
  return createPrivateKey({ key: privateDer, format: 'der', type: 'pkcs8' })
}

export function openPublicKey(jwk: PublicJwk): KeyObject {
  const { kty, crv, x, y } = jwk
  return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' })
}

function publicJwkOf(key: KeyObject): PublicJwk {
  const { x, y } = key.export({ format: 'jwk' })
  if (x === undefined || y === undefined) throw new TypeError('not an elliptic-curve key')
  // RFC 7638 section 3.2: the required members alone, in lexicographic order, without whitespace.
  const required = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y })
  const kid = createHash('sha256').update(required).digest('base64url')
  return { kty: 'EC', crv: 'P-256', x, y, alg: 'ES256', use: 'sig', kid }
}
