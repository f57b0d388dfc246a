import type { ApprovalEventType } from '../../tools/webhooks.ts'
import { newId, type ZoneId } from '../kernel/ids.ts'
import type { Queries } from '../store/database.ts'
import { insertDeliveries, webhooksFor } from '../store/webhooks.ts'

/** What webhooks are told of one act. It holds no secret: it leaves the installation. */
export interface Message {
  readonly zone: ZoneId
  readonly type: ApprovalEventType
  readonly data: Readonly<Record<string, unknown>>
}

/**
 * Writes a message into the outbox, in the transaction of the act that it tells of: it is sent if
 * and only if that commits. The body is Standard Webhooks' (type, timestamp, data).
 */
export async function enqueue(queries: Queries, nowMs: number, message: Message): Promise<void> {
  const webhooks = await webhooksFor(queries, message.zone, message.type)
  const now = new Date(nowMs)
  const body = JSON.stringify({
    type: message.type,
    timestamp: now.toISOString(),
    data: message.data,
  })
  await insertDeliveries(
    queries,
    webhooks.map((webhook) => ({
      id: newId('delivery', nowMs),
      zone_id: message.zone,
      webhook_id: webhook.id,
      type: message.type,
      body,
      state: 'pending' as const,
      attempts: 0,
      next_attempt_at: now,
      last_status: null,
      last_error: null,
      created_at: now,
      delivered_at: null,
    })),
  )
}
