import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { newSigningSecret, signedHeaders } from '../../src/outbox/sign.ts'

describe('the signature of a message', () => {
  // The vector of the specification's own libraries (Standard Webhooks 1.0).
  test('is that of Standard Webhooks', () => {
    const headers = signedHeaders('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      body: '{"test": 2432232314}',
      nowMs: 1_614_265_330_000,
    })
    expect(headers).toEqual({
      'content-type': 'application/json',
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  test('is made with 256 bits of a secret', () => {
    const secret = newSigningSecret()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(newSigningSecret()).not.toBe(secret)
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    expect(key).toHaveLength(32)
    const { 'webhook-signature': signature } = signedHeaders(secret, {
      id: 'dlv_1',
      body: '{}',
      nowMs: 1_999,
    })
    expect(signature).toBe(`v1,${createHmac('sha256', key).update('dlv_1.1.{}').digest('base64')}`)
  })
})
