import type { ApprovalEventType } from '../../tools/webhooks.ts'
import type { Actor } from '../audit/event.ts'
import { recordEvents } from '../audit/record.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from '../store/database.ts'
import type { Hold } from '../store/holds.ts'
import { enqueue } from './enqueue.ts'

/** Who moved a hold, and in which request. */
export interface Cause {
  readonly actor: Actor
  readonly requestId: string
  readonly traceId?: string | undefined
}

/** What expires does so by itself. */
export function byItself(requestId: string): Cause {
  return { actor: { kind: 'platform', id: 'platform', name: 'caracal.sys' }, requestId }
}

/**
 * Tells of what has become of a hold, in the transaction in which it does: one audit event, and a
 * message to every webhook that wants it. Both hold `more`, in which is no secret.
 */
export async function announceHold(
  queries: Queries,
  nowMs: number,
  type: ApprovalEventType,
  hold: Hold,
  cause: Cause,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const zone = hold.zone_id as ZoneId
  const facts = { ...factsOf(hold), ...more }
  await recordEvents(queries, nowMs, [
    {
      zone,
      type,
      outcome: 'applied',
      ...cause,
      applicationId: hold.application_id,
      sessionId: hold.session_id ?? undefined,
      approvalIds: [hold.id],
      mandateJti: hold.mandate_jti ?? undefined,
      policySetVersionId: hold.policy_set_version_id,
      reason: hold.reason ?? undefined,
      target: { kind: 'approval', id: hold.id, name: null },
      diagnostics: facts,
    },
  ])
  const data = { approval_id: hold.id, zone_id: zone, request_id: cause.requestId, ...facts }
  await enqueue(queries, nowMs, { zone, type, data })
}

function factsOf(hold: Hold): Readonly<Record<string, unknown>> {
  return {
    state: hold.state,
    application: { id: hold.application_id, name: hold.application_name },
    resource: { id: hold.resource_id, identifier: hold.resource_identifier },
    scopes: hold.scopes,
    tiers: hold.requirements.map(({ tier, approver, quorum }) => ({ tier, approver, quorum })),
    reason: hold.reason,
    expires_at: hold.expires_at.toISOString(),
  }
}
