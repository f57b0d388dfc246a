import { describe, expect, test } from 'vitest'
import { isFault } from '../../src/kernel/faults.ts'
import {
  createRateLimiter,
  isToldBefore,
  rateRules,
  retryAfterOf,
  sourceKey,
} from '../../src/kernel/rate-limiter.ts'

const name = 'requests_of_client'

function limiterAt(startMs: number, perMinute: number) {
  let nowMs = startMs
  const limiter = createRateLimiter({ now: () => nowMs }, { [name]: perMinute })
  const refusal = (key: string | null): unknown => {
    try {
      limiter.refuseOver(name, key)
      return null
    } catch (error) {
      return error
    }
  }
  return { limiter, refusal, pass: (ms: number) => (nowMs += ms) }
}

describe('a rate', () => {
  test('is so many in a minute, and says when to come back', () => {
    const { limiter, refusal, pass } = limiterAt(10_000, 3)
    for (let taken = 0; taken < 3; taken += 1) {
      expect(refusal('a')).toBeNull()
      limiter.count(name, 'a')
    }
    const error = refusal('a')
    expect(error).toMatchObject({
      code: 'rate_limited',
      details: { reason: 'rate_limited_client_requests', retry_after: 50 },
    })
    expect(isFault(error) && retryAfterOf(error)).toBe('50')
    expect(refusal('b')).toBeNull()
    pass(50_000)
    expect(refusal('a')).toBeNull()
  })

  test('is told of once in its minute', () => {
    const { limiter, refusal, pass } = limiterAt(0, 1)
    limiter.count(name, 'a')
    expect([refusal('a'), refusal('a'), refusal('a')].map(isToldBefore)).toEqual([
      false,
      true,
      true,
    ])
    pass(60_000)
    limiter.count(name, 'a')
    expect(isToldBefore(refusal('a'))).toBe(false)
  })

  test('counts nobody where there is no key', () => {
    const { limiter, refusal } = limiterAt(0, 1)
    limiter.count(name, null)
    expect(refusal(null)).toBeNull()
  })

  test('keeps so many keys and no more, those that came last', () => {
    const { limiter, refusal } = limiterAt(0, 1)
    for (let n = 0; n < 10_050; n += 1) limiter.count(name, `key ${String(n)}`)
    expect(refusal('key 49')).toBeNull()
    expect(refusal('key 50')).not.toBeNull()
    expect(refusal('key 10049')).not.toBeNull()
  })

  test('lets ordinary work of several thousand a second through', () => {
    expect(rateRules.requests_of_client.perMinute / 60).toBeGreaterThanOrEqual(10_000)
    expect(rateRules.requests_of_source.perMinute / 60).toBeGreaterThanOrEqual(10_000)
  })
})

test.each([
  [null, null],
  ['203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
])('%s is counted as %s', (address, key) => {
  expect(sourceKey(address)).toBe(key)
})
