import type { FastifyRequest } from 'fastify'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { sourceAddress } from '../policy/input.ts'

/**
 * The address that a request comes from: the peer's, or what a trusted proxy says that its own peer
 * had. Where that is no address, the proxy's, which conditions and rates then compare. Null where
 * none is known.
 */
export function sourceOf({ ip, socket }: FastifyRequest): string | null {
  return sourceAddress(ip) ?? sourceAddress(socket.remoteAddress)
}

/** The trace id of a `traceparent` header, where it is valid (W3C Trace Context section 3.2.2). */
export function traceIdOf(request: FastifyRequest): string | undefined {
  const header = request.headers.traceparent
  if (typeof header !== 'string') return undefined
  return validTraceparent.exec(header)?.[1]
}

/** Version ff and ids of zeros alone are invalid. */
const validTraceparent =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

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
