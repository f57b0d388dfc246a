import { sql } from 'kysely'
import { approvalEventTypes, type ApprovalEventType } from '../../tools/webhooks.ts'
import type { OutputOf } from '../../tools/catalogue.ts'
import { newSigningSecret, secretPurpose } from '../outbox/sign.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { foldName } from '../kernel/names.ts'
import { archiveObject, insertObject, updateObject, type ObjectRow } from '../store/objects.ts'
import { readPage } from '../store/pages.ts'
import type { Tx } from '../store/tx.ts'
import {
  abandonDeliveries,
  countWebhooks,
  findDelivery,
  reviveDelivery,
  type Delivery,
} from '../store/webhooks.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { listObjects } from './list.ts'
import { get, getLive, refuseReserved } from './lookup.ts'
import { governedView, isoOrNull } from './views.ts'

export function webhookHandlers(services: AdminServices): AdminHandlers<'webhooks'> {
  return {
    async 'webhooks.list'(tx, input) {
      return listObjects(tx, 'webhooks', input, webhookView)
    },

    async 'webhooks.create'(tx, input) {
      refuseReserved(tx.zone, services.system().zone, input.name)
      if ((await countWebhooks(tx.queries, tx.zone)) >= limits.webhooksPerZone)
        refuse('limit_reached', `A zone has at most ${limits.webhooksPerZone} webhooks.`)
      const { secret, sealed_secret } = newSealedSecret(services, tx)
      const row = await insertObject(tx, 'webhooks', {
        name: input.name,
        name_key: foldName(input.name),
        endpoint_url: input.endpoint_url,
        events: input.events,
        sealed_secret,
      })
      return { ...webhookView(row), signing_secret: secret }
    },

    async 'webhooks.get'(tx, input) {
      return webhookView(await get(tx, 'webhooks', input.webhook_id))
    },

    async 'webhooks.patch'(tx, input) {
      const { name, endpoint_url, events } = input
      refuseReserved(tx.zone, services.system().zone, name ?? '')
      const current = await getLive(tx, 'webhooks', input.webhook_id)
      const row = await updateObject(tx, 'webhooks', current, {
        ...(name !== undefined && { name, name_key: foldName(name) }),
        ...(endpoint_url !== undefined && { endpoint_url }),
        ...(events !== undefined && { events }),
      })
      return webhookView(row)
    },

    async 'webhooks.delete'(tx, input) {
      const current = await getLive(tx, 'webhooks', input.webhook_id)
      await abandonDeliveries(tx.queries, current.id)
      await archiveObject(tx, 'webhooks', current)
      return {}
    },

    async 'webhooks.rotate_secret'(tx, input) {
      const current = await getLive(tx, 'webhooks', input.webhook_id)
      const { secret, sealed_secret } = newSealedSecret(services, tx)
      await updateObject(tx, 'webhooks', current, { sealed_secret })
      return { id: current.id, signing_secret: secret }
    },

    ...messageHandlers,
  }
}

const messageHandlers: Pick<AdminHandlers<'webhooks'>, 'webhooks.deliveries' | 'webhooks.retry'> = {
  async 'webhooks.deliveries'(tx, input) {
    const webhook = await get(tx, 'webhooks', input.webhook_id)
    const { rows, nextCursor } = await readPage<Delivery>(tx.queries, {
      table: 'webhook_deliveries',
      where: [
        sql`webhook_id = ${webhook.id}`,
        ...(input.state === undefined ? [] : [sql`state = ${input.state}`]),
      ],
      by: 'id',
      order: 'desc',
      limit: input.limit,
      cursor: input.cursor,
    })
    return { items: rows.map(deliveryView), next_cursor: nextCursor }
  },

  async 'webhooks.retry'(tx, input) {
    const { id } = await getLive(tx, 'webhooks', input.webhook_id)
    const revived = await reviveDelivery(tx.queries, id, input.delivery_id, tx.now)
    if (revived !== undefined) return deliveryView(revived)
    const found = await findDelivery(tx.queries, id, input.delivery_id)
    if (found === undefined)
      refuse('not_found', 'There is no such message to this webhook.', {
        details: { id: input.delivery_id },
      })
    return refuse('conflict', `This message is ${found.state}; only a dead one is sent again.`)
  },
}

/** The secret is opened to sign with, so it is sealed and not hashed. */
function newSealedSecret({ vault }: AdminServices, { zone }: Tx) {
  const secret = newSigningSecret()
  return { secret, sealed_secret: vault.seal(secret, secretPurpose(zone)) }
}

function webhookView(row: ObjectRow<'webhooks'>): OutputOf<'webhooks.get'> {
  return {
    ...governedView(row),
    name: row.name,
    endpoint_url: row.endpoint_url,
    events: row.events.map(known),
  }
}

function known(type: string): ApprovalEventType {
  const event = approvalEventTypes.find((one) => one === type)
  if (event === undefined) throw new Error(`${type} is no event of a webhook`)
  return event
}

function deliveryView(row: Delivery): OutputOf<'webhooks.retry'> {
  return {
    id: row.id,
    webhook_id: row.webhook_id,
    type: known(row.type),
    state: row.state,
    attempts: row.attempts,
    next_attempt_at: row.state === 'pending' ? row.next_attempt_at.toISOString() : null,
    last_status: row.last_status,
    last_error: row.last_error,
    created_at: row.created_at.toISOString(),
    delivered_at: isoOrNull(row.delivered_at),
  }
}
