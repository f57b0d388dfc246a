import { describe, expect, test } from 'vitest'
import { isSecret, newSecret } from '../../src/kernel/bearer-secret.ts'

describe('client secrets', () => {
  test('match their hash and no other', () => {
    const { secret, hash } = newSecret('cs')
    expect(secret).toMatch(/^cs_[A-Za-z0-9_-]{43}$/)
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(isSecret(secret, hash)).toBe(true)
    expect(isSecret(`${secret} `, hash)).toBe(false)
    expect(isSecret(newSecret('cs').secret, hash)).toBe(false)
  })

  test.each(['', 'zz', 'ab', '0'.repeat(64)])('never match the stored value %j', (stored) => {
    expect(isSecret('', stored.slice(0, 10))).toBe(false)
    expect(isSecret(newSecret('cs').secret, stored)).toBe(false)
  })
})
