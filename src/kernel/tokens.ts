import { createHash, randomBytes } from 'node:crypto'

/** A bearer secret with 256 bits of chance, such as `cat_...`, and the hash that is kept of it. */
export interface MintedSecret {
  readonly secret: string
  readonly hash: string
}

/**
 * Makes a secret. A plain SHA-256 is enough to keep: what has 256 random bits cannot be guessed, so
 * a slow hash would only slow down the service.
 */
export function mintSecret(prefix: 'cat' | 'cs'): MintedSecret {
  const secret = `${prefix}_${randomBytes(32).toString('base64url')}`
  return { secret, hash: hashSecret(secret) }
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
