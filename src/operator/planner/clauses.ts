import {
  type Clause,
  clauseOf,
  is,
  isConnector,
  isSilent,
  isUnknown,
  isVerb,
  scopeClassOf,
} from './clause.ts'
import type { Item } from './items.ts'

const stops: ReadonlySet<string> = new Set(['.', ';', '!', '?', '\n'])

/** A clause with what it takes to read it again, once more names are known. */
export interface ClausePart {
  readonly clause: Clause
  readonly marked: boolean
  /** Whether it is the first of its sentence. */
  readonly first: boolean
}

/** The requests of a message, in order. */
export function clausesOf(items: readonly Item[]): readonly ClausePart[] {
  const clauses: ClausePart[] = []
  let sentence: Item[] = []
  for (const item of items) {
    if (item.shape === 'punct' && stops.has(item.fold)) {
      clauses.push(...clausesIn(sentence, item.fold === '?'))
      sentence = []
    } else sentence.push(item)
  }
  return [...clauses, ...clausesIn(sentence, false)]
}

function clausesIn(sentence: readonly Item[], marked: boolean): readonly ClausePart[] {
  const clauses: ClausePart[] = []
  let rest = sentence
  while (rest.some((item) => item.shape !== 'punct')) {
    const before = clauses.at(-1)?.clause ?? null
    const cut = nextCut(rest, before)
    const items = trimmed(rest.slice(0, cut))
    if (items.length > 0)
      clauses.push({ clause: clauseOf(items, before, marked), marked, first: before === null })
    rest = rest.slice(cut)
  }
  return clauses
}

/** Without the connectors that a clause begins or ends with. */
function trimmed(items: readonly Item[]): readonly Item[] {
  const first = items.findIndex((item) => !isConnector(item))
  const last = items.findLastIndex((item) => !isConnector(item))
  return first === -1 ? [] : items.slice(first, last + 1)
}

/** Where the first clause ends: at the connector after which another one begins. */
function nextCut(items: readonly Item[], before: Clause | null): number {
  const start = items.findIndex((item) => !isConnector(item))
  for (let at = Math.max(start, 0) + 1; at < items.length; at++) {
    const item = items[at]
    if (item === undefined) break
    const then = is(item, 'filler') && (item.fold === 'then' || item.fold === 'after that')
    if (!isConnector(item) && !then) continue
    const current = items.slice(start, at)
    if (!current.some((other) => !isSilent(other))) continue
    const next =
      at +
      items
        .slice(at)
        .findIndex((other) => !isConnector(other) && !is(other, 'polite') && other.fold !== 'then')
    if (next > at && beginsClause(items, next, current, before)) return at
  }
  return items.length
}

function beginsClause(
  items: readonly Item[],
  at: number,
  current: readonly Item[],
  before: Clause | null,
): boolean {
  const first = items[at]
  if (first === undefined) return false
  const predicate =
    current.some(
      (item) => isVerb(item) || scopeClassOf(item) !== null || is(item, 'modal', 'word:useless'),
    ) || before !== null
  if (!predicate) return false
  if (
    is(first, 'ask:who', 'ask:why', 'ask:how-many') ||
    (is(first, 'ask:what') && first.fold === 'what')
  )
    return true
  if (isImperative(items, at, current)) return true
  return hasOwnSubject(items, at) || continuesList(items, at, current)
}

/** A verb of its own, also behind `do not`; a scope word goes on with the list of scopes. */
function isImperative(items: readonly Item[], at: number, current: readonly Item[]): boolean {
  const denied =
    items[at]?.fold === 'do' && is(items[at + 1], 'negation')
      ? at + 2
      : is(items[at], 'negation') && items[at]?.fold === 'never'
        ? at + 1
        : at
  const verb = items[denied]
  if (verb === undefined || !isVerb(verb) || verb.entities.length > 0) return false
  if (is(verb, 'noun:label', 'noun:access', 'word:naming')) {
    const next = items[denied + 1]
    const object =
      next !== undefined &&
      (is(next, 'pronoun', 'pronoun-plural', 'filler', 'kind:application') ||
        next.entities.length > 0)
    if (!object) return false
  }
  if (scopeClassOf(verb) === null) return true
  if (current.some((item) => is(item, 'no-longer', 'any-more', 'word:useless'))) return true
  const grants = current.some(
    (item) =>
      scopeClassOf(item) !== null ||
      is(item, 'verb:give', 'modal', 'verb:revoke', 'noun:scope', 'noun:access'),
  )
  const object = items.slice(denied + 1).find((item) => !is(item, 'filler'))
  const target =
    object !== undefined &&
    (is(
      object,
      'kind:application',
      'kind:zone',
      'kind:policy',
      'kind:provider',
      'kind:resource',
      'noun:label',
    ) ||
      object.entities.some((entity) => entity.kind === 'application'))
  return target || !grants
}

/** `... and support-bot may write orders`: names, then somebody's permission. */
function hasOwnSubject(items: readonly Item[], at: number): boolean {
  for (const item of items.slice(at, at + 9)) {
    if (is(item, 'modal')) return item !== items[at]
    const subject =
      item.entities.length > 0 ||
      isUnknown(item) ||
      item.shape === 'quoted' ||
      is(
        item,
        'kind:application',
        'kind:application-weak',
        'kind:resource',
        'pronoun',
        'pronoun-plural',
        'filler',
      )
    if (!subject && !isConnector(item)) return false
  }
  return false
}

const kinds = [
  'kind:application',
  'kind:application-weak',
  'kind:resource',
  'kind:provider',
  'kind:zone',
  'kind:policy',
  'kind:policySet',
]

/** `create an application called a and a resource called b`: the verb goes on. */
function continuesList(items: readonly Item[], at: number, current: readonly Item[]): boolean {
  const verb = current.find((item) => !isSilent(item))
  if (verb !== undefined && !is(verb, 'verb:create', 'verb:delete', ...kinds)) return false
  const ahead = items.slice(at, at + 4)
  const kind = ahead.findIndex((item) => is(item, ...kinds))
  if (kind === -1 || !ahead.slice(0, kind).every((item) => is(item, 'filler', 'word:new')))
    return false
  const next = items[at + kind + 1]
  if (next === undefined || is(next, 'filler', 'word:like'))
    return kind > 0 && next !== undefined && !is(next, 'word:like') && next.fold !== 'as'
  return (
    is(next, 'word:naming') ||
    isUnknown(next) ||
    next.shape === 'quoted' ||
    next.entities.length > 0
  )
}
