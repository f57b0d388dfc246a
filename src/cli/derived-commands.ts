import { type Command, Option } from 'commander'
import { catalogue } from '../../tools/catalogue.ts'
import { objectOf, type Operation } from '../../tools/operation.ts'
import { defaultVerbs, kebab, namesOfObject, namesOfVerb, verbOf } from './command-names.ts'
import { fieldsOf, isAboutZone, type Field } from './fields.ts'
import type { Given } from './coerce.ts'
import type { Invocation } from './run-operation.ts'

export type Run = (invocation: Invocation) => Promise<void>

/** Adds a command for every object of the catalogue and below it one for every operation. */
export function addDerivedCommands(
  program: Command,
  run: Run,
  operations: readonly Operation[] = catalogue,
): void {
  for (const [object, own] of Map.groupBy(operations, objectOf)) {
    const [name, ...aliases] = namesOfObject(object)
    const parent = program
      .command(name)
      .aliases(aliases)
      .summary(
        own
          .filter((operation) => !isForAgents(operation))
          .map((operation) => namesOfVerb(verbOf(operation))[0])
          .join(', '),
      )
      .description(`Work with ${object.replaceAll('_', ' ')}.`)
    for (const operation of own) addOperation(parent, operation, run)
  }
}

/** Called with the session mandate of an agent: there for its scripts, and no matter for a person. */
function isForAgents({ callers }: Operation): boolean {
  return callers === 'agents'
}

function addOperation(parent: Command, operation: Operation, run: Run): void {
  const verb = verbOf(operation)
  const [name, ...aliases] = namesOfVerb(verb)
  const fields = fieldsOf(operation)
  const isDefault = defaultVerbs[objectOf(operation)] === verb
  const command = parent
    .command(name, { isDefault, hidden: isForAgents(operation) })
    .aliases(aliases)
    .summary(operation.summary)
    .description(`${operation.summary}.`)
  const zoned = isAboutZone(operation)
  if (zoned) addZoneArgument(command, operation)
  for (const field of fields) addField(command, field)
  addCallOptions(command, operation)
  command.action(async (...args: unknown[]) => {
    const positional = args.slice(0, -2).filter((one) => one !== undefined) as string[]
    const zone = zoned ? zoneArgument(command, operation, positional) : null
    await run(
      invocationOf(operation, `${parent.name()} ${name}`, fields, zone, positional, command),
    )
  })
}

function addZoneArgument(command: Command, operation: Operation): void {
  const isRead = operation.effect === 'read'
  command.argument('[zone]', isRead ? 'id or slug; --zone when absent' : 'id or slug; required')
}

/**
 * What changes a zone names it, by the argument or by `--zone`: what is forgotten must not fall on
 * the default zone. Takes the argument from `positional`.
 */
function zoneArgument(command: Command, operation: Operation, positional: string[]): string | null {
  const { zone: option } = command.optsWithGlobals<{ zone?: string }>()
  const zone = positional.shift() ?? option ?? null
  if (zone === null && operation.effect !== 'read')
    command.error("error: missing required argument 'zone'", { code: 'commander.missingArgument' })
  return zone
}

function addField(command: Command, field: Field): void {
  if (field.place === 'positional') {
    command.argument(`[${field.flag}]`, describe(field))
    for (const flag of new Set([field.flag, kebab(field.name)]))
      addOption(command, field, flag, null)
    return
  }
  if (field.kind === 'boolean') {
    command.option(`--${field.flag}`, describe(field))
    command.addOption(
      new Option(`--no-${field.flag}`, `the opposite of --${field.flag}`).hideHelp(),
    )
    return
  }
  addOption(command, field, field.flag, describe(field))
  const full = kebab(field.name)
  if (full !== field.flag) addOption(command, field, full, null)
}

/** A description of null hides the option: it is another spelling. */
function addOption(command: Command, field: Field, flag: string, description: string | null): void {
  const option = new Option(`--${flag} <${valueName(field)}>`, description ?? '')
  if (description === null) option.hideHelp()
  if (field.kind === 'list')
    option.argParser((value, before: readonly string[] | undefined) => [...(before ?? []), value])
  command.addOption(option)
}

function valueName(field: Field): string {
  if (field.secret || field.document) return '@file|-'
  if (field.kind === 'list') return 'a,b'
  if (field.kind === 'json') return 'json|@file|-'
  return field.ref === null ? field.kind : 'id|name'
}

function describe(field: Field): string {
  const choices = field.choices.length === 0 ? [] : [`one of ${field.choices.join(', ')}`]
  const notes = [
    ...(field.description === '' ? [] : [field.description]),
    ...choices,
    ...(field.nullable ? ['null takes it away'] : []),
    ...(field.kind === 'boolean' ? [`--no-${field.flag} for the opposite`] : []),
    ...(field.required ? ['required'] : []),
  ]
  return notes.join('; ')
}

function addCallOptions(command: Command, operation: Operation): void {
  const { effect, route, plannable, streams } = operation
  command.option('--json-input <json|@file|->', 'the whole input as JSON; other options go over it')
  if ('cursor' in operation.input.shape) command.option('--all', 'every page, not only the first')
  if (effect === 'read' || streams !== null) return
  if (plannable) command.option('--dry-run', 'show what would change, and change nothing')
  command.option('--if-match <revision>', 'only if the object still has this revision')
  if (route.method === 'POST')
    command.option('--idempotency-key <key>', 'sent again with the same key it is done once')
}

function invocationOf(
  operation: Operation,
  name: string,
  fields: readonly Field[],
  zone: string | null,
  positional: readonly string[],
  command: Command,
): Invocation {
  const options = command.opts<Readonly<Record<string, Given | undefined>>>()
  const given: Record<string, Given | undefined> = {}
  for (const field of fields)
    given[field.name] = options[keyOf(field.flag)] ?? options[keyOf(kebab(field.name))]
  // Whatever an option has named is no longer among the arguments.
  const places = fields.filter(
    ({ name: field, place }) => place === 'positional' && given[field] === undefined,
  )
  if (positional.length > places.length) refuseExcess(command, positional.length, places.length)
  places.forEach((field, i) => {
    given[field.name] = positional[i]
  })
  return {
    operation,
    command: name,
    fields,
    given,
    zone,
    jsonInput: textOf(options['jsonInput']),
    dryRun: options['dryRun'] === true,
    ifMatch: textOf(options['ifMatch']),
    idempotencyKey: textOf(options['idempotencyKey']),
    all: options['all'] === true,
  }
}

function refuseExcess(command: Command, given: number, expected: number): never {
  command.error(
    `error: too many arguments for '${command.name()}'. Expected ${expected} beside the options but got ${given}.`,
    { code: 'commander.excessArguments' },
  )
}

/** The name under which commander keeps an option. */
function keyOf(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function textOf(given: Given | undefined): string | null {
  return typeof given === 'string' ? given : null
}
