import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { idPattern, idPrefix, isId, newId, type IdKind } from '../../src/kernel/ids.ts'

const kinds = Object.keys(idPrefix) as IdKind[]

describe.each(kinds)('an id of a %s', (kind) => {
  test('is a TypeID 0.3 over a UUIDv7', () => {
    const id = newId(kind, Date.UTC(2026, 0, 1))
    expect(id).toMatch(idPattern(kind))
    expect(isId(kind, id)).toBe(true)
    const uuid = uuidOf(id)
    expect(uuid.slice(0, 12)).toBe(Date.UTC(2026, 0, 1).toString(16).padStart(12, '0'))
    expect(uuid[12]).toBe('7')
    expect('89ab').toContain(uuid[16])
  })

  test('is of no other kind', () => {
    const id = newId(kind, 0)
    expect(kinds.filter((other) => isId(other, id))).toEqual([kind])
  })
})

/** The hexadecimal digits of the UUID in an id, by the specification's alphabet. */
function uuidOf(id: string): string {
  const digits = [...id.slice(id.indexOf('_') + 1)]
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  const value = digits.reduce((sum, digit) => sum * 32n + BigInt(alphabet.indexOf(digit)), 0n)
  return value.toString(16).padStart(32, '0')
}

test('prefixes differ', () => {
  expect(new Set(Object.values(idPrefix)).size).toBe(kinds.length)
})

test('ids sort by age', () => {
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 })
  fc.assert(
    fc.property(time, time, (left, right) => {
      fc.pre(left < right)
      expect(newId('zone', left) < newId('zone', right)).toBe(true)
    }),
  )
})

test('10,000 ids of one moment differ', () => {
  expect(new Set(Array.from({ length: 10_000 }, () => newId('event', 0))).size).toBe(10_000)
})

test.each([
  '',
  'zone_',
  'zone_01h455vb4pex5vsknk084sn02',
  'zone_01h455vb4pex5vsknk084sn02qq',
  'zone_01H455VB4PEX5VSKNK084SN02Q',
  'zone_81h455vb4pex5vsknk084sn02q',
  'zone_01h455vb4pex5vsknk084sn02i',
  'zone_01h455vb4pex5vsknk084sn02q\n',
  ' zone_01h455vb4pex5vsknk084sn02q',
  'app_01h455vb4pex5vsknk084sn02q',
  null,
  7,
  {},
])('%j is no id of a zone', (value) => {
  expect(isId('zone', value)).toBe(false)
})
