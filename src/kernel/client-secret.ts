import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A client secret as its owner sees it once, and what is stored of it. */
export interface ClientSecret {
  readonly secret: string
  /** Hex SHA-256. */
  readonly hash: string
}

const secretBytes = 32

/**
 * A fresh client secret: `cs_` and 256 random bits in base64url. What cannot be guessed needs no
 * slow hash, which would only make the token endpoint easy to exhaust.
 */
export function newClientSecret(): ClientSecret {
  const secret = `cs_${randomBytes(secretBytes).toString('base64url')}`
  return { secret, hash: digest(secret).toString('hex') }
}

/** Whether a secret is the one that `hash` (hex SHA-256) was made from, in constant time. */
export function isClientSecret(secret: string, hash: string): boolean {
  const stored = Buffer.from(hash, 'hex')
  const given = digest(secret)
  return stored.length === given.length && timingSafeEqual(stored, given)
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
