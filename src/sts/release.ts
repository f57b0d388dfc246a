import { refuse } from '../kernel/faults.ts'
import { announceHold } from '../outbox/announce.ts'
import type { Queries } from '../store/database.ts'
import { consumeHold } from '../store/holds.ts'
import { causeOf } from './hold.ts'
import { standingOf } from './lapse.ts'
import type { Exchange } from './parts.ts'
import { approvalRefusals } from './refusals-table.ts'

/**
 * Uses up the approvals that a mandate rests upon, in the transaction of its event. Of two requests
 * that race for one approval the second is refused, on whatever replica it is. One that has lapsed
 * since it was read releases nothing; the next request lets its hold wait again.
 */
export async function useHolds(
  queries: Queries,
  exchange: Exchange,
  holds: readonly string[],
  mandateJti: string,
): Promise<void> {
  const { zone, nowMs } = exchange
  // In the order in which every transaction locks holds.
  for (const id of holds.toSorted()) {
    const hold = await consumeHold(queries, zone, id, { now: new Date(nowMs), mandateJti })
    if (hold === undefined) {
      const { code, message } = approvalRefusals.approval_consumed
      refuse(code, message, { details: { reason: 'approval_consumed', approval_id: id } })
    }
    if (!(await standingOf(queries, hold, nowMs)).isApproved)
      refuse('interaction_required', 'An approver may no longer approve; others have to.', {
        details: { reason: 'approval_pending', approval_id: id, interval: hold.interval_seconds },
      })
    await announceHold(queries, nowMs, 'approval.consumed', hold, causeOf(exchange))
  }
}
