import fc from 'fast-check'
import { expect, test } from 'vitest'
import { classesOf } from '../../src/operator/planner/lexicon.ts'
import { stepsOf } from './phrases.ts'
import { converse } from './tool-backend.ts'
import { zoneFixture } from './zone-fixture.ts'

async function planOf(message: string): Promise<readonly unknown[]> {
  const answer = await converse(zoneFixture(), [message])
  return stepsOf(answer.last?.steps ?? [])
}

const quotes: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => `"${name}"`,
  (name) => `“${name}”`,
]
const polite: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => `please ${text}`,
  (text) => `${text}, thank you`,
  (text) => `Hi team, ${text}.`,
  (text) => `Good morning! ${text} Many thanks in advance.`,
  (text) => `${text} right away`,
]
const apps = ['billing-agent', 'keyed-agent', 'mailer-west'] as const
const wishes = [
  ['read', 'reading', 'readable', 'Orders'],
  ['write', 'writing', 'writable', 'Orders'],
  ['read', 'reading', 'readable', 'Metrics'],
] as const

type Forms = readonly ((app: string, what: (typeof wishes)[number], on: string) => string)[]

/** The same request in many forms: active, passive, nouns, wishes and shorthand. */
const giving: Forms = [
  (a, [read], r) => `let ${a} ${read} ${r}`,
  (a, [read], r) => `allow ${a} to ${read} ${r}`,
  (a, [read], r) => `give ${a} ${read} access to ${r}`,
  (a, [read], r) => `grant ${read} on ${r} to ${a}`,
  (a, [read], r) => `${a} should be able to ${read} ${r}`,
  (a, [read], r) => `${a} may ${read} ${r}`,
  (a, [read], r) => `${a} needs ${read} access to ${r}`,
  (a, [read], r) => `${read} access to ${r} should be granted to ${a}`,
  (a, [, , readable], r) => `${r} should be ${readable} by ${a}`,
  (a, [, reading], r) => `permit ${reading} of ${r} by ${a}`,
  (a, [read], r) => `it should be possible for ${a} to ${read} ${r}`,
  (a, [read], r) => `make sure that ${a} can ${read} ${r}`,
  (a, [read], r) => `${a} is to be given ${read} access to ${r}`,
  (a, [read], r) => `on ${r}, allow ${a} to ${read}`,
  (a, [read], r) => `I want ${a} to be able to ${read} ${r}`,
  (a, [read], r) => `hand out ${read} access on ${r} to ${a}`,
]

test('active, passive, polite and quoted forms of giving access make one plan', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...giving),
      fc.constantFrom(...polite),
      fc.constantFrom(...quotes),
      fc.constantFrom(...apps),
      fc.constantFrom(...wishes),
      async (form, politely, quote, app, wish) => {
        const said = politely(form(quote(app), wish, quote(wish[3])))
        const plain = await planOf(`let ${app} ${wish[0]} ${wish[3]}`)
        expect(plain).toHaveLength(1)
        expect(await planOf(said), said).toEqual(plain)
      },
    ),
    { numRuns: 200 },
  )
})

const taking: readonly string[] = [
  'revoke write on Invoices from support-bot',
  "revoke support-bot's write access to Invoices",
  'support-bot must not write Invoices any more',
  'support-bot should no longer be able to write Invoices',
  'write access to Invoices should be taken away from support-bot',
  'stop support-bot from writing Invoices',
  'take invoices:write away from support-bot',
  'Invoices should no longer be writable by support-bot',
  'strip support-bot of write access to Invoices',
  'support-bot should lose its write access to Invoices',
  'kindly prevent support-bot from writing Invoices',
]

test.each(taking)('taking access away makes one plan: %s', async (text) => {
  expect(await planOf(text)).toEqual([
    {
      operation: 'grants.patch',
      input: { grant_id: zoneFixture().grants[0]?.id, scopes: ['invoices:read'] },
    },
  ])
})

const verbs = ['delete', 'remove', 'archive', 'get rid of', 'retire', 'purge'] as const
const passives = ['deleted', 'removed', 'archived', 'retired', 'purged'] as const

