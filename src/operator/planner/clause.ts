import type { Entity, Kind } from './entities.ts'
import type { Item } from './items.ts'
import { classesOf } from './lexicon.ts'

/**
 * One request or question. Builders take the items that they understand; a clause of which anything
 * with a meaning is left over has not been understood, whatever was built from the rest.
 */
export interface Clause {
  readonly items: readonly Item[]
  /** The verbs that the head of the clause can be, such as `create` or `give`. */
  readonly verbs: ReadonlySet<string>
  readonly head: Item | null
  /** Whether the head was taken over from the clause before: `... and a resource called B`. */
  readonly inherited: boolean
  readonly asks: boolean
  /** Whether somebody may, should or needs to: `billing-agent may read invoices`. */
  readonly modal: boolean
  /** Whether the object stands first: `support-bot should be deleted`. */
  readonly passive: boolean
  /** A first word that nobody knows, where a verb would stand: it is never a name or a value. */
  readonly opener: Item | null
  readonly taken: Set<Item>
}

/** Items that carry no meaning of their own in a request. */
const silent: readonly string[] = ['filler', 'polite', 'wish', 'modal', 'greeting', 'thanks']
const connectors: ReadonlySet<string> = new Set(['and', 'then', 'but', 'also', 'plus', 'or'])

export function is(item: Item | undefined, ...classes: readonly string[]): boolean {
  return item !== undefined && classes.some((name) => item.classes.has(name))
}

export function isSilent(item: Item): boolean {
  return item.shape === 'punct' || is(item, ...silent)
}

function verbsOf(item: Item): ReadonlySet<string> {
  return new Set(
    [...item.classes].flatMap((name) => (name.startsWith('verb:') ? [name.slice(5)] : [])),
  )
}

export function scopeClassOf(item: Item): string | null {
  const found = [...item.classes].find((name) => name.startsWith('scope:'))
  return found === undefined ? null : found.slice(6)
}

export function isVerb(item: Item): boolean {
  return [...item.classes].some((name) => name.startsWith('verb:'))
}

/** A word that no table and no object explains: a new name, a label, or a mistake. */
export function isUnknown(item: Item): boolean {
  return item.shape === 'word' && item.classes.size === 0 && item.entities.length === 0
}

export function isConnector(item: Item): boolean {
  return item.fold === ',' || item.fold === '&' || item.fold === '+' || connectors.has(item.fold)
}

export function take(clause: Clause, ...items: readonly (Item | undefined)[]): void {
  for (const item of items) if (item !== undefined) clause.taken.add(item)
}

/** Takes every item of these classes and says whether there was one. */
export function takeAll(clause: Clause, ...classes: readonly string[]): boolean {
  const found = clause.items.filter((item) => is(item, ...classes) && !clause.taken.has(item))
  take(clause, ...found)
  return found.length > 0
}

export function has(clause: Clause, ...classes: readonly string[]): boolean {
  return clause.items.some((item) => is(item, ...classes))
}

export function does(clause: Clause, ...verbs: readonly string[]): boolean {
  return verbs.some((verb) => clause.verbs.has(verb))
}

/** Objects of a kind that the clause names, in order; weak ones only where nothing else is named. */
export function named(clause: Clause, kind: Kind): readonly { item: Item; entity: Entity }[] {
  const found = clause.items.flatMap((item) =>
    item.entities
      .filter((entity) => entity.kind === kind && !clause.taken.has(item))
      .map((entity) => ({ item, entity })),
  )
  const strong = found.filter(({ item }) => !item.weak)
  return strong.length > 0 ? strong : found
}

export function isNegated(clause: Clause): boolean {
  return clause.items.some(
    (item) => is(item, 'negation', 'no-longer', 'any-more') && !clause.taken.has(item),
  )
}

/** What has a meaning and was not taken, as the person wrote it, neighbours together. */
export function leftOver(clause: Clause, message: string): readonly string[] {
  const spans: { start: number; end: number; at: number }[] = []
  clause.items.forEach((item, at) => {
    if (clause.taken.has(item) || isSilent(item)) return
    const last = spans.at(-1)
    const between = last === undefined ? [] : clause.items.slice(last.at + 1, at)
    if (last !== undefined && between.every((other) => isSilent(other) && !clause.taken.has(other)))
      spans[spans.length - 1] = { ...last, end: item.end, at }
    else spans.push({ start: item.start, end: item.end, at })
  })
  return spans.map(({ start, end }) => message.slice(start, end).trim())
}

