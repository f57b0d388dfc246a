import { readFileSync } from 'node:fs'
import { usage } from './exit-codes.ts'
import type { Field } from './fields.ts'

export type Given = string | boolean | readonly string[]

/** Reads standard input whole; `-` stands for it, once in a command. */
export type ReadInput = () => Promise<string>

/**
 * The value of a field from what the command line says. Text is never guessed at: only what the
 * field's type needs is done with it, and the operation's own schema judges the result.
 */
export async function coerce(field: Field, given: Given, readInput: ReadInput): Promise<unknown> {
  if (typeof given === 'boolean') return given
  if (given === 'null' && field.nullable) return null
  if (field.kind === 'list') return listOf(field, given)
  const text = typeof given === 'string' ? given : (given.at(-1) ?? '')
  if (field.kind === 'json') return parseJson(`--${field.flag}`, await textOf(text, readInput))
  if (field.kind === 'number') return numberOf(field, text)
  if (field.kind === 'boolean') return booleanOf(field, text)
  if (field.secret) return secretOf(field, text, readInput)
  return field.document ? textOf(text, readInput) : text
}

/** `a,b` or the option given again; JSON where it begins as a list. */
function listOf(field: Field, given: Exclude<Given, boolean>): unknown {
  const parts = typeof given === 'string' ? [given] : given
  const [only] = parts
  if (parts.length === 1 && only?.trimStart().startsWith('[') === true)
    return parseJson(`--${field.flag}`, only)
  const values = parts
    .flatMap((part) => part.split(','))
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const { itemField } = field
  return itemField === null ? values : values.map((value) => ({ [itemField]: value }))
}

function numberOf(field: Field, text: string): number {
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number))
    throw usage(`--${field.flag} takes a number, not ${JSON.stringify(text)}.`)
  return number
}

function booleanOf(field: Field, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw usage(`--${field.flag} takes true or false.`)
}

/** A secret on the command line would be seen by whoever lists the processes, and kept by the shell. */
async function secretOf(field: Field, text: string, readInput: ReadInput): Promise<string> {
  if (text !== '-' && !text.startsWith('@'))
    throw usage(
      `--${field.flag} takes no secret on the command line, where others can read it.`,
      `Give it in a file (--${field.flag} @FILE) or through a pipe (--${field.flag} -).`,
    )
  return (await textOf(text, readInput)).replace(/\r?\n$/, '')
}

/** `@file` stands for what the file holds and `-` for standard input. */
async function textOf(text: string, readInput: ReadInput): Promise<string> {
  if (text === '-') return readInput()
  if (!text.startsWith('@')) return text
  try {
    return readFileSync(text.slice(1), 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw usage(`The file ${text.slice(1)} cannot be read: ${why}.`)
  }
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw usage(`${what} takes JSON: ${why}.`)
  }
}

/** An input given whole by `--json-input`. */
export async function readJsonInput(
  text: string,
  readInput: ReadInput,
): Promise<Readonly<Record<string, unknown>>> {
  const value = parseJson('--json-input', await textOf(text, readInput))
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>
  throw usage('--json-input takes a JSON object, such as \'{"name": "billing-agent"}\'.')
}
