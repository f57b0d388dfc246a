import { z } from 'zod'
import { page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

const endpoint = z.object({
  model: z.string(),
  host: z.string(),
  failure: z.string().nullable().meta({ description: 'Why it is left alone at the moment' }),
  rests_until: z.iso.datetime().nullable(),
})

const amount = z.object({ tokens: z.number().int(), calls: z.number().int() })
const budget = z.object({ used: amount, bound: amount, free_at: z.iso.datetime() })

const modelCall = z.object({
  id: z.string(),
  conversation_id: z.string().nullable(),
  message_id: z.string().nullable(),
  person_id: z.string(),
  purpose: z.enum(['answer', 'summary', 'review', 'policy']),
  model: z.string(),
  host: z.string(),
  state: z.enum(['running', 'answered', 'failed', 'cancelled']),
  reason: z.string().nullable(),
  spent: z.number().int().meta({ description: 'Tokens that count against the budgets' }),
  input_tokens: z.number().int(),
  cache_write_tokens: z.number().int(),
  cache_read_tokens: z.number().int(),
  output_tokens: z.number().int(),
  duration_ms: z.number().int().nullable(),
  created_at: z.iso.datetime(),
})

export const operatorOperations = [
  operation({
    id: 'operator.status',
    summary: 'Say which model the Operator uses and whether it is ready',
    effect: 'read',
    place: 'anywhere',
    input: z.strictObject({}),
    output: z.object({
      ready: z.boolean(),
      model: z.string(),
      offline: z.boolean().meta({ description: 'True for the built-in planner: nothing leaves' }),
      system_zone_id: z.string(),
      applications: z.array(
        z.object({ name: z.string(), id: z.string(), scopes: z.array(z.string()) }),
      ),
    }),
    route: ['GET', '/v1/operator/status', 200],
  }),
  operation({
    id: 'operator.usage',
    summary: 'Say what models were used for today, what is left of the budgets, and how they are',
    effect: 'read',
    input: z.strictObject({}),
    output: z.object({
      zone: budget,
      installation: budget
        .nullable()
        .meta({ description: 'All zones together; null for who reads this zone alone' }),
      endpoints: z.array(endpoint).meta({ description: 'In the order in which they are asked' }),
    }),
    route: ['GET', '/v1/zones/:zone_id/operator/usage', 200],
  }),
  operation({
    id: 'operator.calls',
    summary: 'List the calls to models of the last 30 days, with what each of them cost',
    effect: 'read',
    input: z.strictObject({
      ...page,
      conversation_id: ref('conversation').optional(),
    }),
    output: pageOf(modelCall),
    route: ['GET', '/v1/zones/:zone_id/operator/calls', 200],
  }),
  operation({
    id: 'operator.capabilities',
    summary: 'List every operation with its argument schema, and which of them a plan may hold',
    effect: 'read',
    place: 'anywhere',
    input: z.strictObject({}),
    output: z.object({
      items: z.array(
        z.object({
          id: z.string(),
          summary: z.string(),
          effect: z.string(),
          risk: z.string(),
          scope: z.string(),
          plannable: z.boolean(),
          input_schema: z.record(z.string(), z.unknown()),
        }),
      ),
    }),
    route: ['GET', '/v1/operator/capabilities', 200],
  }),
] as const
