import type { AuditEvent } from '../audit/event.ts'
import { recordEvents } from '../audit/record.ts'
import { refuse } from '../kernel/faults.ts'
import { announceHold } from '../outbox/announce.ts'
import { consumeHold } from '../store/holds.ts'
import { causeOf } from './hold.ts'
import type { Exchange } from './parts.ts'
import { approvalRefusals } from './refusals-table.ts'

/**
 * Writes the event of a mandate together with the use of the approvals that it rests upon. Of two
 * requests that race for one approval the second is refused, on whatever replica it is.
 */
export async function recordRelease(
  exchange: Exchange,
  holds: readonly string[],
  event: AuditEvent,
): Promise<void> {
  const { parts, zone, nowMs } = exchange
  await parts.context.db.transaction(zone, async (queries) => {
    const use = { now: new Date(nowMs), mandateJti: event.mandateJti ?? '' }
    const consumed = []
    for (const id of holds) {
      const hold = await consumeHold(queries, zone, id, use)
      consumed.push(hold ?? refuseConsumed(id))
    }
    await recordEvents(queries, nowMs, [event])
    for (const hold of consumed)
      await announceHold(queries, nowMs, 'approval.consumed', hold, causeOf(exchange))
  })
}

function refuseConsumed(id: string): never {
  const { code, message } = approvalRefusals.approval_consumed
  return refuse(code, message, { details: { reason: 'approval_consumed', approval_id: id } })
}
