import { setTimeout as sleep } from 'node:timers/promises'
import { importJWK, type CryptoKey, type JWK } from 'jose'

/** The signing keys of an issuer. */
export interface IssuerKeys {
  /** Undefined: the issuer has no such key. Rejects where that cannot be known. */
  keyOf(kid: string): Promise<CryptoKey | undefined>
  /** Whether the issuer still has a key, as far as it is known here. */
  has(kid: string): boolean
}

/** A key id is a SHA-256 in base64url: whatever else is asked for costs nothing. */
const keyId = /^[A-Za-z0-9_-]{43}$/
/**
 * Between two readings that unknown key ids ask for: a mandate of a key made this moment waits for
 * the next one, and tokens that somebody makes up cost one reading together.
 */
const unknownKeyEveryMs = 1_000
/** Between two readings that nothing asks for: a retired key is forgotten within it. */
const readEveryMs = 300_000
const timeoutMs = 5_000

interface Reading {
  /** On the process's monotonic clock. */
  readonly beganAtMs: number
  readonly done: Promise<void>
}

export function createIssuerKeys(url: string, send: typeof fetch): IssuerKeys {
  let keys: ReadonlyMap<string, CryptoKey> = new Map()
  let last: Reading | null = null

  function readNow(): Promise<void> {
    const done = readKeys(url, send).then((read) => {
      keys = read
    })
    last = { beganAtMs: performance.now(), done }
    // Whoever waits is told; nobody may wait.
    done.catch(() => undefined)
    return done
  }

  /** What the issuer says after the question was asked, at a bounded rate. */
  async function readAfterNow(): Promise<void> {
    const askedAtMs = performance.now()
    const nextAtMs = last === null ? 0 : last.beganAtMs + unknownKeyEveryMs
    if (nextAtMs > askedAtMs) await sleep(nextAtMs - askedAtMs)
    return last !== null && last.beganAtMs >= askedAtMs ? last.done : readNow()
  }

  return {
    async keyOf(kid) {
      if (!keyId.test(kid)) return undefined
      if (last !== null && performance.now() - last.beganAtMs > readEveryMs) void readNow()
      if (!keys.has(kid)) await readAfterNow()
      return keys.get(kid)
    },
    has: (kid) => keys.has(kid),
  }
}

/** Reads a JWKS (RFC 7517 section 5): its ES256 keys, by their ids. */
async function readKeys(url: string, send: typeof fetch): Promise<ReadonlyMap<string, CryptoKey>> {
  const response = await send(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  const { keys } = (await response.json()) as { readonly keys: readonly JWK[] }
  const read = new Map<string, CryptoKey>()
  for (const { kid, kty, crv, x = '', y = '' } of keys)
    if (kid !== undefined && kty === 'EC' && crv === 'P-256')
      read.set(kid, (await importJWK({ kty, crv, x, y }, 'ES256')) as CryptoKey)
  return read
}
