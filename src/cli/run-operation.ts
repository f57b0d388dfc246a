import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import type { RequestOf } from '../../tools/catalogue.ts'
import { objectOf, type Operation } from '../../tools/operation.ts'
import { followAnswer } from '../client/converse.ts'
import { camelOf, verbOf } from './command-names.ts'
import { coerce, readJsonInput, type Given } from './coerce.ts'
import { CliError, exitCodes, usage } from './exit-codes.ts'
import { exampleOf, isAboutZone, type Field } from './fields.ts'
import { namesOf, type Names } from './names.ts'
import { idOf, resolveNames } from './references.ts'
import { columnsFor, renderAnswer, renderDryRun } from './render-answer.ts'
import { renderMessage, say } from './say.ts'
import type { Session } from './session.ts'
import { withProgress } from './progress.ts'

/** What a command line gave for one operation. */
export interface Invocation {
  readonly operation: Operation
  /** What the command is called, such as `application create`. */
  readonly command: string
  readonly fields: readonly Field[]
  /** Values by the field's name; absent ones were not given. */
  readonly given: Readonly<Record<string, Given | undefined>>
  /** The zone that the command is about, where it takes one as its argument. */
  readonly zone: string | null
  readonly jsonInput: string | null
  readonly dryRun: boolean
  readonly ifMatch: string | null
  readonly idempotencyKey: string | null
  /** Every page of a list, not only the first. */
  readonly all: boolean
}

/** Runs one operation of the catalogue and prints its answer. */
export async function runOperation(session: Session, invocation: Invocation): Promise<void> {
  const { io, json } = session
  const { operation } = invocation
  const input = await inputOf(session, invocation)
  const answer = await callOf(session, invocation, input)
  if (json) io.out(JSON.stringify(answer, null, 2))
  else if (operation.streams !== null) io.out(renderMessage(answer as never))
  else if (invocation.dryRun) io.out(renderDryRun(answer, io))
  else io.out(renderAnswer(operation, answer, io, await namesFor(session, operation, answer)))
  const cursor = (answer as { readonly next_cursor?: unknown }).next_cursor
  if (typeof cursor === 'string')
    io.note(io.paint.dim(`There is more: --all shows it, --cursor ${cursor} goes on.`))
}

/** The names for the ids of a list that has something in it. */
async function namesFor(session: Session, operation: Operation, answer: unknown): Promise<Names> {
  const { items } = answer as { readonly items?: readonly unknown[] }
  if (items === undefined || items.length === 0) return new Map()
  return namesOf(session.client(), session.zone, columnsFor(operation) ?? [])
}

/** The input that the command line means: its JSON, overlaid with its fields, names made ids. */
async function inputOf(
  session: Session,
  invocation: Invocation,
): Promise<Readonly<Record<string, unknown>>> {
  const { operation, fields, given, jsonInput } = invocation
  const readInput = (): Promise<string> => session.io.readInput()
  const input: Record<string, unknown> =
    jsonInput === null ? {} : { ...(await readJsonInput(jsonInput, readInput)) }
  for (const field of fields) {
    const value = given[field.name]
    if (value !== undefined) input[field.name] = await coerce(field, value, readInput)
  }
  if (jsonInput === null) giveByHand(session, fields, input)
  inferLanguage(operation, given, input)
  scopeByZone(session, operation, input)
  refuseMissing(invocation, input)
  const resolved = await resolveNames(session.client(), session.zone, operation, input)
  const parsed = operation.input.safeParse(resolved)
  if (!parsed.success) throw badInput(invocation, parsed.error)
  return resolved
}

/** What a person has not spoken of and would expect: it is given, and said. */
function giveByHand(
  { io }: Session,
  fields: readonly Field[],
  input: Record<string, unknown>,
): void {
  for (const { name, flag, byHand, description } of fields) {
    if (byHand === null || input[name] !== undefined) continue
    input[name] = byHand
    const [on, off] = byHand ? [`--${flag}`, `--no-${flag}`] : [`--no-${flag}`, `--${flag}`]
    io.note(io.paint.dim(`With ${on}: ${description}. ${off} for the opposite.`))
  }
}

