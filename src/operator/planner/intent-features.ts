import {
  type Clause,
  does,
  has,
  is,
  isNegated,
  isUnknown,
  named,
  scopeClassOf,
  take,
} from './clause.ts'
import type { Kind } from './entities.ts'
import type { Part, Scene } from './scene.ts'
import { isExactScope } from './scope-words.ts'

/** One thing that can be asked for: when a clause means it, and what is made of it. */
export interface Intent {
  readonly id: string
  readonly fits: (clause: Clause, scene: Scene) => boolean
  readonly build: (scene: Scene, clause: Clause) => Promise<readonly Part[]>
}

export function names(clause: Clause, kind: Kind): boolean {
  return named(clause, kind).some(({ item }) => !item.weak)
}

/** Words about scopes other than the verb of the request itself. */
export function saysScopes(clause: Clause): boolean {
  return clause.items.some(
    (item) => item !== clause.head && (isExactScope(item) || scopeClassOf(item) !== null),
  )
}

export function saysAccess(clause: Clause): boolean {
  return has(clause, 'noun:access') || saysScopes(clause)
}

export function hasTime(clause: Clause): boolean {
  return clause.items.some((item) => item.time !== null)
}

/** `support-bot's access`, `the grant of support-bot`: access that is there already. */
export function isOfSomeone(clause: Clause): boolean {
  return (
    names(clause, 'application') &&
    (has(clause, 'kind:grant') || clause.items.some((item) => item.fold === "'s"))
  )
}

export function hasUrl(clause: Clause): boolean {
  return clause.items.some((item) => item.shape === 'url')
}

/** Whether the first word of one class stands before the first of the other. */
export function precedes(
  clause: Clause,
  first: readonly string[],
  then: readonly string[],
  kind: Kind,
): boolean {
  const at = clause.items.findIndex((item) => is(item, ...first))
  const other = clause.items.findIndex(
    (item) => is(item, ...then) || item.entities.some((entity) => entity.kind === kind),
  )
  return at !== -1 && (other === -1 || at < other)
}

export function fixed(text: string): Intent['build'] {
  return (_scene, clause) => {
    take(clause, ...clause.items)
    return Promise.resolve([{ kind: 'answer', text }])
  }
}

export function appKind(clause: Clause): boolean {
  return has(clause, 'kind:application', 'kind:application-weak')
}

/**
 * With `create` and its like, or where something new is spoken of: `we need an application called`,
 * `need a new app`, `another zone`.
 */
export function creates(clause: Clause): boolean {
  if (does(clause, 'create')) return true
  const needs =
    clause.head === null || is(clause.head, 'verb:require') || (wishes(clause) && namesNew(clause))
  const indefinite = clause.items.some((item) => item.fold === 'a' || item.fold === 'an')
  return (
    needs &&
    !has(clause, 'noun:approval') &&
    (has(clause, 'word:new') || (indefinite && (has(clause, 'word:naming') || namesNew(clause))))
  )
}

function wishes(clause: Clause): boolean {
  return is(
    clause.items.find((item) => !is(item, 'polite') && item.shape !== 'punct'),
    'wish',
  )
}

/** `a provider GitHub`: the word of a kind, and a name that nothing has. */
function namesNew(clause: Clause): boolean {
  return (
    clause.modal &&
    clause.items.some((item, at) => {
      const next = clause.items[at + 1]
      const article = clause.items[at - 1]?.fold
      return (
        (article === 'a' || article === 'an') &&
        [...item.classes].some((name) => name.startsWith('kind:')) &&
        next?.entities.length === 0 &&
        (isUnknown(next) || next.shape === 'quoted')
      )
    })
  )
}

const places: ReadonlySet<string> = new Set([
  'to',
  'in',
  'into',
  'on',
  'of',
  'from',
  'for',
  'at',
  'inside of',
])

/** Whether something of a kind is to be made; in `add bob to the zone` the zone is there. */
export function createsKind(clause: Clause, ...classes: readonly string[]): boolean {
  return (
    creates(clause) &&
    clause.items.some((item, at) => {
      if (!is(item, ...classes)) return false
      const before = clause.items
        .slice(0, at)
        .findLast((other) => !['the', 'this', 'our', 'my'].includes(other.fold))
      return before === undefined || !places.has(before.fold)
    })
  )
}

/** `this zone should be called production`: a new name for what is there. */
export function isToBeCalled(clause: Clause): boolean {
  const fromNow = clause.items.some(({ fold }) => ['now', 'from now on'].includes(fold))
  return (
    clause.head === null &&
    (clause.modal || fromNow) &&
    has(clause, 'word:naming') &&
    !creates(clause)
  )
}