const particles: ReadonlySet<string> = new Set([
  'off',
  'away',
  'back',
  'up',
  'down',
  'out',
  'on',
  'short',
  'forward',
])

function isPhrasalVerb(phrase: string): boolean {
  return [...classesOf(phrase)].some((name) => name.startsWith('verb:'))
}

/** Puts a verb and its particle together where they stand apart: `turn ... off`, `take ... away`. */
function joinParticles(items: readonly Item[]): readonly Item[] {
  const apart = items.filter((item) => particles.has(item.fold)).slice(0, 4)
  for (const later of apart) {
    const item = items
      .slice(0, items.indexOf(later))
      .find((other) => other.shape === 'word' && isPhrasalVerb(`${other.fold} ${later.fold}`))
    if (item === undefined) continue
    const joined = { ...item, classes: classesOf(`${item.fold} ${later.fold}`) }
    return items.flatMap((other) => (other === item ? [joined] : other === later ? [] : [other]))
  }
  return items
}

const determiners: ReadonlySet<string> = new Set(
  "the a an this that each every all any no 's its their his her our my new".split(' '),
)

/** `the grant of support-bot`: a word for the thing, and not for giving it. */
function grantsAsNouns(items: readonly Item[]): readonly Item[] {
  return items.map((item, at) => {
    const before = items[at - 1]
    const noun = is(item, 'kind:grant') && before !== undefined && determiners.has(before.fold)
    if (!noun) return item
    return {
      ...item,
      classes: new Set([...item.classes].filter((name) => !name.startsWith('verb:'))),
    }
  })
}

const courtesy: ReadonlySet<string> = new Set(['polite'])

/** `could someone give ...` asks politely; `could someone delete orders?` asks who may. */
function askingSomeone(items: readonly Item[]): readonly Item[] {
  const at = items.findIndex(
    (item, index) =>
      ['can', 'could', 'would', 'will'].includes(item.fold) && is(items[index + 1], 'word:human'),
  )
  const verb = items[at + 2]
  if (at === -1 || verb === undefined || !isVerb(verb) || scopeClassOf(verb) !== null) return items
  return items.map((item, index) =>
    index === at || index === at + 1 ? { ...item, classes: courtesy } : item,
  )
}

const article: ReadonlySet<string> = new Set(['filler'])

/** `this` before the word of a kind only points at it: `this zone` is the zone. */
function demonstratives(items: readonly Item[]): readonly Item[] {
  return items.map((item, at) => {
    const next = items[at + 1]
    const points = item.fold === 'this' && next !== undefined && isKind(next)
    return points ? { ...item, classes: article } : item
  })
}

function isKind(item: Item): boolean {
  return [...item.classes].some((name) => name.startsWith('kind:'))
}

/** Reads the head of a clause: what it asks for, and in which form. */
export function clauseOf(raw: readonly Item[], before: Clause | null, marked: boolean): Clause {
  const items = joinParticles(demonstratives(askingSomeone(grantsAsNouns(raw))))
  const content = items.filter((item) => !isSilent(item) || is(item, 'modal', 'ask:is'))
  const asks = asksSomething(items, marked) || complains(items)
  const modal = items.some((item) => is(item, 'modal', 'wish', 'word:able'))
  const own = headOf(items, content)
  const takesOver =
    own === null &&
    !asks &&
    !modal &&
    before !== null &&
    before.verbs.size > 0 &&
    content.length > 0
  return {
    items,
    head: own,
    verbs: takesOver ? before.verbs : own === null ? new Set() : verbsOf(own),
    inherited: takesOver,
    asks,
    modal,
    opener: own === null && !asks && !modal ? openerOf(items) : null,
    passive: own !== null && own !== content.find((item) => !is(item, 'modal')),
    taken: new Set(own === null || (asks && scopeClassOf(own) !== null) ? [] : [own]),
  }
}

/** `invoices:read for support-bot`: a scope says what is meant, and is no verb. */
const scopeShape = /^[\w.-]+[:/][\w.:*/-]+$/

function openerOf(items: readonly Item[]): Item | null {
  const at = items.findIndex((item) => !isSilent(item))
  const first = items[at]
  const next = items[at + 1]
  if (first === undefined || next === undefined || !isUnknown(first)) return null
  if (scopeShape.test(first.text)) return null
  return next.shape === 'punct' || isConnector(next) ? null : first
}

