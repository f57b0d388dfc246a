import type { TokenEvent } from '../audit/event.ts'
import type { TokenEventType } from '../audit/event-types.ts'
import { isFault } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { MandateClaims } from './claims.ts'

/**
 * The event of a request, begun before anything is known and filled in as facts appear, so that
 * every exit has one to write.
 */
export type DraftEvent = { -readonly [K in keyof TokenEvent]: TokenEvent[K] }

const nobody = { kind: 'anonymous', id: 'anonymous', name: '' } as const

export function beginEvent(
  type: TokenEventType,
  logZone: ZoneId,
  request: { readonly requestId: string; readonly traceId: string | null },
): DraftEvent {
  return {
    zone: logZone,
    type,
    outcome: 'deny',
    actor: nobody,
    requestId: request.requestId,
    traceId: request.traceId ?? undefined,
    diagnostics: {},
  }
}

/** Adds facts that help a reader; none of them is a secret. */
export function diagnose(event: DraftEvent, facts: Readonly<Record<string, unknown>>): void {
  event.diagnostics = { ...event.diagnostics, ...facts }
}

export function noteMandate(event: DraftEvent, claims: MandateClaims): void {
  event.mandateJti = claims.jti
  event.sessionId = claims.sid
  diagnose(event, { granted: claims.scope, expires_at: claims.exp })
}

/** A reason that only the log may know has been set already; otherwise it is what was answered. */
export function closeRefused(event: DraftEvent, error: unknown): TokenEvent {
  if (!isFault(error)) return { ...event, outcome: 'failed', reason: 'internal' }
  const answered = error.details?.['reason']
  const reason = event.reason ?? (typeof answered === 'string' ? answered : error.code)
  return { ...event, outcome: 'deny', reason }
}
