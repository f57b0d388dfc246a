import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { governed, includeArchived, name, nothing, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

/** What a webhook can be told of. */
export const approvalEventTypes = [
  'approval.issued',
  'approval.decided',
  'approval.consumed',
  'approval.expired',
  'approval.superseded',
  'approval.reopened',
] as const

export type ApprovalEventType = (typeof approvalEventTypes)[number]

const eventType = z.enum(approvalEventTypes)

const events = z
  .array(eventType)
  .min(1)
  .max(approvalEventTypes.length)
  .refine((list) => new Set(list).size === list.length, 'must not repeat an event')
  .meta({ description: 'Events that it is told of' })

const endpointUrl = z
  .url({ protocol: /^https$/ })
  .max(2_048)
  .refine((text) => !/^https:\/\/[^/?#]*@/i.test(text), 'must hold no credentials')
  .meta({ description: 'https address that messages are posted to' })

const webhook = z.object({
  ...governed('webhook'),
  name: z.string(),
  endpoint_url: z.string(),
  events: z.array(eventType),
})

const secret = z.string().meta({
  secret: true,
  description: 'Signing secret (Standard Webhooks, whsec_...), shown in this answer alone',
})

const deliveryState = z.enum(['pending', 'delivered', 'dead'])

const delivery = z.object({
  id: ref('delivery', 'Id of the message, the same at every attempt: its webhook-id'),
  webhook_id: ref('webhook'),
  type: eventType,
  state: deliveryState,
  attempts: z.int(),
  next_attempt_at: z.iso.datetime().nullable(),
  last_status: z.int().nullable(),
  last_error: z.string().nullable(),
  created_at: z.iso.datetime(),
  delivered_at: z.iso.datetime().nullable(),
})

const all = '/v1/zones/:zone_id/webhooks'
const one = `${all}/:webhook_id`
const target = { webhook_id: ref('webhook') }

/**
 * None of these is a step of a plan: where messages leave the installation to is for a person to
 * set, not for words that a model has turned into a draft.
 */
export const webhooks = [
  operation({
    id: 'webhooks.list',
    summary: 'List the webhooks of the zone',
    effect: 'read',
    input: z.strictObject({ ...page, include_archived: includeArchived }),
    output: pageOf(webhook),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'webhooks.create',
    summary: `Create a webhook, of at most ${limits.webhooksPerZone}: an address that is told of step-up approvals`,
    effect: 'create',
    risk: 'medium',
    plannable: false,
    input: z.strictObject({
      name,
      endpoint_url: endpointUrl,
      events: events.default([...approvalEventTypes]),
    }),
    output: webhook.extend({ signing_secret: secret }),
    route: ['POST', all, 201],
  }),
  operation({
    id: 'webhooks.get',
    summary: 'Read one webhook, without its secret',
    effect: 'read',
    input: z.strictObject(target),
    output: webhook,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'webhooks.patch',
    summary: 'Change the name, address or events of a webhook',
    effect: 'update',
    risk: 'medium',
    plannable: false,
    input: z.strictObject({
      ...target,
      name: name.optional(),
      endpoint_url: endpointUrl.optional(),
      events: events.optional(),
    }),
    output: webhook,
    route: ['PATCH', one, 200],
  }),
  operation({
    id: 'webhooks.delete',
    summary: 'Archive a webhook; what it has not been told yet is dropped',
    effect: 'delete',
    risk: 'medium',
    plannable: false,
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
  operation({
    id: 'webhooks.rotate_secret',
    summary: 'Replace the signing secret of a webhook; the next attempt is signed with the new one',
    effect: 'update',
    risk: 'high',
    plannable: false,
    input: z.strictObject(target),
    output: z.object({ id: ref('webhook'), signing_secret: secret }),
    route: ['POST', `${one}/rotate-secret`, 200],
  }),
  operation({
    id: 'webhooks.deliveries',
    summary: 'List the messages to a webhook, newest first: waiting, delivered and dead ones',
    effect: 'read',
    input: z.strictObject({ ...target, ...page, state: deliveryState.optional() }),
    output: pageOf(delivery),
    route: ['GET', `${one}/deliveries`, 200],
  }),
  operation({
    id: 'webhooks.retry',
    summary: 'Send a dead message again, with all of its attempts',
    effect: 'act',
    versioned: false,
    input: z.strictObject({ ...target, delivery_id: ref('delivery') }),
    output: delivery,
    route: ['POST', `${one}/retry`, 200],
  }),
] as const
