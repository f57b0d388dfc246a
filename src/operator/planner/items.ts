import { type Entity, looseName, type NameIndex, numberForms } from './entities.ts'
import { classesOf, inflections, longestPhrase } from './lexicon.ts'
import { standsAsName, standsAsTime } from './name-places.ts'
import type { Now } from './points.ts'
import { findTimes, type TimeFound, type TimeMeaning } from './times.ts'
import type { Token } from './tokens.ts'

/** A piece of a message with everything that it may mean; the grammar picks by its place. */
export interface Item {
  readonly shape: Token['kind'] | 'time'
  readonly text: string
  readonly fold: string
  readonly start: number
  readonly end: number
  readonly classes: ReadonlySet<string>
  /** Objects with this name; several where kinds share a name. */
  readonly entities: readonly Entity[]
  /** True where the word is also a word of the grammar, so that it is a name only if need be. */
  readonly weak: boolean
  readonly time: TimeMeaning | null
}

/** What the words of a message are compared with. */
export interface Vocabulary {
  readonly names: NameIndex
  /** Endings of the zone's scopes by the forms that a sentence uses: `refunding` for `refund`. */
  readonly endings: ReadonlyMap<string, string>
}

const longestName = 6
const none: ReadonlySet<string> = new Set()
const expiring: ReadonlySet<string> = new Set(['noun:expiring'])

/** The last part of a scope: `read` of `invoices:read`. */
export function endingOf(scope: string): string {
  return scope.slice(Math.max(...[':', '.', '/'].map((mark) => scope.lastIndexOf(mark))) + 1)
}

export function vocabularyOf(names: NameIndex, scopes: Iterable<string>): Vocabulary {
  const endings = new Map<string, string>()
  for (const scope of scopes) {
    const ending = endingOf(scope).toLowerCase()
    for (const form of inflections(ending)) if (!endings.has(form)) endings.set(form, ending)
  }
  return { names, endings }
}

export function itemsOf(
  message: string,
  tokens: readonly Token[],
  words: Vocabulary,
  now: Now,
): readonly Item[] {
  const links = linksOf(tokens, words)
  const masks = [
    ...tokens.filter((token) => token.kind !== 'word' && token.kind !== 'punct'),
    ...[...links.values()].filter((link) => !link.weak),
  ]
  const masked = new Uint8Array(message.length + 1)
  for (const mask of masks) masked.fill(1, mask.start, mask.end)
  const times = new Map(
    findTimes(message, now, (at) => masked[at] === 1).map((time) => [time.start, time] as const),
  )
  const items: Item[] = []
  for (let at = 0; at < tokens.length;) {
    const [item, next] = itemAt(message, tokens, at, links, times, words)
    items.push(item)
    at = next
  }
  return items
}

interface Link {
  readonly start: number
  readonly end: number
  readonly count: number
  readonly entities: readonly Entity[]
  readonly weak: boolean
}

/** Names in the message by the place of their first token; the longest wins. */
function linksOf(tokens: readonly Token[], words: Vocabulary): ReadonlyMap<number, Link> {
  const links = new Map<number, Link>()
  for (let at = 0; at < tokens.length;) {
    const link = linkAt(tokens, at, words)
    if (link !== null) links.set(at, link)
    at += link?.count ?? 1
  }
  return links
}

function linkAt(tokens: readonly Token[], at: number, words: Vocabulary): Link | null {
  const first = tokens[at]
  if (first === undefined || first.kind === 'punct' || first.kind === 'code') return null
  if (first.kind !== 'word') return single(first, words, false)
  for (let count = Math.min(longestName, tokens.length - at); count > 0; count--) {
    const run = tokens.slice(at, at + count)
    if (run.some((token, index) => !isInName(token, run[index - 1]))) continue
    const link = count === 1 ? single(first, words, true) : several(tokens, at, count, words)
    if (link === null) continue
    const name = { tokens, at, count, entities: link.entities }
    if (standsAsTime(name)) return null
    return link.weak && standsAsName(name, words.endings) ? { ...link, weak: false } : link
  }
  return null
}

/** A word, or the point of an abbreviation: `Dr. Watson` is called `Dr Watson`. */
function isInName(token: Token, before: Token | undefined): boolean {
  if (token.kind === 'word') return token.fold !== "'s"
  return (
    token.fold === '.' &&
    before?.kind === 'word' &&
    before.end === token.start &&
    before.text.length <= 4
  )
}

function single(token: Token, words: Vocabulary, bare: boolean): Link | null {
  const weak = bare && classesOf(token.fold).size > 0
  const loose = looseName(token.text)
  // A word of the grammar is a name only where it is the name exactly: `grants` is not `Grant`.
  const entities = words.names.get(loose) ?? (weak ? [] : otherNumber(loose, words))
  if (entities.length === 0) return null
  return { start: token.start, end: token.end, count: 1, entities, weak }
}

function otherNumber(loose: string, words: Vocabulary): readonly Entity[] {
  return numberForms(loose).flatMap((form) => words.names.get(form) ?? [])
}

