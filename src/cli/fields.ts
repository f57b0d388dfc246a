import type { z } from 'zod'
import { metaOf, type RefKind } from '../../tools/fields.ts'
import { objectOf, pathFields, type Operation } from '../../tools/operation.ts'
import { kebab } from './command-names.ts'

/** How text of the command line becomes the value of a field. */
export type FieldKind = 'text' | 'number' | 'boolean' | 'list' | 'json'

/** One field of an operation's input, as the command line takes it. */
export interface Field {
  /** Name in the input. */
  readonly name: string
  /** Long option, without dashes. */
  readonly flag: string
  readonly kind: FieldKind
  readonly required: boolean
  readonly nullable: boolean
  readonly place: 'positional' | 'option'
  readonly choices: readonly string[]
  /** Kind of object that the value, or each of a list, is the id of; its name is taken as well. */
  readonly ref: RefKind | null
  readonly secret: boolean
  /** A document: taken from `@file` or from standard input (`-`). */
  readonly document: boolean
  /** The one field of each of a list's items: plain values may stand for the items. */
  readonly itemField: string | null
  /** What is given where the person has said nothing; null: nothing is. */
  readonly byHand: boolean | null
  readonly description: string
}

/** Options that belong to the command itself, so that no field may take their name. */
const reserved: ReadonlySet<string> = new Set([
  'all',
  'help',
  'home',
  'json',
  'json-input',
  'url',
  'version',
  'zone',
])

/** Fields that hold a whole text of their own. */
const documents: ReadonlySet<string> = new Set(['source'])

/** The fields of an operation's input, positional ones first and in the order of the path. */
export function fieldsOf(operation: Operation): readonly Field[] {
  const inPath = pathFields(operation)
  const shape = operation.input.shape as Readonly<Record<string, z.ZodType>>
  const fields = Object.entries(shape).map(([name, schema]) => fieldOf(operation, name, schema))
  const rank = ({ name, place }: Field): number =>
    place === 'option'
      ? inPath.length + 1
      : inPath.includes(name)
        ? inPath.indexOf(name)
        : inPath.length
  return fields.sort((a, b) => rank(a) - rank(b))
}

function fieldOf(operation: Operation, name: string, schema: z.ZodType): Field {
  const { ref, secret, byHand, description } = metaOf(schema)
  const seen = see(schema)
  const short = ref === undefined ? name : name.replace(/_id$/, '')
  return {
    name,
    flag: reserved.has(kebab(short)) ? kebab(name) : kebab(short),
    kind: seen.kind,
    required: seen.required,
    nullable: seen.nullable,
    place: isPositional(operation, name) ? 'positional' : 'option',
    choices: seen.choices,
    ref: ref ?? seen.itemRef,
    secret: secret === true,
    document: documents.has(name),
    itemField: seen.itemField,
    byHand: byHand ?? null,
    description: description ?? '',
  }
}

/** What stands in the path, the name of what is created, and what is said to the Operator. */
function isPositional(operation: Operation, name: string): boolean {
  if (pathFields(operation).includes(name)) return true
  return (
    name === (operation.streams !== null ? 'text' : operation.effect === 'create' ? 'name' : null)
  )
}

interface Seen {
  readonly kind: FieldKind
  readonly required: boolean
  readonly nullable: boolean
  readonly choices: readonly string[]
  readonly itemField: string | null
  readonly itemRef: RefKind | null
}

const text: Seen = {
  kind: 'text',
  required: true,
  nullable: false,
  choices: [],
  itemField: null,
  itemRef: null,
}

type Definition = z.core.$ZodTypes['_zod']['def']

/** What a schema wants, seen through the wrappers that make it optional or nullable. */
function see(schema: z.core.$ZodType): Seen {
  const def = (schema as z.core.$ZodTypes)._zod.def
  switch (def.type) {
    case 'optional':
    case 'default':
      return { ...see(def.innerType), required: false }
    case 'nullable':
      return { ...see(def.innerType), nullable: true }
    case 'boolean':
      return { ...text, kind: 'boolean' }
    case 'number':
      return { ...text, kind: 'number' }
    case 'enum':
      return { ...text, choices: Object.values(def.entries).map(String) }
    case 'string':
      return text
    case 'array':
      return seeList(def)
    default:
      return { ...text, kind: 'json' }
  }
}

function seeList(def: Extract<Definition, { type: 'array' }>): Seen {
  const item = see(def.element)
  if (item.kind === 'text') return { ...text, kind: 'list', choices: item.choices }
  const only = onlyField(def.element)
  return only === null
    ? { ...text, kind: 'json' }
    : { ...text, kind: 'list', itemField: only.name, itemRef: metaOf(only.schema).ref ?? null }
}

/** The field of an object that has just one, and that one of text. */
function onlyField(schema: z.core.$ZodType): { name: string; schema: z.ZodType } | null {
  const def = (schema as z.core.$ZodTypes)._zod.def
  if (def.type !== 'object') return null
  const [first, ...others] = Object.entries(def.shape)
  if (first === undefined || others.length > 0 || see(first[1]).kind !== 'text') return null
  return { name: first[0], schema: first[1] as z.ZodType }
}

/** What stands for a field in usage lines and examples, such as `<application>` or `active`. */
function placeholderOf(field: Field): string {
  if (field.choices.length > 0) return field.choices[0] ?? ''
  if (field.name === 'scopes') return 'invoices:read'
  if (field.document) return '@FILE'
  return field.kind === 'json' ? "'{...}'" : `<${field.flag}>`
}

/** A command line that gives everything an operation requires. */
export function exampleOf(operation: Operation, command: string): string {
  const parts = fieldsOf(operation)
    .filter((field) => field.required)
    .map((field) =>
      field.place === 'positional'
        ? placeholderOf(field)
        : `--${field.flag} ${placeholderOf(field)}`,
    )
  return ['caracal', command, ...parts].join(' ')
}

/** Whether an operation acts on the zone that it is called in: the zone is what it is about. */
export function isAboutZone(operation: Operation): boolean {
  return objectOf(operation) === 'zones' && operation.place === 'zone'
}
