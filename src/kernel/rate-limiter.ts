import type { Clock } from './clock.ts'
import { Fault, isFault } from './faults.ts'

/** How often what may happen for one key in a minute, and what to say beyond it. */
interface RateRule {
  readonly perMinute: number
  readonly reason: string
  readonly message: string
}

/**
 * Every rate that is bounded. Ordinary work is far below the first two: they keep one caller from
 * taking all of the service. The others bound guessing, and what a flood of it writes to the log.
 */
export const rateRules = {
  requests_of_source: rule(1_200_000, 'source_requests', 'This address sends too much.'),
  requests_of_client: rule(600_000, 'client_requests', 'This client sends too much.'),
  failures_of_source: rule(1_000, 'source_failures', 'Too many clients failed from this address.'),
  failures_of_client: rule(100, 'client_failures', 'This client failed too often from there.'),
  admin_failures_of_source: rule(300, 'admin_failures', 'Too many bad tokens from this address.'),
  sign_in_requests_of_source: rule(1_200, 'sign_in_requests', 'Too many sign-ins from there.'),
  sign_in_failures_of_source: rule(300, 'sign_in_failures', 'Too many failed sign-ins from there.'),
  registrations_of_source: rule(120, 'registrations', 'Too many registrations from this address.'),
  cosignatures_of_source: rule(600, 'cosignatures', 'Too many cosignatures from this address.'),
} as const satisfies Readonly<Record<string, RateRule>>

export type RateName = keyof typeof rateRules

function rule(perMinute: number, reason: string, message: string): RateRule {
  return { perMinute, reason, message }
}

/** Counts by rule and key, in the memory of one replica: N of them allow N times as much. */
export interface RateLimiter {
  /** Counts one. A key of null is nobody's and counts nowhere. */
  count(name: RateName, key: string | null): void
  /** Throws `rate_limited` where the key has had its share of this minute. */
  refuseOver(name: RateName, key: string | null): void
}

const windowMs = 60_000
/** Keys of a rule that are counted; beyond it the one that came first is forgotten. */
const keysKept = 10_000

interface Count {
  taken: number
  isTold: boolean
}

/** The cause of a refusal whose window has its event already: a flood must not fill the log. */
const toldBefore = new Error('this refusal was recorded earlier in its window')

/** Whether a refusal has left its event already, as all but the first one of a window have. */
export function isToldBefore(error: unknown): boolean {
  return isFault(error) && error.cause === toldBefore
}

export function createRateLimiter(
  clock: Clock,
  perMinute: Partial<Readonly<Record<RateName, number>>> = {},
): RateLimiter {
  const counts = new Map<RateName, Map<string, Count>>()
  let window = 0

  function countsOf(name: RateName): Map<string, Count> {
    const current = Math.floor(clock.now() / windowMs)
    if (current !== window) counts.clear()
    window = current
    const known = counts.get(name) ?? new Map<string, Count>()
    counts.set(name, known)
    return known
  }

  return {
    count(name, key) {
      if (key === null) return
      const keys = countsOf(name)
      const seen = keys.get(key)
      if (seen !== undefined) seen.taken += 1
      else keys.set(key, { taken: 1, isTold: false })
      const [first] = keys.size > keysKept ? keys.keys() : []
      if (first !== undefined) keys.delete(first)
    },
    refuseOver(name, key) {
      const seen = key === null ? undefined : countsOf(name).get(key)
      if (seen === undefined || seen.taken < (perMinute[name] ?? rateRules[name].perMinute)) return
      const { reason, message } = rateRules[name]
      const retryAfter = Math.ceil(((window + 1) * windowMs - clock.now()) / 1_000)
      const cause = seen.isTold ? toldBefore : undefined
      seen.isTold = true
      throw new Fault('rate_limited', `${message} Come back in ${retryAfter} seconds.`, {
        details: { reason: `rate_limited_${reason}`, retry_after: retryAfter },
        cause,
      })
    },
  }
}

/** The seconds of a Retry-After header (RFC 9110 section 10.2.3); null where there is none. */
export function retryAfterOf(fault: Fault): string | null {
  const seconds = fault.details?.retry_after
  return fault.code === 'rate_limited' && typeof seconds === 'number' ? String(seconds) : null
}

/**
 * What a source is counted by: an IPv4 address, or the /64 that one customer has of IPv6, whose
 * addresses are as many as anybody likes.
 */
export function sourceKey(address: string | null): string | null {
  if (!address?.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0')
  return [...groups, ...zeros, ...after].slice(0, 4).join(':')
}
