import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { nothing, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

const mode = z
  .enum(['ask', 'agent'])
  .meta({ description: 'ask: answers only; agent: may propose plans' })

export const message = z.object({
  id: z.string(),
  conversation_id: z.string(),
  role: z.enum(['person', 'operator']),
  text: z.string(),
  plan_ids: z.array(z.string()),
  model: z.string().nullable(),
  outcome: z.enum(['done', 'question', 'not_understood', 'failed', 'cancelled']).nullable(),
  citations: z
    .array(z.object({ kind: z.string(), id: z.string(), name: z.string().nullable() }))
    .meta({ description: 'What tools returned for the answer and it names or rests on' }),
  unverified_ids: z
    .array(z.string())
    .meta({ description: 'Ids in the answer that no tool returned' }),
  created_at: z.iso.datetime(),
})

const conversation = z.object({
  id: ref('conversation'),
  zone_id: ref('zone'),
  mode,
  autopilot: z.boolean().meta({
    description: 'Its person has opted in: plans that prove harmless are approved and applied',
  }),
  title: z.string(),
  person: z.object({ id: z.string(), name: z.string() }),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
})

const all = '/v1/zones/:zone_id/operator/conversations'
const one = `${all}/:conversation_id`
const target = { conversation_id: ref('conversation') }
const local = { versioned: false, level: 'converse', capability: 'read' } as const

export const conversations = [
  operation({
    id: 'conversations.list',
    summary: 'List your conversations with the Operator in the zone',
    effect: 'read',
    input: z.strictObject({ ...page }),
    output: pageOf(conversation),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'conversations.create',
    summary: 'Open a conversation with the Operator in the zone',
    effect: 'act',
    ...local,
    input: z.strictObject({
      mode: mode.default('agent'),
      title: z.string().max(limits.nameChars).default(''),
    }),
    output: conversation,
    route: ['POST', all, 201],
  }),
  operation({
    id: 'conversations.get',
    summary: 'Read one of your conversations with its messages',
    effect: 'read',
    input: z.strictObject(target),
    output: conversation.extend({ messages: z.array(message) }),
    route: ['GET', one, 200],
  }),
  operation({
    id: 'conversations.delete',
    summary: 'Delete one of your conversations; the plans and the audit log stay',
    effect: 'act',
    ...local,
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
  operation({
    id: 'conversations.autopilot_on',
    summary: 'Opt a conversation of yours in to autopilot, where that is switched on',
    effect: 'act',
    risk: 'high',
    capability: 'approve',
    versioned: false,
    input: z.strictObject(target),
    output: conversation,
    route: ['POST', `${one}/autopilot/on`, 200],
  }),
  operation({
    id: 'conversations.autopilot_off',
    summary: 'Opt a conversation of yours out of autopilot',
    effect: 'act',
    ...local,
    input: z.strictObject(target),
    output: conversation,
    route: ['POST', `${one}/autopilot/off`, 200],
  }),
  operation({
    id: 'conversations.send',
    summary: 'Say something to the Operator; the answer streams as server-sent events',
    effect: 'act',
    ...local,
    streams: 'events',
    input: z.strictObject({
      ...target,
      text: z.string().trim().min(1).max(limits.messageChars),
      client_message_id: z
        .string()
        .max(80)
        .optional()
        .meta({ description: 'Sent again with the same value, the same run answers' }),
    }),
    output: message,
    route: ['POST', `${one}/messages`, 200],
  }),
  operation({
    id: 'conversations.follow',
    summary: 'Follow the answer to something you said; the events stream as they are made',
    effect: 'read',
    streams: 'events',
    input: z.strictObject({
      ...target,
      message_id: z.string().max(80),
      since: z.int().min(0).optional().meta({
        description:
          'Go on behind this event; Last-Event-ID wins. Absent: the reply, or all events',
      }),
    }),
    output: message,
    route: ['GET', `${one}/messages/:message_id/stream`, 200],
  }),
  operation({
    id: 'conversations.cancel',
    summary: 'Stop the answer that is being made',
    effect: 'act',
    ...local,
    input: z.strictObject(target),
    output: z.object({ cancelled: z.boolean() }),
    route: ['POST', `${one}/cancel`, 200],
  }),
] as const
