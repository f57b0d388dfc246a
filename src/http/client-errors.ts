import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '../kernel/faults.ts'
import { errorBody, sendFault } from './errors.ts'

/** What every answer says to browsers and caches, whatever it is about. */
export const safeHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const

/** Node's errors of a connection whose request did not become one. */
const connectionFaults: Readonly<Record<string, readonly [Fault['code'], string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers are larger than 16 KiB.'],
}

/** Answers a request that the router could not read, before any hook has run. */
export function answerUnroutable(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  void sendFault(request, reply.headers({ ...safeHeaders, 'x-request-id': request.id }), error)
}

/** Answers on a connection whose bytes are no request, and ends it. */
export function answerConnection(
  error: Error & { code?: string },
  socket: Socket,
  id: string,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable) socket.write(rawAnswer(connectionFault(error), id))
  socket.destroy()
}

function connectionFault(error: Error & { code?: string }): Fault {
  const [code, message] = connectionFaults[error.code ?? ''] ?? [
    'invalid_json',
    'The request cannot be read as HTTP and JSON.',
  ]
  return new Fault(code, message, { cause: error })
}

function rawAnswer(fault: Fault, id: string): string {
  const body = JSON.stringify(errorBody(fault, id))
  const headers = {
    ...safeHeaders,
    'x-request-id': id,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status] ?? ''}\r\n${lines.join('')}\r\n${body}`
}
