import { z } from 'zod'
import { refuse } from '../kernel/faults.ts'

/**
 * Reads a query string by a schema: text becomes the number, boolean or list that a field wants.
 * What does not fit stays text, so that the door refuses it by its schema.
 */
export function readQuery(
  schema: z.ZodObject,
  query: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  // Made of entries: an assignment would lose a parameter that is called __proto__.
  return Object.fromEntries(
    Object.entries(query).map(([key, value]) => {
      const field = Object.hasOwn(schema.shape, key) ? (schema.shape[key] as z.ZodType) : undefined
      return [key, field === undefined ? value : readValue(unwrap(field), value)]
    }),
  )
}

function readValue(field: z.ZodType, value: unknown): unknown {
  if (field instanceof z.ZodArray) return [value].flat()
  if (typeof value !== 'string') return value
  if (field instanceof z.ZodBoolean) return booleans[value] ?? value
  if (field instanceof z.ZodNumber) return /^-?\d{1,15}$/.test(value) ? Number(value) : value
  return value
}

const booleans: Readonly<Record<string, boolean | undefined>> = Object.assign(
  Object.create(null) as object,
  { true: true, false: false },
)

function unwrap(field: z.ZodType): z.ZodType {
  return field instanceof z.ZodOptional ||
    field instanceof z.ZodDefault ||
    field instanceof z.ZodNullable
    ? unwrap(field.unwrap() as z.ZodType)
    : field
}

/** Takes `dry_run` out of a query that belongs to a write; whatever else stands there is refused. */
export function dryRunOf(query: Readonly<Record<string, unknown>>): boolean {
  const { dry_run, ...rest } = query
  const [extra] = Object.keys(rest)
  if (extra !== undefined)
    refuse('invalid_query', `A write has no query parameter ${JSON.stringify(extra.slice(0, 80))}.`)
  if (dry_run === undefined || dry_run === 'false') return false
  if (dry_run === 'true') return true
  refuse('invalid_query', 'dry_run takes true or false.')
}
