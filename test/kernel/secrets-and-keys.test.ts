import { calculateJwkThumbprint } from 'jose'
import { sign, verify } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { isClientSecret, newClientSecret } from '../../src/kernel/client-secret.ts'
import { generateSigningKey, openPrivateKey, openPublicKey } from '../../src/kernel/signing-key.ts'

describe('client secrets', () => {
  test('match their hash and no other', () => {
    const { secret, hash } = newClientSecret()
    expect(secret).toMatch(/^cs_[A-Za-z0-9_-]{43}$/)
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(isClientSecret(secret, hash)).toBe(true)
    expect(isClientSecret(`${secret} `, hash)).toBe(false)
    expect(isClientSecret(newClientSecret().secret, hash)).toBe(false)
  })

  test.each(['', 'zz', 'ab', hashOfNothing()])('never match the stored value %j', (stored) => {
    expect(isClientSecret('', stored.slice(0, 10))).toBe(false)
    expect(isClientSecret(newClientSecret().secret, stored)).toBe(false)
  })
})

function hashOfNothing(): string {
  return '0'.repeat(64)
}

describe('signing keys', () => {
  test('are named by their RFC 7638 thumbprint', async () => {
    const { publicJwk } = generateSigningKey()
    expect(publicJwk.kid).toBe(await calculateJwkThumbprint({ ...publicJwk }))
    expect(Object.keys(publicJwk)).not.toContain('d')
  })

  test('open again as a pair', () => {
    const { publicJwk, privateDer } = generateSigningKey()
    const data = Buffer.from('mandate')
    const signature = sign('sha256', data, openPrivateKey(privateDer))
    expect(verify('sha256', data, openPublicKey(publicJwk), signature)).toBe(true)
    expect(verify('sha256', data, openPublicKey(generateSigningKey().publicJwk), signature)).toBe(
      false,
    )
  })
})
