import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, digestOf, sha256Hex } from '../../src/kernel/canonical.ts'

describe('the RFC 8785 form', () => {
  test.each<[unknown, string]>([
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    [
      { '\u20ac': 1, '\r': 2, '1': 3, '\ud83d\ude00': 4, '\ufb33': 5 },
      '{"\\r":2,"1":3,"€":1,"😀":4,"\ufb33":5}',
    ],
    [[1e30, 4.5, 2e-3, 1e-27, -0], '[1e+30,4.5,0.002,1e-27,0]'],
    ['\u000f\n"\\€', '"\\u000f\\n\\"\\\\€"'],
    [null, 'null'],
    [{ a: undefined, b: [] }, '{"b":[]}'],
  ])('of %j is %s', (value, text) => {
    expect(canonicalJson(value)).toBe(text)
  })

  test('does not depend on the order of keys, and reads back as the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value)
        expect(canonicalJson(reversed(value))).toBe(text)
        expect(canonicalJson(JSON.parse(text))).toBe(text)
      }),
    )
  })

  test.each([undefined, () => 0, Symbol('x')])('there is none of %s', (value) => {
    expect(() => canonicalJson(value)).toThrow()
  })
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}

describe('a digest', () => {
  test('is SHA-256 over that form', () => {
    const expected = createHash('sha256').update('{"a":[true]}').digest('hex')
    expect(digestOf({ a: [true] })).toBe(`sha256:${expected}`)
    expect(sha256Hex(Buffer.from('{"a":[true]}'))).toBe(expected)
  })

  test('differs where the values do', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (left, right) => {
        expect(digestOf(left) === digestOf(right)).toBe(
          canonicalJson(left) === canonicalJson(right),
        )
      }),
    )
  })
})
