import type { Entity, Kind } from './entities.ts'
import { classesOf } from './lexicon.ts'
import type { Token } from './tokens.ts'

/** A stretch of words that an object is called by, though each is also a word of the grammar. */
export interface NameAt {
  readonly tokens: readonly Token[]
  readonly at: number
  readonly count: number
  readonly entities: readonly Entity[]
}

const kindWords: Readonly<Record<Kind, RegExp>> = {
  application: /^(?:application|app|client|agent|bot|service)$/,
  resource: /^(?:resource|api)$/,
  provider: /^provider$/,
  policy: /^policy$/,
  policySet: /^(?:set|policy-set|policyset)$/,
  zone: /^zone$/,
}

const modals: ReadonlySet<string> = new Set(
  'may can should must shall needs gets wants will'.split(' '),
)
const auxiliaries: ReadonlySet<string> = new Set('does did can may could should is are'.split(' '))
const doing: ReadonlySet<string> = new Set('have do hold need allowed able permitted'.split(' '))
const saying: ReadonlySet<string> = new Set('is has does did'.split(' '))
const turned: ReadonlySet<string> = new Set('no not only to never allowed permitted'.split(' '))
const articles: ReadonlySet<string> = new Set('the this our my'.split(' '))
const possessed: ReadonlySet<string> = new Set('from of by for'.split(' '))
const afterRecipient: ReadonlySet<string> = new Set('on for until till . , ; !'.split(' '))

/** Words that hold a sentence together or say what access is: never a name without quotes. */
const grammatical =
  /^(?:kind|noun:access|noun:scope|noun:everything|scope:(?!list)|negation|only|except|condition|filler|polite|modal|all|everyone|pronoun|ask|wish|user|permanent|yes|cancel)/

/**
 * Whether the place of the words says that they are a name: beside the word of the kind (`the app
 * list`), before `'s`, as the one who is given something (`let list read ...`) or may do it.
 */
export function standsAsName(name: NameAt, endings: ReadonlyMap<string, string>): boolean {
  const { tokens, at, count, entities } = name
  if (isGrammar(name, endings)) return false
  const fold = (index: number): string => tokens[index]?.fold ?? ''
  const [before, after] = [fold(at - 1), fold(at + count)]
  const is = (kind: Kind): boolean => entities.some((entity) => entity.kind === kind)
  const opens = at === 0 || tokens[at - 1]?.kind === 'punct'
  if (entities.some(({ kind }) => kindWords[kind].test(before))) return true
  const beside = entities.some(({ kind }) =>
    kindWords[kind].test(after === 'policy' ? fold(at + count + 1) : after),
  )
  if (beside && !opens) return true
  if (after === "'s" && (count > 1 || articles.has(before) || !opens || is('application')))
    return true
  if (is('policySet') && classesOf(before).has('verb:activate')) return true
  if (!is('application')) return false
  if (auxiliaries.has(before) && doing.has(after)) return true
  if (classesOf(before).has('verb:give') && before !== 'open') return true
  if (possessed.has(before)) return true
  if (before === 'except' || (before === 'but' && everybody.test(fold(at - 2)))) return true
  if (after === 'from' && isEnding(before)) return true
  if ((after === 'out' || after === 'off') && (isEnding(before) || before === 'get')) return true
  if (before === 'to') return after === '' || afterRecipient.has(after)
  if (!opens) return false
  return (
    modals.has(after) || after === ':' || (saying.has(after) && turned.has(fold(at + count + 1)))
  )
}

const everybody = /^(?:nobody|one|none|everyone|everybody|all|apps?|applications?|agents?|bots?)$/

function isEnding(fold: string): boolean {
  return [...classesOf(fold)].some((name) => name === 'verb:delete' || name === 'verb:revoke')
}

function isGrammar({ tokens, at, count }: NameAt, endings: ReadonlyMap<string, string>): boolean {
  const words = tokens.slice(at, at + count)
  const last = words.at(-1)
  if (count > 1)
    return [...classesOf(last?.fold ?? '')].some((name) => /^noun:(?:access|scope)/.test(name))
  return words.some(
    ({ fold }) => endings.has(fold) || [...classesOf(fold)].some((name) => grammatical.test(name)),
  )
}

const timeName =
  /^(?:mon|tues|wednes|thurs|fri|satur|sun)day$|^(?:january|february|march|april|may|june|july|august|september|october|november|december)$|^(?:today|tomorrow|tonight|noon|midnight)$/
const timeLeads: ReadonlySet<string> = new Set(
  'until till til by before on through thru since next this last coming expiring ending'.split(' '),
)

/** `until Friday` where an application is called Friday: the day. */
export function standsAsTime({ tokens, at, count, entities }: NameAt): boolean {
  const before = tokens[at - 1]?.fold ?? ''
  if (count !== 1 || !timeName.test(tokens[at]?.fold ?? '') || !timeLeads.has(before)) return false
  return before !== 'on' || entities.every(({ kind }) => kind !== 'resource')
}