/** `--source @rules.yaml` says how the document is written. */
function inferLanguage(
  operation: Operation,
  given: Invocation['given'],
  input: Record<string, unknown>,
): void {
  if (!('language' in operation.input.shape) || input['language'] !== undefined) return
  const { source } = given
  const extension =
    typeof source === 'string' ? /^@.*\.(json|ya?ml|rego)$/i.exec(source)?.[1] : undefined
  if (extension !== undefined) input['language'] = extension.toLowerCase().replace('yml', 'yaml')
}

/** `--zone` on an operation of the platform that can be kept to one zone means that zone. */
function scopeByZone(
  { namedZone }: Session,
  operation: Operation,
  input: Record<string, unknown>,
): void {
  const takesZone = operation.place !== 'zone' && 'zone_id' in operation.input.shape
  if (takesZone && namedZone !== null) input['zone_id'] ??= namedZone
}

function refuseMissing(
  { operation, command, fields }: Invocation,
  input: Readonly<Record<string, unknown>>,
): void {
  const missing = fields.filter((field) => field.required && input[field.name] === undefined)
  if (missing.length === 0) return
  const names = missing.map(nameOf).join(', ')
  throw new CliError(exitCodes.usage, 'usage', `${command} needs ${names}.`, {
    hint: `For example: ${exampleOf(operation, command)}`,
    details: { missing: missing.map(({ name }) => name) },
  })
}

function nameOf(field: Field): string {
  return field.place === 'positional' ? field.flag.toUpperCase() : `--${field.flag}`
}

function badInput({ fields, operation, command }: Invocation, error: z.ZodError): CliError {
  const issues = error.issues.map((issue) => {
    const [first, ...rest] = issue.path.map(String)
    const field = fields.find(({ name }) => name === first)
    const path = [field === undefined ? (first ?? '') : nameOf(field), ...rest].join('.')
    return { path, message: issue.message }
  })
  const [first] = issues
  const message = `${command}: ${first === undefined ? 'is not valid' : `${first.path} ${first.message}`.trim()}`
  return new CliError(exitCodes.usage, 'usage', message, {
    hint: `For example: ${exampleOf(operation, command)}`,
    details: { issues },
  })
}

type Method = ((...args: unknown[]) => Promise<unknown>) & {
  readonly all?: (...args: unknown[]) => AsyncIterable<unknown>
}

async function callOf(
  session: Session,
  invocation: Invocation,
  input: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const { operation } = invocation
  const client = session.client()
  const zone = await zoneOf(session, invocation)
  if (operation.id === 'conversations.follow') {
    const { conversation_id, message_id, since } = input as RequestOf<'conversations.follow'>
    const from = since === undefined ? {} : { since }
    return await followAnswer(client, zone, conversation_id, message_id, from)
  }
  if (operation.streams !== null) {
    const { conversation_id, text } = input as { conversation_id: string; text: string }
    return (await say(client, zone, conversation_id, text, session.io)).message
  }
  const objects = client as unknown as Readonly<Record<string, Readonly<Record<string, Method>>>>
  const method = objects[camelOf(objectOf(operation))]?.[camelOf(verbOf(operation))]
  if (method === undefined) throw new Error(`the client has no method for ${operation.id}`)
  const placed = operation.place === 'zone' ? [zone] : []
  const stage = operation.summary.toLowerCase()
  if (!invocation.all)
    return withProgress(session.io, stage, () => method(...placed, input, optionsOf(invocation)))
  const { all } = method
  if (all === undefined) throw usage(`${invocation.command} has no pages: leave --all out.`)
  return withProgress(session.io, stage, async () => {
    const items: unknown[] = []
    for await (const item of all(...placed, input)) items.push(item)
    return { items, next_cursor: null }
  })
}

function optionsOf({ operation, dryRun, ifMatch, idempotencyKey }: Invocation) {
  const creates = operation.route.method === 'POST' && operation.effect !== 'read' && !dryRun
  const key = idempotencyKey ?? (creates ? randomUUID() : null)
  return {
    ...(dryRun ? { dryRun } : {}),
    ...(ifMatch === null ? {} : { ifMatch }),
    ...(key === null ? {} : { idempotencyKey: key }),
  }
}

/** A zone is named by id or slug; any other text is looked for among the names. */
async function zoneOf(session: Session, { operation, zone }: Invocation): Promise<string> {
  const named = isAboutZone(operation) ? (zone ?? session.zone) : session.zone
  if (operation.place !== 'zone' || /^[a-z0-9_-]+$/.test(named)) return named
  return idOf(session.client(), named, 'zone', named)
}
