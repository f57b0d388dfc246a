import type { FastifyRequest } from 'fastify'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'

/** The trace id of a W3C `traceparent` header, where there is a valid one. */
export function traceIdOf(request: FastifyRequest): string | undefined {
  const header = request.headers.traceparent
  if (typeof header !== 'string') return undefined
  const id = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(header)?.[1]
  return id === '0'.repeat(32) ? undefined : id
}

/** The revision of an If-Match header (RFC 9110 section 13.1.1); `*` asks for nothing of ours. */
export function ifMatchOf(request: FastifyRequest): number | undefined {
  const header = request.headers['if-match']
  if (header === undefined || header === '*') return undefined
  const revision = /^(?:W\/)?"(\d{1,15})"$/.exec(header)?.[1]
  return revision === undefined
    ? refuse('invalid_header', 'If-Match takes the ETag of the object, such as "12".')
    : Number(revision)
}

export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const header = request.headers['idempotency-key']
  if (header === undefined || request.method !== 'POST') return undefined
  if (typeof header === 'string' && isKey.test(header)) return header
  refuse(
    'invalid_header',
    `Idempotency-Key takes 1 to ${limits.idempotencyKeyChars} visible ASCII characters.`,
  )
}

const isKey = new RegExp(`^[\\x21-\\x7e]{1,${limits.idempotencyKeyChars}}$`)
