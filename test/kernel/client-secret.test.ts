import { describe, expect, test } from 'vitest'
import { isClientSecret, newClientSecret } from '../../src/kernel/client-secret.ts'

describe('client secrets', () => {
  test('match their hash and no other', () => {
    const { secret, hash } = newClientSecret()
    expect(secret).toMatch(/^cs_[A-Za-z0-9_-]{43}$/)
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(isClientSecret(secret, hash)).toBe(true)
    expect(isClientSecret(`${secret} `, hash)).toBe(false)
    expect(isClientSecret(newClientSecret().secret, hash)).toBe(false)
  })

  test.each(['', 'zz', 'ab', '0'.repeat(64)])('never match the stored value %j', (stored) => {
    expect(isClientSecret('', stored.slice(0, 10))).toBe(false)
    expect(isClientSecret(newClientSecret().secret, stored)).toBe(false)
  })
})
