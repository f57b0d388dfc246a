import { sign, verify } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, test } from 'vitest'
import { generateSigningKey, openPrivateKey, openPublicKey } from '../../src/kernel/signing-key.ts'

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