const timeWords =
  /\b(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\s*(?:to|through|-|–)\s*(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*|weekdays?|weekends?|week days?|work(?:ing)? ?days?|business days?|between \d|from \d{1,2}(?::\d\d)? ?(?:am|pm)? (?:to|until|till) \d)/i

export function saysWindow(clause: Clause, scene: Scene): boolean {
  // What is called Friday is no day.
  const text = clause.items
    .map((item) => (item.entities.length > 0 ? '_' : scene.message.slice(item.start, item.end)))
    .join(' ')
  return has(clause, 'noun:business-hours') || timeWords.test(text)
}

export function isPlanVerb(clause: Clause): boolean {
  return (
    does(clause, 'approve') &&
    (has(clause, 'kind:plan') ||
      clause.items.some((item) => item.shape === 'id' && item.text.startsWith('plan_')) ||
      !clause.items.some(
        (item) =>
          item !== clause.head &&
          (item.entities.length > 0 ||
            item.shape === 'quoted' ||
            has(
              clause,
              'noun:template',
              'kind:policy',
              'kind:policySet',
              'noun:business-hours',
              'noun:approval',
            )),
      ))
  )
}

/** `a resource called X with scopes`: the resource itself is new, and not the scope. */
export function startsResource(clause: Clause): boolean {
  if (!creates(clause)) return false
  const first = clause.items.find(
    (item) =>
      is(item, 'kind:resource', 'noun:scope', 'noun:upstream', 'kind:provider') ||
      isExactScope(item),
  )
  return first !== undefined && is(first, 'kind:resource')
}

export function saysOnlyAccess(clause: Clause): boolean {
  return clause.items.some(
    (item) => (is(item, 'noun:access') && !is(item, 'noun:scope')) || is(item, 'scope:all'),
  )
}

/** An application and a resource, by two names: one name that both have does not say which. */
function namesBoth(clause: Clause): boolean {
  const [application] = named(clause, 'application')
  return named(clause, 'resource').some(
    ({ item }) => application !== undefined && item !== application.item,
  )
}

const vagueVerbs =
  /^(?:end|cancel|pull|los|cut(?!s? off|ting off)|stop|take|took|den[yi]|forb|prevent|terminat|recall|shut|(?:has|have|must|needs)(?: to)? go)/

/** `end support-bot`, `cancel Orders`: of an object, and nothing of its access. */
export function isVague(clause: Clause): boolean {
  return (
    does(clause, 'revoke') &&
    vagueVerbs.test(clause.head?.fold ?? '') &&
    (names(clause, 'application') !== names(clause, 'resource') ||
      (has(clause, 'pronoun') && /^stop/.test(clause.head?.fold ?? ''))) &&
    !saysAccess(clause) &&
    !isNegated(clause) &&
    !has(clause, 'kind:grant', 'noun:everything', 'noun:label', 'everyone', 'any-more', 'no-longer')
  )
}

export function takesAccess(clause: Clause): boolean {
  const app =
    names(clause, 'application') ||
    has(clause, 'pronoun', 'pronoun-of', 'pronoun-plural', 'everyone') ||
    appKind(clause)
  if (has(clause, 'no-longer', 'any-more')) return saysAccess(clause) || names(clause, 'resource')
  const disables = does(clause, 'off') && saysScopes(clause) && app && !has(clause, 'kind:zone')
  if (does(clause, 'revoke') || disables) return !isNegated(clause)
  if (does(clause, 'delete'))
    return (
      !isNegated(clause) &&
      !listsOwnGrants(clause) &&
      (saysOnlyAccess(clause) ||
        (app && has(clause, 'noun:access')) ||
        has(clause, 'kind:grant') ||
        (saysScopes(clause) && app) ||
        (namesBoth(clause) && !has(clause, 'kind:application', 'kind:resource')))
    )
  return (
    clause.head === null &&
    clause.modal &&
    isNegated(clause) &&
    saysAccess(clause) &&
    !clause.items.some((item) => is(item, 'scope:all') && item.fold === 'without') &&
    !mixes(clause)
  )
}

/** `delete support-bot and its grants`: the application itself, and more. */
function listsOwnGrants(clause: Clause): boolean {
  return clause.items.some(
    (item, at) => item.fold === 'and' && is(clause.items[at + 1], 'pronoun-of'),
  )
}

/** `should read but not write`: what is given stands before what is not. */
function mixes(clause: Clause): boolean {
  const no = clause.items.findIndex((item) => is(item, 'negation'))
  return clause.items.slice(0, no).some((item) => scopeClassOf(item) !== null || isExactScope(item))
}

export function givesAccess(clause: Clause): boolean {
  if (does(clause, 'give')) return true
  if (does(clause, 'require')) return saysAccess(clause) && names(clause, 'application')
  if (clause.modal && clause.head === null)
    return saysAccess(clause) || names(clause, 'application')
  if (does(clause, 'create', 'set'))
    return saysAccess(clause) || (names(clause, 'application') && names(clause, 'resource'))
  return (
    clause.head === null &&
    saysAccess(clause) &&
    (names(clause, 'application') || names(clause, 'resource'))
  )
}
