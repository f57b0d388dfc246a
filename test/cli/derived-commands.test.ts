import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { coerce } from '../../src/cli/coerce.ts'
import { namesOfObject, namesOfVerb, verbOf } from '../../src/cli/command-names.ts'
import { addDerivedCommands } from '../../src/cli/derived-commands.ts'
import { exampleOf, fieldsOf, isAboutZone, type Field } from '../../src/cli/fields.ts'
import { createIo } from '../../src/cli/io.ts'
import { ownPlanCommands } from '../../src/cli/plan-commands.ts'
import { ownPolicyCommands } from '../../src/cli/policy-draft.ts'
import { buildProgram } from '../../src/cli/program.ts'
import type { Invocation } from '../../src/cli/run-operation.ts'
import { catalogue } from '../../tools/catalogue.ts'
import { objectOf, type Operation } from '../../tools/operation.ts'
import { openStreams } from './terminal.ts'

const operations: readonly (readonly [string, Operation])[] = catalogue.map((operation) => [
  operation.id,
  operation,
])

function wholeProgram(): Command {
  const { streams } = openStreams(false)
  return buildProgram({ env: {}, io: createIo(streams, false), streams }, async () => undefined)
}

function positionalOf(operation: Operation): readonly Field[] {
  return fieldsOf(operation).filter(({ place }) => place === 'positional')
}

/** What a command line asks for; commander's own refusals are thrown. */
async function parse(...args: string[]): Promise<Invocation> {
  const seen: Invocation[] = []
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined })
  addDerivedCommands(program, async (invocation) => {
    seen.push(invocation)
  })
  await program.parseAsync(args, { from: 'user' })
  const [invocation] = seen
  if (invocation === undefined) throw new Error('nothing was run')
  return invocation
}

describe('every operation of the catalogue', () => {
  test.each(operations)('%s has its command under each of its names', (_, operation) => {
    const program = wholeProgram()
    for (const object of namesOfObject(objectOf(operation))) {
      const parent = program.commands.find(
        (command) => command.name() === object || command.aliases().includes(object),
      )
      const [verb] = namesOfVerb(verbOf(operation))
      expect(
        parent?.commands.map((command) => command.name()),
        object,
      ).toContain(verb)
    }
  })

  test.each(operations)(
    '%s takes every field of its input, and the flags differ',
    (_, operation) => {
      const fields = fieldsOf(operation)
      expect(fields.map(({ name }) => name).sort()).toEqual(
        Object.keys(operation.input.shape).sort(),
      )
      expect(new Set(fields.map(({ flag }) => flag)).size).toBe(fields.length)
    },
  )

  test.each(operations)(
    '%s has an example that its own command understands',
    async (id, operation) => {
      const [object] = namesOfObject(objectOf(operation))
      const [verb] = namesOfVerb(verbOf(operation))
      const words = exampleOf(operation, `${object} ${verb}`).split(' ').slice(1)
      const zone = isAboutZone(operation) ? ['default'] : []
      const invocation = await parse(...words, ...zone)
      expect(invocation.operation.id).toBe(id)
      const missing = invocation.fields.filter(
        ({ name, required }) => required && invocation.given[name] === undefined,
      )
      expect(missing).toEqual([])
    },
  )

  test('no name stands for two objects, or two verbs of one', () => {
    const program = wholeProgram()
    for (const parent of [program, ...program.commands]) {
      const names = parent.commands.flatMap((command) => [command.name(), ...command.aliases()])
      expect(names.length, parent.name()).toBe(new Set(names).size)
    }
  })
})

