import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { findOperation } from '../../tools/catalogue.ts'
import { zones } from './zone-fixture.ts'
import type { ZoneFixture } from './zone-parts.ts'

/**
 * A step: the operation with its input, or in one line `grants.create app, resource, scope scope`
 * (then `user name` and `until time`), or `applications.patch app {"name":"new"}`.
 */
const stepSchema = z.union([z.string(), z.record(z.string(), z.unknown())])

const spoken = { say: z.union([z.string(), z.array(z.string())]), zone: z.string().optional() }

/**
 * A message, or a conversation of which the last message is judged, and all that may come of it:
 * a plan, the plan that another phrase makes (with other words in it), a question, an answer, an
 * honest failure, or anything at all but a plan. The text is a part of what must be said.
 */
const phraseSchema = z.union([
  z.strictObject({ ...spoken, plan: z.array(stepSchema).min(1) }),
  z.strictObject({
    ...spoken,
    like: z.string(),
    with: z.record(z.string(), z.string()).optional(),
  }),
  z.strictObject({ ...spoken, question: z.string() }),
  z.strictObject({ ...spoken, answer: z.string() }),
  z.strictObject({ ...spoken, not_understood: z.string() }),
  z.strictObject({ ...spoken, no_plan: z.string() }),
])

export type Phrase = z.infer<typeof phraseSchema>

const folder = join(import.meta.dirname, 'phrases')

/** Every phrase file by name: public sets and those written after the grammar. */
export function phraseFiles(): readonly (readonly [string, readonly Phrase[]])[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => [
      file,
      z.array(phraseSchema).parse(parse(readFileSync(join(folder, file), 'utf8'))),
    ])
}

export function messagesOf(phrase: Phrase): readonly string[] {
  return typeof phrase.say === 'string' ? [phrase.say] : phrase.say
}

export function zoneOf(phrase: Phrase): ZoneFixture {
  const make = zones[phrase.zone ?? 'default']
  if (make === undefined) throw new Error(`No zone fixture is called ${phrase.zone ?? ''}`)
  return make()
}

/** Names for ids, such as `$app:billing-agent`, so that phrase files can be read. */
function aliasesOf(zone: ZoneFixture): ReadonlyMap<string, string> {
  const aliased = (kind: string, rows: readonly { readonly id: string; readonly name: string }[]) =>
    rows.map((row) => [`$${kind}:${row.name}`, row.id] as const)
  const versions = [...zone.policies, ...zone.policySets]
  return new Map([
    ...aliased('app', zone.applications),
    ...aliased('res', zone.resources),
    ...aliased('prov', zone.providers),
    ...aliased('pol', zone.policies),
    ...aliased('set', zone.policySets),
    ...zone.grants.map((row, at) => [`$grant:${String(at + 1)}`, row.id] as const),
    ...versions.map((row) => [`$version:${row.name}`, row.latest_version.id] as const),
  ])
}

function resolved(value: unknown, aliases: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return aliases.get(value) ?? value
  if (Array.isArray(value)) return value.map((one) => resolved(one, aliases))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, resolved(one, aliases)]),
  )
}

type Step = Readonly<Record<string, unknown>>

/** What the id of each kind of object is called in an input, and before a name in an alias. */
const kinds: Readonly<Record<string, string>> = {
  application_id: 'app',
  resource_id: 'res',
  provider_id: 'prov',
  policy_id: 'pol',
  policy_set_id: 'set',
  grant_id: 'grant',
}

function named(kind: string, name: string): string {
  return name.startsWith('{{') ? name : `$${kind}:${name}`
}

function grantStep(words: string): Step {
  const [app = '', resource = '', scopes = '', ...more] = words.split(', ')
  const after = (word: string) =>
    more.find((one) => one.startsWith(`${word} `))?.slice(word.length + 1)
  const [user, until] = [after('user'), after('until')]
  return {
    'grants.create': {
      application_id: named('app', app),
      ...(user !== undefined && { user_id: user }),
      resource_id: named('res', resource),
      scopes: scopes.split(' '),
      ...(until !== undefined && { expires_at: until }),
    },
  }
}

function stepOf(step: string | Step): Step {
  if (typeof step !== 'string') return step
  const [, id = '', words = '', json = '{}'] = /^(\S+) ?(.*?) ?(\{".*)?$/.exec(step) ?? []
  if (id === 'grants.create') return grantStep(words)
  const key = Object.keys(findOperation(id)?.input.shape ?? {}).find((one) => one in kinds)
  return {
    [id]: {
      ...(key !== undefined && { [key]: named(kinds[key] ?? '', words) }),
      ...(JSON.parse(json) as Step),
    },
  }
}

/** The steps of a plan in a phrase file, in the form that `stepsOf` gives. */
function stepsIn(plan: readonly (string | Step)[], zone: ZoneFixture): readonly unknown[] {
  const aliases = aliasesOf(zone)
  return plan.map(stepOf).map(({ zone: place, ...step }) => {
    const [[operation, input] = ['', {}]] = Object.entries(step)
    return {
      operation,
      input: resolved(input, aliases),
      ...(place !== undefined && { zone: place }),
    }
  })
}

const originals = new Map<string, readonly (string | Step)[]>()

/** The plan of the phrase that is said so, in any file, in the same zone. */
function planOf(said: string, zone: string): readonly (string | Step)[] {
  if (originals.size === 0)
    for (const [, phrases] of phraseFiles())
      for (const phrase of phrases)
        if ('plan' in phrase)
          originals.set(`${phrase.zone ?? ''}: ${messagesOf(phrase).join(' / ')}`, phrase.plan)
  const plan = originals.get(`${zone}: ${said}`)
  if (plan === undefined) throw new Error(`No phrase with a plan says: ${said}`)
  return plan
}

/** The steps that a phrase expects, or undefined where it expects none. */
export function expectedSteps(phrase: Phrase): readonly unknown[] | undefined {
  const zone = zoneOf(phrase)
  if ('plan' in phrase) return stepsIn(phrase.plan, zone)
  if (!('like' in phrase)) return undefined
  const steps = JSON.stringify(stepsIn(planOf(phrase.like, phrase.zone ?? ''), zone))
  return JSON.parse(
    Object.entries(phrase.with ?? {}).reduce(
      (text, [from, to]) => text.replaceAll(from, to),
      steps,
    ),
  ) as readonly unknown[]
}

export function stepsOf(
  steps: readonly { readonly operation: string; readonly input: unknown; readonly zone?: string }[],
): readonly unknown[] {
  return steps.map(({ operation, input, zone }) => ({
    operation,
    input,
    ...(zone !== undefined && { zone }),
  }))
}

/** What an answer says, with ids as the phrase files write them. */
export function withAliases(text: string, zone: ZoneFixture): string {
  return [...aliasesOf(zone)].reduce((said, [alias, id]) => said.replaceAll(id, alias), text)
}
