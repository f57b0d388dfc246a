import type { FastifyRequest } from 'fastify'
import { findOperation } from '../../tools/catalogue.ts'
import type { Context } from '../context.ts'
import { perform } from '../gate/perform.ts'
import { anonymous, type Principal } from '../gate/principal.ts'
import type { Fault } from '../kernel/faults.ts'
import { isToldBefore } from '../kernel/rate-limiter.ts'
import { authenticateForDoor } from './authenticate.ts'
import { faultOf } from './errors.ts'
import { traceIdOf } from './request-facts.ts'

/** A request that was refused before the door could see it leaves its event all the same. */
export async function recordEarly(
  context: Context,
  request: FastifyRequest,
  error: unknown,
): Promise<void> {
  const operation = request.routeOptions.config.operation
  if (request.atDoor || operation === undefined || findOperation(operation) === undefined) return
  if (isToldBefore(error)) return
  const fault = faultOf(error)
  await perform(context, await senderOf(context, request, fault), {
    operation,
    zone: zoneIn(request),
    input: {},
    requestId: request.id,
    traceId: traceIdOf(request),
    refusal: fault,
  }).catch(() => undefined)
}

/** The zone in the path of a route; null for one of the platform. */
export function zoneIn(request: FastifyRequest): string | null {
  const { zone_id } = request.params as { zone_id?: string }
  return zone_id ?? null
}

/** Who has sent a request that was refused unread; a bad credential adds nothing to the refusal. */
async function senderOf(
  context: Context,
  request: FastifyRequest,
  fault: Fault,
): Promise<Principal> {
  if (request.principal !== null) return request.principal
  const sender = await authenticateForDoor(context, request).catch(() => null)
  return sender === null || sender.kind === 'anonymous' ? anonymous(fault) : sender
}
