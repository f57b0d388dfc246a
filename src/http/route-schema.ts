import { z } from 'zod'
import { objectOf, pathFields, type Operation } from '../../tools/operation.ts'
import { preview } from '../../tools/plans.ts'

/** What the documentation says of an operation's route: fields by place, and every answer. */
export function routeSchema(operation: Operation): Record<string, unknown> {
  const fields = pathFields(operation)
  const inPath = operation.route.path.includes(':zone_id') ? ['zone_id', ...fields] : fields
  const rest = z.strictObject(
    Object.fromEntries(
      Object.entries(operation.input.shape).filter(([key]) => !fields.includes(key)),
    ),
  )
  const read = operation.route.method === 'GET'
  const empty = Object.keys(rest.shape).length === 0
  const params = z.object(Object.fromEntries(inPath.map((field) => [field, z.string()])))
  const dryRun = z.object({
    dry_run: z
      .boolean()
      .optional()
      .meta({ description: 'Answer what would change, and change nothing' }),
  })
  return {
    operationId: operation.id,
    summary: operation.summary,
    tags: [objectOf(operation)],
    ...(inPath.length > 0 && { params }),
    ...(read ? !empty && { querystring: rest } : operation.plannable && { querystring: dryRun }),
    ...(!read && !empty && operation.route.method !== 'DELETE' && { body: rest }),
    response: answersOf(operation),
    security: [{ bearer: [] }],
  }
}

/** Every status that the route answers with: its own, 200 for a dry run, and any of a refusal. */
function answersOf({ route, plannable, output, streams }: Operation): Record<string, unknown> {
  const dryRun = route.method !== 'GET' && plannable
  const own = dryRun && route.status === 200 ? z.union([output, preview]) : output
  return {
    ...(dryRun && { 200: preview }),
    [route.status]:
      route.status === 204
        ? z.null().meta({ description: 'Done' })
        : streams === null
          ? own
          : streamed[streams],
    default: errorSchema,
  }
}

/** An OpenAPI schema of an event stream would be of its text: events differ by their names. */
const eventStream = z.string().meta({
  description: 'Events by name, each with JSON as its data; the last is `done` or `error`',
})

const streamed = {
  events: {
    description: 'Server-sent events',
    content: { 'text/event-stream': { schema: eventStream } },
  },
  file: {
    description: 'A file in the format asked for',
    content: {
      'application/jsonl': { schema: z.string() },
      'text/csv': { schema: z.string() },
    },
  },
} as const

const errorSchema = z
  .object({
    error: z.string().meta({ description: 'The code; docs/errors.md lists them' }),
    error_description: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
    request_id: z.string(),
  })
  .meta({ description: 'A refusal' })