/**
 * A name of several words. Somebody may call an object `read access`; words of the grammar alone
 * are therefore never a name without quotes, and `read invoices` stays a request where `Invoices`
 * is a name too.
 */
function several(
  tokens: readonly Token[],
  at: number,
  count: number,
  words: Vocabulary,
): Link | null {
  const run = tokens.slice(at, at + count).filter((token) => token.kind === 'word')
  const [first] = run
  const last = run.at(-1)
  if (first === undefined || last === undefined) return null
  if (tokens[at + count - 1]?.kind !== 'word') return null
  const loose = looseName(run.map((token) => token.text).join(' '))
  const entities = words.names.get(loose) ?? otherNumber(loose, words)
  if (entities.length === 0) return null
  const known = run.every((token) => classesOf(token.fold).size > 0)
  if (known && !standsAsName({ tokens, at, count, entities }, words.endings)) return null
  const rest = looseName(
    run
      .slice(1)
      .map((token) => token.text)
      .join(' '),
  )
  const startsRequest = [...classesOf(first.fold)].some((name) => /^(?:scope|verb):/.test(name))
  if (startsRequest && (words.names.has(rest) || otherNumber(rest, words).length > 0)) return null
  return { start: first.start, end: last.end, count, entities, weak: false }
}

function itemAt(
  message: string,
  tokens: readonly Token[],
  at: number,
  links: ReadonlyMap<number, Link>,
  times: ReadonlyMap<number, TimeFound>,
  words: Vocabulary,
): readonly [Item, number] {
  const token = tokens[at]
  if (token === undefined) throw new Error('No token stands here.')
  const link = links.get(at)
  const phrase = token.kind === 'word' ? phraseAt(tokens, at) : { classes: none, count: 1 }
  if (isLetterName(tokens, at)) return [plain(token, none, null), at + 1]
  const time = times.get(token.start)
  if (time !== undefined && (link === undefined || link.weak)) {
    const next = at + tokens.slice(at).filter((other) => other.start < time.end).length
    const text = message.slice(time.start, time.end)
    const classes = /^(?:expir|end|laps)/i.test(text) ? expiring : none
    return [plain({ ...token, text, end: time.end }, classes, time), next]
  }
  if (link !== undefined && link.count >= phrase.count) {
    const text = message.slice(link.start, link.end)
    const classes = link.weak ? withEndings(phrase.classes, token.fold, words) : none
    const named = { ...plain({ ...token, text, end: link.end }, classes, null), weak: link.weak }
    return [
      { ...named, text: token.kind === 'quoted' ? token.text : text, entities: link.entities },
      at + link.count,
    ]
  }
  const end = tokens[at + phrase.count - 1]?.end ?? token.end
  const text = phrase.count > 1 ? message.slice(token.start, end) : token.text
  const classes =
    token.kind === 'word' && phrase.count === 1
      ? withEndings(phrase.classes, token.fold, words)
      : phrase.classes
  return [plain({ ...token, text, end }, classes, null), at + phrase.count]
}

const listing: ReadonlySet<string> = new Set(['and', 'or', ',', '&', '.', ';', '!', '?'])

/** `a` before a comma or `and`, or at the end, is no article: it is what something is called. */
function isLetterName(tokens: readonly Token[], at: number): boolean {
  const fold = tokens[at]?.fold
  if (fold !== 'a' && fold !== 'i') return false
  const next = tokens[at + 1]
  return next === undefined || listing.has(next.fold)
}

function plain(token: Token, classes: ReadonlySet<string>, time: TimeFound | null): Item {
  return {
    shape: time === null ? token.kind : 'time',
    text: token.text,
    fold: token.text.normalize('NFKC').toLowerCase(),
    start: token.start,
    end: token.end,
    classes,
    entities: [],
    weak: false,
    time: time?.meaning ?? null,
  }
}

/** The longest phrase of the lexicon that begins here. */
function phraseAt(
  tokens: readonly Token[],
  at: number,
): { readonly classes: ReadonlySet<string>; readonly count: number } {
  for (let count = Math.min(longestPhrase, tokens.length - at); count > 0; count--) {
    const run = tokens.slice(at, at + count)
    if (run.some((token) => token.kind !== 'word')) continue
    const classes = classesOf(run.map((token) => token.fold).join(' '))
    if (classes.size > 0) return { classes, count }
  }
  return { classes: classesOf(tokens[at]?.fold ?? ''), count: 1 }
}

/** Words that hold a sentence together keep their meaning, whatever a scope is called. */
const holding =
  /^(?:negation|only|except|condition|filler|polite|modal|all|everyone|pronoun|kind|ask|wish|no-longer|any-more)/

function withEndings(
  classes: ReadonlySet<string>,
  fold: string,
  words: Vocabulary,
): ReadonlySet<string> {
  const ending = words.endings.get(fold)
  if (ending === undefined || [...classes].some((name) => holding.test(name))) return classes
  return new Set([...classes, `scope:${ending}`])
}
