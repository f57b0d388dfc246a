import { type Clause, does, has, is, isUnknown, isVerb, scopeClassOf } from './clause.ts'
import { names, saysScopes } from './intent-features.ts'
import type { Item } from './items.ts'

const changing = [
  'verb:give',
  'verb:revoke',
  'verb:delete',
  'verb:create',
  'verb:extend',
  'verb:shorten',
  'verb:limit',
  'verb:label',
  'verb:activate',
]

const irregularPast = /^(?:gave|took|withdrew|got|had|lost|forgot|made|cut|forbade|kicked|shut)\b/
const present: ReadonlySet<string> = new Set(['is', 'are'])
const past: ReadonlySet<string> = new Set(['was', 'were', 'been'])
const performative: ReadonlySet<string> = new Set('hereby now immediately'.split(' '))
const between: ReadonlySet<string> = new Set('already just recently now hereby also'.split(' '))

/**
 * Whether a clause tells how things are, were or could be, and asks for nothing: `support-bot's
 * access was revoked`, `we gave it read on orders`, `support-bot has read on orders`.
 */
export function tellsHowThingsAre(clause: Clause): boolean {
  // With a word that nobody knows, it is not planned anyway, and that word is told.
  if (clause.asks || has(clause, 'condition', 'word:like', 'no-longer', 'any-more')) return false
  if (clause.items.some(isUnknown)) return false
  if (clause.items.some((item) => performative.has(item.fold))) return false
  return isPassiveFact(clause) || isPastAct(clause) || isHolding(clause) || isConjecture(clause)
}

function wordBefore(clause: Clause, item: Item): string {
  const at = clause.items.indexOf(item)
  const before = clause.items.slice(0, at).findLast((other) => !between.has(other.fold))
  return before?.fold.split(' ').at(-1) ?? ''
}

/** `was granted`, `has been revoked`, `is revoked`; `should be revoked` asks for it. */
function isPassiveFact(clause: Clause): boolean {
  const done = clause.items.find(
    (item) => is(item, ...changing) && /(?:ed|en|given|cut|lost|made)$/.test(item.fold),
  )
  if (done === undefined) return false
  const before = wordBefore(clause, done)
  if (past.has(before)) return !has(clause, 'wish')
  return present.has(before) && !has(clause, 'modal', 'wish', 'no-longer', 'any-more')
}

/** `we granted ...`, `support-bot lost ...`: somebody, and what they did. */
function isPastAct(clause: Clause): boolean {
  const at = clause.items.findIndex((item) => isVerb(item) || /^(?:got|had)$/.test(item.fold))
  const verb = clause.items[at]
  if (verb === undefined || at === 0) return false
  const acted = irregularPast.test(verb.fold) || (is(verb, ...changing) && /ed$/.test(verb.fold))
  if (!acted || verb.fold === 'used') return false
  const before = clause.items.slice(0, at)
  const passive = /^(?:be|been|being|is|are|was|were|get|gets)$/.test(wordBefore(clause, verb))
  if (passive || before.some((item) => is(item, 'modal', 'wish') || item.fold === ':')) return false
  return before.some(
    (item) =>
      item.entities.length > 0 ||
      /^(?:i|we|you|they|he|she|it|who|someone|somebody|people|bob|alice)$/.test(item.fold) ||
      is(item, 'word:human', 'noun:access'),
  )
}

/** `support-bot has read on orders`, `support-bot is able to read orders`. */
function isHolding(clause: Clause): boolean {
  if (clause.head !== null && scopeClassOf(clause.head) === null) return false
  if (!names(clause, 'application') || has(clause, 'wish') || clause.items.some(isColon))
    return false
  const able = clause.items.find((item) => is(item, 'word:able'))
  if (able !== undefined && present.has(wordBefore(clause, able))) return true
  const having = clause.items.findIndex((item) => /^(?:has|holds)$/.test(item.fold))
  const before = clause.items.slice(0, Math.max(having, 0))
  return (
    having !== -1 &&
    !clause.modal &&
    saysScopes(clause) &&
    before.some((item) => item.entities.some(({ kind }) => kind === 'application')) &&
    !has(clause, 'negation', 'no-longer', 'any-more', 'only', 'noun:everything', 'noun:expiring')
  )
}

function isColon(item: Item): boolean {
  return item.fold === ':'
}

/** `support-bot might read orders`, `should have been given access`: nothing to be done for it. */
function isConjecture(clause: Clause): boolean {
  const { items } = clause
  const been = items.findIndex((item) => item.fold === 'been')
  if (been > 0 && items[been - 1]?.fold === 'have' && clause.modal) return true
  if (clause.head !== null && scopeClassOf(clause.head) === null) return false
  const modals = items.filter((item) => is(item, 'modal'))
  const unsure = /^(?:might|could|would|will)$/
  return (
    modals.length > 0 &&
    modals.every((item) => unsure.test(item.fold)) &&
    names(clause, 'application') &&
    !has(clause, 'wish', 'polite') &&
    !does(clause, 'require')
  )
}
