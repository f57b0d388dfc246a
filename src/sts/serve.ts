import type { AuditEvent } from '../audit/event.ts'
import { recordEvents } from '../audit/record.ts'
import { isFault, refuse } from '../kernel/faults.ts'
import { beginEvent, closeRefused, diagnose, type DraftEvent } from './draft-event.ts'
import { parseForm } from './parameters.ts'
import type { EndpointRequest, Exchange, Parts, Upon } from './parts.ts'

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
  const upon: Upon = { refusal: null }
  const refused = async (error: unknown): Promise<never> => {
    await recordRefused(parts, closeRefused(event, error), upon)
    if (!isFault(error)) parts.context.log.error({ err: error, requestId: request.requestId }, type)
    throw error
  }
  const settled = await open(parts, request, event, upon).then(run).catch(refused)
  const granted: AuditEvent = { ...event, outcome: 'allow' }
  if (settled.record === undefined) await parts.events.append(granted)
  else
    await settled.record(granted).catch((error: unknown) => {
      // What has changed in between may refuse it still, and then nothing of it was written.
      if (isFault(error)) return refused(error)
      throw error
    })
  return settled.answer()
}

/** The event of a refusal, with the transition that the refusal may be. */
async function recordRefused(
  { context, events, trust }: Parts,
  event: AuditEvent,
  { refusal }: Upon,
): Promise<void> {
  if (refusal === null) {
    await events.append(event)
    return
  }
  await context.db.transaction(event.zone, async (queries) => {
    await refusal(queries)
    await recordEvents(queries, context.clock.now(), [event])
  })
  trust.forget(event.zone)
}

/** Finds the zone, whose log the event then goes to, and reads the parameters. */
async function open(
  parts: Parts,
  request: EndpointRequest,
  event: DraftEvent,
  upon: Upon,
): Promise<Exchange> {
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
    parameters: parseForm(request.form),
    authorization: request.authorization,
    sourceIp: request.sourceIp,
    nowMs: parts.context.clock.now(),
    event,
    upon,
  }
}

/** A path can hold what no database stores. */
function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\u0020-\u007e]/g, '?')
}
