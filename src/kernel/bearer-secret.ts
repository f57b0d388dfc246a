import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A secret as its owner sees it once, and what is stored of it. */
export interface BearerSecret {
  readonly secret: string
  /** Hex SHA-256. */
  readonly hash: string
}

/** What each kind of secret begins with: so that a leaked one can be told and searched for. */
type SecretPrefix = 'cat' | 'cs' | 'ac' | 'rt'

const secretBytes = 32

/**
 * A fresh secret: `cat_` (admin token), `cs_` (client secret), `ac_` (authorization code) or `rt_`
 * (refresh token), and 256 random bits in base64url.
 * What cannot be guessed needs no slow hash, which would only make the service easy to exhaust.
 */
export function newSecret(prefix: SecretPrefix): BearerSecret {
  const secret = `${prefix}_${randomBytes(secretBytes).toString('base64url')}`
  return { secret, hash: hashOfSecret(secret) }
}

/** Hex SHA-256 of a secret: what it is stored and looked up by. */
export function hashOfSecret(secret: string): string {
  return digest(secret).toString('hex')
}

/** Whether a secret is the one that `hashed` was made from, in constant time. */
export function isSecret(secret: string, hashed: string): boolean {
  const stored = Buffer.from(hashed, 'hex')
  const given = digest(secret)
  return stored.length === given.length && timingSafeEqual(stored, given)
}

function digest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}
