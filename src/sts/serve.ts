import type { AuditEvent } from '../audit/event.ts'
import { isFault, refuse, type Fault } from '../kernel/faults.ts'
import { isToldBefore } from '../kernel/rate-limiter.ts'
import { beginEvent, closeRefused, diagnose, type DraftEvent } from './draft-event.ts'
import { parseForm } from './parameters.ts'
import type { EndpointRequest, Exchange, Parts } from './parts.ts'
import { admitSource, countUnread } from './rates.ts'

/** What an endpoint has come to; it becomes true when the event is durable. */
export interface Settled<T> {
  /** Writes the event together with the change it tells of; absent: there is no other change. */
  readonly record?: (event: AuditEvent) => Promise<void>
  /** Makes the answer, once the event is durable. */
  answer(): T
}

/**
 * Runs a request to an endpoint of a zone under its event: begun first, filled in by `run` as facts
 * appear, written on every exit, durable before the answer. Throws the fault to answer with.
 */
export async function serve<T>(
  parts: Parts,
  request: EndpointRequest,
  type: string,
  run: (exchange: Exchange) => Promise<Settled<T>>,
): Promise<T> {
  const event = beginEvent(type, parts.context.system().zone, request)
  let settled: Settled<T>
  try {
    admitSource(parts, request)
    settled = await run(await open(parts, request, event))
  } catch (error) {
    if (!isToldBefore(error)) await parts.events.append(closeRefused(event, error))
    if (!isFault(error)) parts.context.log.error({ err: error, requestId: request.requestId }, type)
    throw error
  }
  const granted: AuditEvent = { ...event, outcome: 'allow' }
  if (settled.record === undefined) await parts.events.append(granted)
  else await settled.record(granted)
  return settled.answer()
}

/**
 * Leaves the event of a request that was refused before its body could be read. From a source that
 * has had its share of failures there is none: a flood must not fill the log.
 */
export async function recordUnread(
  parts: Parts,
  request: EndpointRequest,
  type: string,
  fault: Fault,
): Promise<void> {
  const event = beginEvent(type, parts.context.system().zone, request)
  try {
    admitSource(parts, request)
    countUnread(parts, request)
  } catch (error) {
    if (isToldBefore(error)) return
  }
  event.zone = (await parts.zones.find(request.zone)) ?? event.zone
  await parts.events.append(closeRefused(event, fault))
}

/** Finds the zone, whose log the event then goes to, and reads the parameters. */
async function open(parts: Parts, request: EndpointRequest, event: DraftEvent): Promise<Exchange> {
  const zone = await parts.zones.find(request.zone)
  if (zone === null) {
    diagnose(event, { zone: printable(request.zone) })
    refuse('invalid_request', 'There is no such zone.', { details: { reason: 'zone_not_found' } })
  }
  event.zone = zone
  if (request.form === null)
    refuse('invalid_request', 'Send the parameters as application/x-www-form-urlencoded.', {
      details: { reason: 'content_type_unsupported' },
    })
  return {
    parts,
    zone,
    named: request.zone,
    parameters: parseForm(request.form),
    authorization: request.authorization,
    dpop: request.dpop,
    sourceIp: request.sourceIp,
    nowMs: parts.context.clock.now(),
    event,
  }
}

/** A path can hold what no database stores. */
function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\u0020-\u007e]/g, '?')
}
