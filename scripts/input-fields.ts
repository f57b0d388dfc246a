import type { z } from 'zod'
import { code } from './markdown.ts'

type Schema = z.core.JSONSchema.BaseSchema

/** One line of an operation's input as a page shows it; nested fields follow their parent. */
export interface InputField {
  /** `name`, `parent.name`, or `parent[].name` for the fields of a list's items. */
  readonly path: string
  readonly type: string
  readonly required: boolean
  /** The default as JSON; absent where there is none. */
  readonly fallback?: string
  readonly meaning: string
}

/** The fields of a JSON Schema of an object, depth first. */
export function inputFields(schema: Schema, prefix = ''): readonly InputField[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, declared]) => {
    const field = schemaOf(declared)
    const path = prefix + name
    const line: InputField = {
      path,
      type: typeOf(field),
      required: schema.required?.includes(name) === true,
      meaning: field.description ?? '',
      ...(field.default === undefined ? {} : { fallback: JSON.stringify(field.default) }),
    }
    return [line, ...nestedFields(field, path)]
  })
}

function nestedFields(schema: Schema, path: string): readonly InputField[] {
  if (schema.items !== undefined) return nestedFields(itemOf(schema), `${path}[]`)
  return [...inputFields(schema, `${path}.`), ...variantFields(variantsOf(schema), `${path}.`)]
}

/** The fields of a union: each once, saying with which of the alternatives it goes. */
function variantFields(variants: readonly Schema[], prefix: string): readonly InputField[] {
  const fields = variants.flatMap((variant) =>
    inputFields(variant, prefix).map((field) => ({ ...field, variant })),
  )
  const byPath = Map.groupBy(fields, (field) => field.path)
  return [...byPath.values()].flatMap((same) => {
    const [first] = same
    if (first === undefined) return []
    const { variant: _, ...field } = first
    const type = [...new Set(same.map((one) => one.type))].join(' or ')
    if (same.length === variants.length) return [{ ...field, type }]
    const where = same.flatMap(({ variant }) => tagOf(variant) ?? []).join(' or ')
    return [{ ...field, type, meaning: [field.meaning, where && `with ${where}`].join(' ').trim() }]
  })
}

/** What tells an alternative from its siblings: the value of its constant field, in code. */
function tagOf(variant: Schema): string | undefined {
  const constants = Object.values(variant.properties ?? {}).map((field) => schemaOf(field).const)
  const tag = constants.find((value) => value !== undefined)
  return tag === undefined ? undefined : code(String(tag))
}

/** A type in words, such as `list of 1 to 64: string` or `integer, 1 to 500`. */
function typeOf(schema: Schema): string {
  const { enum: choices, const: only, items, ref } = schema
  const variants = variantsOf(schema)
  if (variants.length > 0) return [...new Set(variants.map(typeOf))].join(' or ')
  if (only !== undefined) return code(String(only))
  if (choices !== undefined) return choices.map((choice) => code(String(choice))).join(' or ')
  if (typeof ref === 'string') return `id of ${wordsOf(ref)}`
  if (items !== undefined)
    return `list of ${range(schema.minItems, schema.maxItems)}: ${typeOf(itemOf(schema))}`
  if (schema.format !== undefined) return schema.format
  if (schema.type === undefined) return 'any JSON'
  const type = [schema.type].flat().join(' or ')
  const { minLength, maxLength, minimum, maximum } = schema
  if (minLength !== undefined || maxLength !== undefined)
    return `${type} of ${range(minLength, maxLength)} characters`
  if (minimum !== undefined || maximum !== undefined) return `${type}, ${range(minimum, maximum)}`
  return type
}

function range(least: number | undefined, most: number | undefined): string {
  if (most !== undefined) return least === undefined ? `up to ${most}` : `${least} to ${most}`
  return least === undefined ? 'any number' : `${least} or more`
}

function wordsOf(kind: string): string {
  return kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function variantsOf(schema: Schema): readonly Schema[] {
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map(schemaOf)
}

function itemOf(schema: Schema): Schema {
  return Array.isArray(schema.items) ? {} : schemaOf(schema.items ?? true)
}

/** `true` and `false` are JSON Schemas too: they say nothing of what the value looks like. */
function schemaOf(schema: Schema | boolean): Schema {
  return typeof schema === 'boolean' ? {} : schema
}
