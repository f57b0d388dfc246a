import { sql, type Insertable, type Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { WebhookDeliveryRow, WebhookRow } from './schema-step-up.ts'

export type Delivery = Selectable<WebhookDeliveryRow>

/** A delivery that is due, with where it goes. */
export type DueDelivery = Delivery & Pick<Selectable<WebhookRow>, 'endpoint_url' | 'sealed_secret'>

/** The live webhooks of a zone that want a type of event. Index: webhooks_zone. */
export async function webhooksFor(
  queries: Queries,
  zone: ZoneId,
  type: string,
): Promise<readonly { readonly id: string }[]> {
  return queries
    .selectFrom('webhooks')
    .select('id')
    .where('zone_id', '=', zone)
    .where('archived_at', 'is', null)
    .where(sql<boolean>`${type} = any(events)`)
    .orderBy('id')
    .execute()
}

/** How many live webhooks a zone has. Index: webhooks_zone. */
export async function countWebhooks(queries: Queries, zone: ZoneId): Promise<number> {
  const { count } = await queries
    .selectFrom('webhooks')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('zone_id', '=', zone)
    .where('archived_at', 'is', null)
    .executeTakeFirstOrThrow()
  return count
}

export async function insertDeliveries(
  queries: Queries,
  deliveries: readonly Insertable<WebhookDeliveryRow>[],
): Promise<void> {
  if (deliveries.length > 0)
    await queries.insertInto('webhook_deliveries').values(deliveries).execute()
}

/**
 * Takes deliveries of all zones that are due, each by one replica, and puts off their next attempt:
 * should this process end before it says what came of them, they are due again then.
 * Index: webhook_deliveries_due.
 */
export async function takeDue(
  queries: Queries,
  take: { readonly now: Date; readonly again: Date; readonly limit: number },
): Promise<readonly DueDelivery[]> {
  const { rows } = await sql<DueDelivery>`
    with due as (
      select id from webhook_deliveries
      where state = 'pending' and next_attempt_at <= ${take.now}
      order by next_attempt_at limit ${take.limit} for update skip locked)
    update webhook_deliveries d
    set attempts = attempts + 1, next_attempt_at = ${take.again},
      last_status = null, last_error = null
    from due, webhooks w
    where d.id = due.id and w.id = d.webhook_id
    returning d.*, w.endpoint_url, w.sealed_secret`.execute(queries)
  return rows
}

/** What one attempt has come to; void where another attempt has settled it meanwhile. */
export async function settleDelivery(
  queries: Queries,
  id: string,
  outcome: Partial<Pick<Insertable<WebhookDeliveryRow>, 'state' | 'next_attempt_at'>> &
    Pick<Insertable<WebhookDeliveryRow>, 'last_status' | 'last_error' | 'delivered_at'>,
): Promise<void> {
  await queries
    .updateTable('webhook_deliveries')
    .set(outcome)
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .execute()
}

/** Ends what a webhook still has to get. Index: webhook_deliveries_webhook. */
export async function abandonDeliveries(queries: Queries, webhook: string): Promise<void> {
  await queries
    .updateTable('webhook_deliveries')
    .set({ state: 'dead', last_error: 'webhook_archived' })
    .where('webhook_id', '=', webhook)
    .where('state', '=', 'pending')
    .execute()
}

/** Gives a dead delivery all of its attempts again; undefined where it is none. */
export async function reviveDelivery(
  queries: Queries,
  webhook: string,
  id: string,
  now: Date,
): Promise<Delivery | undefined> {
  return queries
    .updateTable('webhook_deliveries')
    .set({ state: 'pending', attempts: 0, next_attempt_at: now })
    .where('id', '=', id)
    .where('webhook_id', '=', webhook)
    .where('state', '=', 'dead')
    .returningAll()
    .executeTakeFirst()
}

/** Index: primary key. */
export async function findDelivery(
  queries: Queries,
  webhook: string,
  id: string,
): Promise<Delivery | undefined> {
  return queries
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('id', '=', id)
    .where('webhook_id', '=', webhook)
    .executeTakeFirst()
}
