import type { Clock } from '../kernel/clock.ts'
import { limits } from '../kernel/limits.ts'
import { FetchError, type SafeFetch } from '../kernel/safe-fetch.ts'
import type { Vault } from '../kernel/vault.ts'
import type { Database } from '../store/database.ts'
import { settleDelivery, takeDue, type DueDelivery } from '../store/webhooks.ts'
import { secretPurpose, signedHeaders } from './sign.ts'

/** What sending needs of the service. */
export interface OutboxContext {
  readonly clock: Clock
  readonly db: Database
  readonly vault: Vault
  readonly fetch: SafeFetch
  readonly log: { warn(facts: object, message: string): void }
}

/**
 * How long after each failed attempt the next one is made, in seconds; after the last of them a
 * message is dead. Together they bridge half a day.
 */
const backoffSeconds = [5, 30, 150, 750, 3_600, 14_400, 28_800]

/** How long an attempt may be unfinished before it counts as lost with its process. */
const leaseMs = limits.webhookTimeoutMs + 20_000
const messagesAtOnce = 20
/** What is answered is not read, only waited for. */
const answerBytes = 65_536

/**
 * Sends what is due, a bounded number of messages, and answers how many it was. A message is taken
 * before it is sent and settled after: no lock is held meanwhile, and one whose sender ends in
 * between is taken again, so that it arrives at least once, always under the same id.
 */
export async function deliverDue(context: OutboxContext): Promise<number> {
  const nowMs = context.clock.now()
  const due = await context.db.transaction('*', (queries) =>
    takeDue(queries, {
      now: new Date(nowMs),
      again: new Date(nowMs + leaseMs),
      limit: messagesAtOnce,
    }),
  )
  await Promise.all(due.map((delivery) => deliver(context, delivery)))
  return due.length
}

/** What one attempt has come to; `status` is null where nothing was answered. */
interface Attempt {
  readonly status: number | null
  readonly error: string | null
}

async function deliver(context: OutboxContext, delivery: DueDelivery): Promise<void> {
  const attempt = await send(context, delivery)
  const nowMs = context.clock.now()
  const waitSeconds = backoffSeconds[delivery.attempts - 1]
  await context.db.transaction('*', (queries) =>
    settleDelivery(queries, delivery.id, {
      last_status: attempt.status,
      last_error: attempt.error,
      delivered_at: attempt.error === null ? new Date(nowMs) : null,
      ...(attempt.error === null
        ? { state: 'delivered' }
        : waitSeconds === undefined
          ? { state: 'dead' }
          : { next_attempt_at: new Date(nowMs + waitSeconds * 1_000) }),
    }),
  )
}

async function send(context: OutboxContext, delivery: DueDelivery): Promise<Attempt> {
  const { id, body, zone_id: zone } = delivery
  try {
    const secret = context.vault.open(delivery.sealed_secret, secretPurpose(zone)).toString()
    const { status } = await context.fetch(delivery.endpoint_url, {
      method: 'POST',
      headers: signedHeaders(secret, { id, body, nowMs: context.clock.now() }),
      body,
      maxBytes: answerBytes,
      timeoutMs: limits.webhookTimeoutMs,
    })
    return { status, error: status < 300 ? null : 'status_unexpected' }
  } catch (error) {
    if (error instanceof FetchError) return { status: null, error: error.reason }
    context.log.warn({ err: error, delivery: id }, 'a webhook message could not be sent')
    return { status: null, error: 'internal' }
  }
}
