import { z } from 'zod'

export type JsonSchema = Readonly<Record<string, unknown>>

/** Longer patterns cost more of a model's context than they tell it; the door checks them anyway. */
const patternChars = 48

/** What zod writes that says nothing to whoever fills in the arguments. */
const noise = new Set(['$schema', 'ref', 'secret', 'propertyNames'])

/** Bounds and words of an answer: its reader needs the shape alone. */
const outputNoise = new Set([
  ...noise,
  'additionalProperties',
  'default',
  'description',
  'format',
  'maxItems',
  'maxLength',
  'maximum',
  'minItems',
  'minLength',
  'minimum',
  'pattern',
  'required',
])

/** Objects within objects that an answer's schema spells out; deeper ones are only said to be some. */
const outputDepth = { whole: 2, outline: 1 } as const

/**
 * The JSON Schema of a tool's arguments, as small as it can be while it still refuses undeclared
 * ones. Beyond `requires`, it is never stricter than the schema that the door parses by.
 */
export function inputSchemaOf(schema: z.ZodObject, requires: readonly string[]): JsonSchema {
  const { required = [], ...rest } = z.toJSONSchema(schema, { io: 'input' })
  const all = [...required, ...requires]
  return shrink(
    { ...rest, ...(all.length > 0 && { required: all }) },
    { keep: inputKeyword, depth: Infinity },
  )
}

/**
 * The JSON Schema of a tool's answer, with the fields that are always there named at the top alone.
 * Further fields are allowed, so that old clients go on.
 */
export function outputSchemaOf(schema: z.ZodObject, answer: keyof typeof outputDepth): JsonSchema {
  const whole = z.toJSONSchema(schema, { io: 'output' })
  const { required = [] } = whole
  return {
    ...shrink(whole, { keep: outputKeyword, depth: outputDepth[answer] }),
    ...(required.length > 0 && { required }),
  }
}

interface Rules {
  readonly keep: (keyword: string, value: unknown, schema: JsonSchema) => boolean
  /** How many more objects are spelled out. */
  readonly depth: number
}

function inputKeyword(keyword: string, value: unknown, schema: JsonSchema): boolean {
  if (noise.has(keyword)) return false
  if (keyword === 'additionalProperties') return value === false
  if (keyword !== 'pattern') return true
  const told = schema.ref !== undefined || schema.format !== undefined
  return !told && String(value).length <= patternChars
}

function outputKeyword(keyword: string): boolean {
  return !outputNoise.has(keyword)
}

function shrink(schema: JsonSchema, rules: Rules): JsonSchema {
  const { properties } = schema
  if (properties !== undefined && rules.depth === 0) return { type: 'object' }
  const inner = properties === undefined ? rules : { ...rules, depth: rules.depth - 1 }
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword, value]) => rules.keep(keyword, value, schema))
      .map(([keyword, value]) => [keyword, shrinkValue(keyword, value, inner)]),
  )
}

/** Under `properties` stand names, under the other keywords that are objects a schema. */
function shrinkValue(keyword: string, value: unknown, rules: Rules): unknown {
  if (keyword === 'properties')
    return Object.fromEntries(
      Object.entries(value as JsonSchema).map(([name, schema]) => [
        name,
        shrink(schema as JsonSchema, rules),
      ]),
    )
  if (keyword === 'default' || keyword === 'enum') return value
  if (Array.isArray(value))
    return (value as unknown[]).map((item) => (isSchema(item) ? shrink(item, rules) : item))
  return isSchema(value) ? shrink(value, rules) : value
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null
}
