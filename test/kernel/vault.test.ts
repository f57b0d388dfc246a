import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openVault } from '../../src/kernel/vault.ts'

const key = randomBytes(32)
const vault = openVault(key)

describe('what is sealed', () => {
  test('opens as it was, for its purpose', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.string(), (bytes, purpose) => {
        const plain = Buffer.from(bytes)
        expect(vault.open(vault.seal(plain, purpose), purpose).equals(plain)).toBe(true)
      }),
    )
  })

  test('opens under another vault of the same key', () => {
    expect(openVault(Buffer.from(key)).open(vault.seal('secret', 'a'), 'a').toString()).toBe(
      'secret',
    )
  })

  test('does not open for another purpose', () => {
    const sealed = vault.seal('secret', 'provider:prov_a')
    for (const purpose of ['provider:prov_b', 'provider:prov_', '', 'provider:prov_a '])
      expect(() => vault.open(sealed, purpose)).toThrow()
  })

  test('does not open under another key', () => {
    const sealed = vault.seal('secret', 'a')
    expect(() => openVault(randomBytes(32)).open(sealed, 'a')).toThrow()
  })

  test('does not open when any one bit of it differs, or an end is missing', () => {
    const sealed = vault.seal('secret', 'a')
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed)
      altered.writeUInt8(altered.readUInt8(at) ^ (1 << (at % 8)), at)
      expect(() => vault.open(altered, 'a'), `byte ${at}`).toThrow()
      expect(() => vault.open(sealed.subarray(0, at), 'a'), `length ${at}`).toThrow()
    }
    expect(() => vault.open(Buffer.concat([sealed, Buffer.of(0)]), 'a')).toThrow()
  })

  test('does not open with the data key of another secret', () => {
    const [left, right] = [vault.seal('secret', 'a'), vault.seal('secret', 'a')]
    const header = 1 + 12 + 32 + 16
    const mixed = Buffer.concat([left.subarray(0, header), right.subarray(header)])
    expect(() => vault.open(mixed, 'a')).toThrow()
  })

  test('shows nothing of it, and is different every time', () => {
    const sealed = Array.from({ length: 100 }, () => vault.seal('a secret to look for', 'a'))
    expect(new Set(sealed.map((bytes) => bytes.toString('hex'))).size).toBe(100)
    expect(sealed.every((bytes) => !bytes.includes('secret'))).toBe(true)
  })
})

test.each([0, 16, 31, 33])('a master key of %i bytes opens no vault', (bytes) => {
  expect(() => openVault(randomBytes(bytes))).toThrow(RangeError)
})