/**
 * The first content word where it is a verb; otherwise the first verb that is not also a scope word
 * (`may delete invoices` grants, `should be deleted` deletes).
 */
function headOf(items: readonly Item[], content: readonly Item[]): Item | null {
  const first = content.find((item) => !is(item, 'modal', 'ask:is') || isVerb(item))
  if (first !== undefined && isVerb(first) && !is(first, 'negation')) return first
  const isPassive = (item: Item): boolean => {
    const before = items[items.indexOf(item) - 1]
    const agent = items.some((other) => other.fold === 'by')
    return /(?:^|\s)(?:be|get|being)$/.test(before?.fold ?? '') && !agent
  }
  return (
    content.find(
      (item) =>
        isVerb(item) && !is(item, 'modal') && (scopeClassOf(item) === null || isPassive(item)),
    ) ?? null
  )
}

/** `support-bot can't read invoices` says how things are; it is looked into, and changes nothing. */
function complains(items: readonly Item[]): boolean {
  const at = items.findIndex(
    (item) =>
      item.fold === 'cannot' ||
      (item.fold === 'can' && is(items[items.indexOf(item) + 1], 'negation')),
  )
  const named = items.slice(0, Math.max(at, 0)).some((item) => item.entities.length > 0)
  return at !== -1 && named && !items.some((item) => is(item, 'any-more', 'no-longer'))
}

const askingFirst = [
  'ask:who',
  'ask:what',
  'ask:why',
  'ask:how-many',
  'ask:how',
  'ask:when',
  'ask:where',
]
const auxiliaries: ReadonlySet<string> = new Set([
  'is',
  'are',
  'does',
  'do',
  'did',
  'has',
  'can',
  'may',
  'could',
  'should',
  'was',
  'were',
  'will',
  'is there',
  'are there',
  'do we have',
])

/** `... ok?`: whether it is so, or may be. */
const agreeing = /^(?:ok|okay|right|alright|yes|correct|no)$/

/** `latest audit events`, `apps tagged nightly`: what should be shown, and no verb. */
function namesAList(items: readonly Item[]): boolean {
  const content = items.filter((item) => !isSilent(item))
  const [first] = content
  const plural = first !== undefined && isKind(first) && first.fold.endsWith('s')
  const verbs = content.filter((item) => isVerb(item) && !is(item, 'verb:label', 'noun:event'))
  if (verbs.length > 0 || items.some((item) => is(item, 'modal', 'wish', 'negation'))) return false
  const events = content.some((item) => is(item, 'noun:event'))
  return (plural && is(content[1], 'verb:label')) || (events && content.length <= 4)
}

/** `could support-bot please read orders?`: nobody says please to be told how things are. */
function asksPolitely(items: readonly Item[], lead: number): boolean {
  const after = items.slice(lead + 1)
  return (
    /^(?:can|could|may|might|would)$/.test(items[lead]?.fold ?? '') &&
    after.some((item) => /^(?:please|pls|plz|kindly)$/.test(item.fold)) &&
    (after.find((item) => !is(item, 'filler'))?.entities.length ?? 0) > 0 &&
    !after.some((item) => is(item, 'verb:show'))
  )
}

function asksSomething(items: readonly Item[], marked: boolean): boolean {
  const lead = items.findIndex(
    (item) =>
      item.shape !== 'punct' &&
      !is(item, 'polite', 'greeting', 'thanks') &&
      !connectors.has(item.fold),
  )
  const first = items[lead]
  if (first === undefined) return false
  if (is(first, ...askingFirst)) return true
  if (is(first, 'verb:show')) return true
  const next = items.slice(lead + 1).find((item) => !is(item, 'filler') || is(item, 'negation'))
  if (asksPolitely(items, lead)) return false
  if (auxiliaries.has(first.fold))
    return next === undefined || !(is(next, 'negation') && first.fold === 'do')
  if (is(first, 'wish') && items.some((item) => is(item, 'verb:show', 'ask:who'))) return true
  if (namesAList(items)) return true
  if (marked && agreeing.test(items.findLast(({ shape }) => shape !== 'punct')?.fold ?? ''))
    return true
  const startsWithVerb = isVerb(first) || is(first, 'wish')
  return marked && !startsWithVerb && !items.some((item) => is(item, 'polite'))
}
