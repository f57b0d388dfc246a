import { z } from 'zod'
import { operation } from './operation.ts'

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
