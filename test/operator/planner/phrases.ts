import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { zones, type ZoneFixture } from './zone-fixture.ts'

const stepSchema = z.record(z.string(), z.unknown())

/** A message, or a conversation of which the last message is judged, and all that may come of it. */
const phraseSchema = z.union([
  z.strictObject({
    say: z.union([z.string(), z.array(z.string())]),
    zone: z.string().optional(),
    plan: z.array(stepSchema).min(1),
  }),
  z.strictObject({
    say: z.union([z.string(), z.array(z.string())]),
    zone: z.string().optional(),
    question: z.string(),
  }),
  z.strictObject({
    say: z.union([z.string(), z.array(z.string())]),
    zone: z.string().optional(),
    answer: z.string(),
  }),
  z.strictObject({
    say: z.union([z.string(), z.array(z.string())]),
    zone: z.string().optional(),
    not_understood: z.string(),
  }),
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
  const named = (kind: string, rows: readonly { readonly id: string; readonly name: string }[]) =>
    rows.map((row) => [`$${kind}:${row.name}`, row.id] as const)
  const versions = [...zone.policies, ...zone.policySets]
  return new Map([
    ...named('app', zone.applications),
    ...named('res', zone.resources),
    ...named('prov', zone.providers),
    ...named('pol', zone.policies),
    ...named('set', zone.policySets),
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

/** The steps that a phrase expects, in the form that `stepsOf` gives. */
export function expectedSteps(
  plan: readonly Readonly<Record<string, unknown>>[],
  zone: ZoneFixture,
): readonly unknown[] {
  const aliases = aliasesOf(zone)
  return plan.map(({ zone: place, ...step }) => {
    const [[operation, input] = ['', {}]] = Object.entries(step)
    return {
      operation,
      input: resolved(input, aliases),
      ...(place !== undefined && { zone: place }),
    }
  })
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
