import type { AuditEvent, TokenEvent } from '../audit/event.ts'
import type { TokenEventType } from '../audit/event-types.ts'
import { recordEvents } from '../audit/record.ts'
import { isFault, refuse, type Fault } from '../kernel/faults.ts'
import { isToldBefore } from '../kernel/rate-limiter.ts'
import type { Queries } from '../store/database.ts'
import { onceMore } from '../store/once-more.ts'
import { beginEvent, closeRefused, diagnose, type DraftEvent } from './draft-event.ts'
import { parseForm } from './parameters.ts'
import type { EndpointRequest, Exchange, Parts, Upon } from './parts.ts'
import { admitSource, countUnread } from './rates.ts'

/** What an endpoint has come to; it becomes true when the event is durable. */
export interface Settled<T> {
  /** The change that the event tells of, in the event's transaction; absent: there is none. */
  readonly change?: ((queries: Queries) => Promise<void>) | undefined
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
  type: TokenEventType,
  run: (exchange: Exchange) => Promise<Settled<T>>,
): Promise<T> {
  const event = beginEvent(type, parts.context.system().zone, request)
  const upon: Upon = { refusal: null }
  const refused = async (error: unknown): Promise<never> => {
    if (!isToldBefore(error)) await recordRefused(parts, closeRefused(event, error), upon)
    if (!isFault(error)) parts.context.log.error({ err: error, requestId: request.requestId }, type)
    throw error
  }
  const settled = await admitted(parts, request, event, upon).then(run).catch(refused)
  const granted: TokenEvent = { ...event, outcome: 'allow' }
  if (settled.change === undefined) await parts.events.append(granted)
  else
    await recordWith(parts, granted, settled.change).catch((error: unknown) => {
      if (!isFault(error)) throw error
      // What has changed in between may refuse it still, and then nothing of it was written.
      event.mandateJti = undefined
      return refused(error)
    })
  return settled.answer()
}

/** The event of a refusal, with the transition that the refusal may be. */
async function recordRefused(parts: Parts, event: AuditEvent, { refusal }: Upon): Promise<void> {
  if (refusal === null) {
    await parts.events.append(event)
    return
  }
  await recordWith(parts, event, refusal)
  parts.trust.forget(event.zone)
}

/** Both or neither. */
async function recordWith(
  { context }: Parts,
  event: AuditEvent,
  change: (queries: Queries) => Promise<void>,
): Promise<void> {
  await onceMore(() =>
    context.db.transaction(event.zone, async (queries) => {
      await recordEvents(queries, context.clock.now(), [event])
      await change(queries)
    }),
  )
}

/**
 * Leaves the event of a request that was refused before its body could be read. From a source that
 * has had its share of failures there is none: a flood must not fill the log.
 */
export async function recordUnread(
  parts: Parts,
  request: EndpointRequest,
  type: TokenEventType,
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
async function admitted(
  parts: Parts,
  request: EndpointRequest,
  event: DraftEvent,
  upon: Upon,
): Promise<Exchange> {
  admitSource(parts, request)
  const zone = await parts.zones.find(request.zone)
  if (zone === null) {
    diagnose(event, { zone: printable(request.zone) })
    countUnread(parts, request)
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
    upon,
  }
}

/** A path can hold what no database stores. */
function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\u0020-\u007e]/g, '?')
}
