import type { AuditEvent } from '../audit/event.ts'
import { recordEvents } from '../audit/record.ts'
import { refuse } from '../kernel/faults.ts'
import { announceHold } from '../outbox/announce.ts'
import { consumeHold } from '../store/holds.ts'
import { causeOf } from './hold.ts'
import type { Exchange } from './parts.ts'
import { approvalRefusals } from './refusals-table.ts'

/**
 * Writes the event of a mandate together with the use of the approval that it rests upon. Of two
 * requests that race for one approval the second is refused, on whatever replica it is.
 */
export async function recordRelease(
  exchange: Exchange,
  holdId: string,
  event: AuditEvent,
): Promise<void> {
  const { parts, zone, nowMs } = exchange
  await parts.context.db.transaction(zone, async (queries) => {
    const use = { now: new Date(nowMs), mandateJti: event.mandateJti ?? '' }
    const hold = await consumeHold(queries, zone, holdId, use)
    if (hold === undefined) {
      const { code, message } = approvalRefusals.approval_consumed
      refuse(code, message, { details: { reason: 'approval_consumed', approval_id: holdId } })
    }
    await recordEvents(queries, nowMs, [event])
    await announceHold(queries, nowMs, 'approval.consumed', hold, causeOf(exchange))
  })
}