describe('command lines', () => {
  test.each([
    [['app', 'create', 'billing-agent'], 'applications.create', { name: 'billing-agent' }],
    [['applications', 'ls'], 'applications.list', {}],
    [['application', 'rotate-secret', 'x'], 'applications.rotate_secret', { application_id: 'x' }],
    [
      [
        'grant',
        'create',
        '--application',
        'a',
        '--resource',
        'r',
        '--scopes',
        'x,y',
        '--scopes',
        'z',
      ],
      'grants.create',
      { application_id: 'a', resource_id: 'r', scopes: ['x,y', 'z'] },
    ],
    [['grant', 'ls', '--application-id', 'a'], 'grants.list', { application_id: 'a' }],
    [['zone', 'patch', 'staging', '--dcr-enabled'], 'zones.patch', { dcr_enabled: true }],
    [['zone', 'patch', 'staging', '--no-dcr-enabled'], 'zones.patch', { dcr_enabled: false }],
    [['zone', 'patch', 'staging'], 'zones.patch', {}],
    [['audit'], 'audit.list', {}],
    [['audit', '--outcome', 'deny'], 'audit.list', { outcome: 'deny' }],
    [['audit', 'by-request', 'req_1'], 'audit.by_request', { request_id: 'req_1' }],
    [
      ['policy-set', 'get-version', 's', 'v'],
      'policy_sets.get_version',
      { policy_set_id: 's', version_id: 'v' },
    ],
    [
      ['policy-set', 'activate', 's', '--version-id', 'v'],
      'policy_sets.activate',
      { policy_set_id: 's', version_id: 'v' },
    ],
    [['token', 'rm', 't'], 'admin_tokens.delete', { admin_token_id: 't' }],
    [
      ['conversation', 'send', 'c', 'hello there'],
      'conversations.send',
      { conversation_id: 'c', text: 'hello there' },
    ],
  ])('%j is %s', async (args, id, given) => {
    const invocation = await parse(...args)
    expect(invocation.operation.id).toBe(id)
    const set = Object.entries(invocation.given).filter(([, value]) => value !== undefined)
    expect(Object.fromEntries(set)).toEqual(given)
  })

  test.each(operations.filter(([, operation]) => positionalOf(operation).length > 0))(
    '%s takes its arguments as options too, in any mixture',
    async (_, operation) => {
      const [object] = namesOfObject(objectOf(operation))
      const [verb] = namesOfVerb(verbOf(operation))
      const places = positionalOf(operation)
      const expected = Object.fromEntries(places.map(({ name, flag }) => [name, `the-${flag}`]))
      for (let optional = 1; optional < 2 ** places.length; optional += 1) {
        const words = places.flatMap(({ flag }, at) =>
          optional & (1 << at) ? [`--${flag}`, `the-${flag}`] : [`the-${flag}`],
        )
        const { given } = await parse(object, verb, ...words)
        expect(given, words.join(' ')).toMatchObject(expected)
      }
      const twice = places.flatMap(({ flag }) => [`--${flag}`, 'x'])
      await expect(parse(object, verb, ...twice, 'x')).rejects.toMatchObject({
        code: 'commander.excessArguments',
      })
    },
  )

  test.each(operations)('%s says which option was meant', async (_, operation) => {
    const [object] = namesOfObject(objectOf(operation))
    const [verb] = namesOfVerb(verbOf(operation))
    for (const { flag } of fieldsOf(operation)) {
      const swapped = flag.length < 3 ? `${flag}x` : `${flag.slice(0, -2)}${flag.at(-1) ?? ''}`
      if (fieldsOf(operation).some((other) => other.flag === swapped)) continue
      const program = wholeProgram()
      const refused = program.parseAsync([object, verb, `--${swapped}`, 'x'], { from: 'user' })
      // Of the commands made by hand some have arguments that no option names.
      const isArgument =
        (ownPlanCommands.has(operation.id) && flag === 'plan') ||
        (ownPolicyCommands.has(operation.id) && flag === 'words')
      await expect(refused).rejects.toMatchObject({
        code: 'commander.unknownOption',
        message: `error: unknown option '--${swapped}'; ${isArgument ? 'it is an argument' : `did you mean --${flag}?`}`,
        hint: isArgument
          ? `Type: caracal ${object} ${verb} <${flag}>`
          : `See: caracal ${object} ${verb} --help`,
      })
    }
  })

  test.each(
    operations.filter(([, operation]) => isAboutZone(operation) && operation.effect !== 'read'),
  )('%s takes its zone from --zone, and from nowhere else', async (_, operation) => {
    const [verb] = namesOfVerb(verbOf(operation))
    const zones: (string | null)[] = []
    const program = new Command().option('--zone <zone>').exitOverride()
    addDerivedCommands(program, async ({ zone }) => {
      zones.push(zone)
    })
    await program.parseAsync(['zone', verb, '--zone', 'mine'], { from: 'user' })
    await program.parseAsync(['zone', verb, 'other'], { from: 'user' })
    expect(zones).toEqual(['mine', 'other'])
  })

  test('what only agents may call is not shown to people', () => {
    const forAgents = catalogue.filter(({ callers }) => callers === 'agents')
    expect(forAgents.length).toBeGreaterThan(0)
    for (const operation of forAgents) {
      const [object] = namesOfObject(objectOf(operation))
      const [verb] = namesOfVerb(verbOf(operation))
      const program = wholeProgram()
      const parent = program.commands.find((command) => command.name() === object)
      expect(parent?.helpInformation()).not.toMatch(new RegExp(`^ +${verb}\\b`, 'm'))
      expect(parent?.summary().split(', ')).not.toContain(verb)
    }
  })

  test('what belongs to the call itself is not part of its input', async () => {
    const options = ['--dry-run', '--if-match', '7', '--idempotency-key', 'k', '--json-input', '{}']
    expect(await parse('app', 'create', 'x', ...options)).toMatchObject({
      dryRun: true,
      ifMatch: '7',
      idempotencyKey: 'k',
      jsonInput: '{}',
      all: false,
    })
    expect(await parse('app', 'list', '--all')).toMatchObject({ all: true })
  })

  test.each([
    [['zone', 'delete'], 'commander.missingArgument'],
    [['zone', 'patch', '--name', 'x'], 'commander.missingArgument'],
    [['app', 'list', '--dry-run'], 'commander.unknownOption'],
    [['app', 'create', 'x', '--secret', 'y'], 'commander.unknownOption'],
    [['app', 'get', 'x', 'y'], 'commander.excessArguments'],
    [['app', 'approve'], 'commander.unknownCommand'],
  ])('%j is refused', async (args, code) => {
    await expect(parse(...args)).rejects.toMatchObject({ code })
  })
})

