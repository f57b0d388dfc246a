import { refuse } from '../kernel/faults.ts'
import { announceHold } from '../outbox/announce.ts'
import type { Queries } from '../store/database.ts'
import { consumeHold } from '../store/holds.ts'
import { causeOf } from './hold.ts'
import type { Exchange } from './parts.ts'
import { approvalRefusals } from './refusals-table.ts'

/**
 * Uses up the approvals that a mandate rests upon, in the transaction of its event. Of two requests
 * that race for one approval the second is refused, on whatever replica it is.
 */
export async function useHolds(
  queries: Queries,
  exchange: Exchange,
  holds: readonly string[],
  mandateJti: string,
): Promise<void> {
  const { zone, nowMs } = exchange
  for (const id of holds) {
    const hold = await consumeHold(queries, zone, id, { now: new Date(nowMs), mandateJti })
    if (hold === undefined) {
      const { code, message } = approvalRefusals.approval_consumed
      refuse(code, message, { details: { reason: 'approval_consumed', approval_id: id } })
    }
    await announceHold(queries, nowMs, 'approval.consumed', hold, causeOf(exchange))
  }
}
