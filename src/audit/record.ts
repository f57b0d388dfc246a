import type { Insertable } from 'kysely'
import { newId } from '../kernel/ids.ts'
import type { Queries } from '../store/database.ts'
import type { EventRow } from '../store/schema.ts'
import type { AuditEvent } from './event.ts'

/**
 * Writes events in the caller's transaction: they are durable exactly when the act is. Returns
 * their ids in order. Events of several zones need a transaction that sees them all.
 */
export async function recordEvents(
  queries: Queries,
  nowMs: number,
  events: readonly AuditEvent[],
): Promise<readonly string[]> {
  if (events.length === 0) return []
  const rows = events.map((event) => rowOf(event, nowMs))
  await queries.insertInto('events').values(rows).execute()
  return rows.map((row) => row.id)
}

/** One event as a row: what searches filter by in columns, the rest in the body. */
export function rowOf(event: AuditEvent, nowMs: number): Insertable<EventRow> {
  return {
    id: newId('event', nowMs),
    zone_id: event.zone,
    time: new Date(nowMs),
    type: event.type,
    outcome: event.outcome,
    actor_id: event.actor.id,
    request_id: event.requestId,
    application_id: event.applicationId ?? null,
    session_id: event.sessionId ?? null,
    plan_id: event.planId ?? null,
    body: JSON.stringify({
      actor: event.actor,
      on_behalf_of: event.onBehalfOf ?? null,
      trace_id: event.traceId ?? null,
      approval_ids: event.approvalIds ?? [],
      mandate_jti: event.mandateJti ?? null,
      policy_set_version_id: event.policySetVersionId ?? null,
      reason: event.reason ?? null,
      rules: event.rules ?? [],
      target: event.target ?? null,
      before_digest: event.beforeDigest ?? null,
      after_digest: event.afterDigest ?? null,
      diagnostics: event.diagnostics ?? {},
      ...(event.facts !== undefined && { facts: event.facts }),
    }),
  }
}