describe('values', () => {
  const readInput = async () => 'from a pipe\n'

  function field(id: string, name: string): Field {
    const operation = catalogue.find((one) => one.id === id) as Operation | undefined
    const found = operation && fieldsOf(operation).find((one) => one.name === name)
    if (found === undefined) throw new Error(`${id} has no ${name}`)
    return found
  }

  test.each([
    ['grants.create', 'scopes', 'a:read, b:read', ['a:read', 'b:read']],
    ['grants.create', 'scopes', ['a', 'b,c'], ['a', 'b', 'c']],
    ['grants.create', 'scopes', '["a","b"]', ['a', 'b']],
    ['grants.patch', 'expires_at', 'null', null],
    ['grants.create', 'expires_at', 'null', 'null'],
    ['applications.create', 'name', '@home', '@home'],
    ['applications.create', 'name', '-', '-'],
    ['applications.list', 'limit', '5', 5],
    ['zones.create', 'baseline', true, true],
    ['zones.create', 'baseline', false, false],
    ['policies.create', 'source', '-', 'from a pipe\n'],
    ['providers.set_secret', 'secret', '-', 'from a pipe'],
    ['providers.create', 'settings', '{"kind":"none"}', { kind: 'none' }],
    [
      'policy_sets.add_version',
      'manifest',
      'polv_1,polv_2',
      [{ policy_version_id: 'polv_1' }, { policy_version_id: 'polv_2' }],
    ],
    ['policy_sets.add_version', 'manifest', '[]', []],
  ])('%s --%s %j', async (id, name, given, value) => {
    expect(await coerce(field(id, name), given, readInput)).toEqual(value)
  })

  test.each([
    ['applications.list', 'limit', 'many'],
    ['applications.list', 'limit', ''],
    ['providers.create', 'settings', '{'],
    ['providers.create', 'settings', '@/nowhere/at/all'],
    ['providers.set_secret', 'secret', 'hunter2'],
  ])('%s --%s %j is a usage error that repeats no secret', async (id, name, given) => {
    const refused = coerce(field(id, name), given, readInput)
    await expect(refused).rejects.toMatchObject({ exit: 2, code: 'usage' })
    await expect(refused).rejects.not.toThrow('hunter2')
  })
})
