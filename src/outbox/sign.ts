import { createHmac, randomBytes } from 'node:crypto'

/** Standard Webhooks 1.0: a symmetric secret is 24 to 64 bytes, in base64 after this prefix. */
const prefix = 'whsec_'
const secretBytes = 32

/** What a webhook's secret is sealed for. */
export function secretPurpose(zone: string): string {
  return `webhook:${zone}`
}

export function newSigningSecret(): string {
  return prefix + randomBytes(secretBytes).toString('base64')
}

/**
 * The headers of an attempt (Standard Webhooks 1.0): HMAC-SHA256 over `id.timestamp.body`. The
 * timestamp, in seconds, is that of the attempt, so that receivers can refuse what is old.
 */
export function signedHeaders(
  secret: string,
  message: { readonly id: string; readonly body: string; readonly nowMs: number },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(message.nowMs / 1_000))
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  const signature = createHmac('sha256', key)
    .update(`${message.id}.${timestamp}.${message.body}`)
    .digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}