test('one, several, active and passive: what is deleted is what is named', async () => {
  const name = fc.constantFrom('mailer-east', 'mailer-west', 'support-bot', 'Data Exporter')
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...verbs),
      fc.constantFrom(...passives),
      fc.constantFrom(...quotes),
      async (names, verb, passive, quote) => {
        const quoted = names.map(quote)
        const list =
          quoted.length === 1
            ? (quoted[0] ?? '')
            : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1) ?? ''}`
        const kind = names.length === 1 ? 'application' : 'applications'
        const ids = names.map(
          (one) => zoneFixture().applications.find((app) => app.name === one)?.id,
        )
        const wanted = ids.map((id) => ({
          operation: 'applications.delete',
          input: { application_id: id },
        }))
        for (const said of [
          `${verb} ${list}`,
          `${verb} the ${kind} ${list}`,
          `${list} should be ${passive}`,
          `the ${kind} ${list} must be ${passive}, please`,
        ])
          expect(await planOf(said), said).toEqual(wanted)
      },
    ),
    { numRuns: 60 },
  )
})

/** Words of letters that no table knows. */
const unknownWord = fc
  .string({
    unit: fc.constantFrom(...Array.from('bcdfgklmnprtvzaeiou')),
    minLength: 5,
    maxLength: 10,
  })
  .filter((word) => classesOf(word).size === 0)

/** Requests without a place for a new name or a label, which an unknown word could be. */
const closed: readonly string[] = [
  'let billing-agent read Orders',
  'give keyed-agent write access to Orders until Friday 18:00',
  'revoke write on Invoices from support-bot',
  'rotate the secret of support-bot',
  'delete mailer-east',
  'extend the access of reporting-agent to Orders by two days',
  'turn on dynamic client registration',
  'roll back the policy set',
  'require dpop for billing-agent',
  'activate the policy set strict',
  'rotate the signing keys',
  'detach the provider from Payments',
]

test('a part that is not understood never leaves a plan of the rest', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...closed),
      unknownWord,
      unknownWord,
      fc.constantFrom(
        (text: string, a: string, b: string) => `${text} ${a} ${b}`,
        (text: string, a: string, b: string) => `${text} ${a} the ${b}`,
        (text: string, a: string, b: string) => `${text} and ${a} the ${b}`,
        (text: string, a: string, b: string) => `${text}, but ${a} ${b}`,
        (text: string, a: string, b: string) => `${text} unless ${a} ${b}`,
        (text: string, a: string) => `${a} ${text}`,
        (text: string, a: string, b: string) => `${text} then ${a} ${b}`,
        (text: string, a: string) => `${text} (${a})`,
      ),
      async (text, a, b, add) => {
        const said = add(text, a, b)
        expect(await planOf(text), text).not.toEqual([])
        expect(await planOf(said), said).toEqual([])
      },
    ),
    { numRuns: 200 },
  )
})

test('a word salad never makes a plan, even with names and times in it', async () => {
  const word = fc.oneof(
    { weight: 4, arbitrary: unknownWord },
    { weight: 1, arbitrary: fc.constantFrom('billing-agent', 'Orders', 'support-bot', 'strict') },
    { weight: 1, arbitrary: fc.constantFrom('the', 'of', 'for', 'and', 'until Friday', 'with') },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 15 }), async (list) => {
      expect(await planOf(list.join(' '))).toEqual([])
    }),
    { numRuns: 200 },
  )
})

/** Words that limit, doubt or put off what is asked for. */
const hedges: readonly string[] = [
  'maybe',
  'perhaps',
  'probably not',
  'if possible next year',
  'unless it is Friday',
  'but not really',
  'except on weekends',
  'only sometimes',
  'twice',
  'in theory',
  'as a joke',
  'without anyone noticing',
  'when alice says so',
  'instead of support-bot',
  'or not',
]

test.each(hedges.flatMap((hedge) => closed.slice(0, 6).map((text) => `${text} ${hedge}`)))(
  'what limits a request in words that are not known makes no plan: %s',
  async (said) => {
    expect(await planOf(said)).toEqual([])
  },
)
