import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { FetchError, type SafeFetch, type SafeRequest } from '../../kernel/safe-fetch.ts'
import type { SubjectIssuer } from '../../store/subject-issuers.ts'
import { createRecent } from '../recent.ts'

/** The public keys of subject issuers, as they publish them. */
export interface IssuerKeys {
  /** Throws {@link FetchError} where they cannot be had. */
  of(issuer: SubjectIssuer): Promise<JWTVerifyGetKey>
  /** The same after a token has named a key that is not among them: read anew, though not often. */
  anew(issuer: SubjectIssuer): Promise<JWTVerifyGetKey>
}

/** How long a reading serves, and how long one that has failed is not tried again. */
const freshMs = 600_000
const failedMs = 5_000
/** Between two readings that unknown keys ask for: made-up key ids cost the issuer no more. */
const anewEveryMs = 30_000
const issuersKept = 500

const document: SafeRequest = {
  contentTypes: ['application/json', 'application/jwk-set+json'],
  maxBytes: 262_144,
  timeoutMs: 5_000,
}

interface Reading {
  readonly keys: Promise<JWTVerifyGetKey>
  readonly readAtMs: number
  /** When an unknown key last asked for a reading. */
  readonly anewAtMs: number
  failed: boolean
}

/** `monotonicMs` is no clock: the age of a reading has nothing to do with the date. */
export function createIssuerKeys(
  fetch: SafeFetch,
  monotonicMs: () => number = () => performance.now(),
): IssuerKeys {
  const readings = createRecent<string, Reading>(issuersKept)

  function read(issuer: SubjectIssuer, anewAtMs: number): Promise<JWTVerifyGetKey> {
    const keys = keysOf(fetch, issuer)
    const reading = { keys, readAtMs: monotonicMs(), anewAtMs, failed: false }
    readings.set(nameOf(issuer), reading)
    keys.catch(() => {
      reading.failed = true
    })
    return keys
  }

  return {
    of(issuer) {
      const seen = readings.get(nameOf(issuer))
      const age = seen === undefined ? Infinity : monotonicMs() - seen.readAtMs
      const isFresh = age <= (seen?.failed === true ? failedMs : freshMs)
      return isFresh && seen !== undefined ? seen.keys : read(issuer, seen?.anewAtMs ?? -Infinity)
    },
    anew(issuer) {
      const seen = readings.get(nameOf(issuer))
      if (seen !== undefined && monotonicMs() - seen.anewAtMs <= anewEveryMs) return seen.keys
      return read(issuer, monotonicMs())
    },
  }
}

/** A change of the issuer's object makes another name, so it acts at once in every process. */
function nameOf({ id, revision }: SubjectIssuer): string {
  return `${id}:${revision}`
}

async function keysOf(fetch: SafeFetch, issuer: SubjectIssuer): Promise<JWTVerifyGetKey> {
  const url = issuer.jwks_url ?? (await discoveredJwksUrl(fetch, issuer.issuer))
  const keySet = await jsonFrom(fetch, url)
  try {
    return createLocalJWKSet(keySet as unknown as JSONWebKeySet)
  } catch (error) {
    throw malformed('The key set of the subject issuer is none.', error)
  }
}

/** OpenID Connect Discovery 1.0 section 4. */
function discoveryUrlOf(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

async function discoveredJwksUrl(fetch: SafeFetch, issuer: string): Promise<string> {
  const found = await jsonFrom(fetch, discoveryUrlOf(issuer))
  // Section 4.3: a document of another issuer is not believed.
  if (found.issuer !== issuer || typeof found.jwks_uri !== 'string')
    throw malformed('The discovery document is not that of the subject issuer.')
  return found.jwks_uri
}

async function jsonFrom(fetch: SafeFetch, url: string): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await fetch(url, document)
  if (status !== 200) throw malformed(`The subject issuer answers ${status}.`)
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (error) {
    throw malformed('The subject issuer does not answer with JSON.', error)
  }
  throw malformed('The subject issuer does not answer with an object.')
}

function malformed(message: string, cause?: unknown): FetchError {
  return new FetchError('answer_malformed', message, { cause })
}
