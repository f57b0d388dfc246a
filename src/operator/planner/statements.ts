import { type Clause, does, has, is, isUnknown, isVerb, scopeClassOf } from './clause.ts'
import { names, saysScopes } from './intent-features.ts'
import type { Item } from './items.ts'
import { isExactScope } from './scope-words.ts'

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
  'verb:rotate',
  'verb:freeze',
  'verb:unfreeze',
  'verb:rename',
  'verb:attach',
  'verb:detach',
]

const irregularPast = /^(?:gave|took|withdrew|got|had|lost|forgot|made|forbade|kicked|shut|froze)\b/
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
  if (clause.asks || has(clause, 'condition', 'word:like')) return false
  if (has(clause, 'no-longer', 'any-more')) return hasCeased(clause)
  const values = has(clause, 'verb:rename', 'verb:label', 'noun:label', 'word:naming')
  if (!values && clause.items.some((item) => isUnknown(item) && !isExactScope(item))) return false
  if (clause.items.some((item) => performative.has(item.fold))) return false
  if (
    isErrand(clause) ||
    isStanding(clause) ||
    isState(clause) ||
    isNobodyCan(clause) ||
    isIntention(clause)
  )
    return true
  if (isPresentFact(clause)) return true
  return isPassiveFact(clause) || isPastAct(clause) || isHolding(clause) || isConjecture(clause)
}

/** `support-bot no longer has access`, which may be a complaint; `may no longer` asks for it. */
function hasCeased(clause: Clause): boolean {
  const at = clause.items.findIndex((item) => is(item, 'no-longer'))
  const verb = clause.items[at + 1]
  if (verb === undefined || clause.modal || !names(clause, 'application')) return false
  const factual = /^(?:has|had|holds)$/.test(verb.fold)
  return factual || (scopeClassOf(verb) !== null && /(?:s|ed)$/.test(verb.fold))
}

/** `write a prescription for Dr Watson`: work to be done, and no access to be given. */
function isErrand(clause: Clause): boolean {
  const content = clause.items.filter((item) => item.shape !== 'punct' && !is(item, 'polite'))
  const [verb] = content
  if (verb === undefined || scopeClassOf(verb) === null || is(verb, 'noun:access', 'scope:all'))
    return false
  if (verb.shape !== 'word' || verb.entities.length > 0 || /[:/]/.test(verb.text)) return false
  const object = content.slice(1).find((item) => !/^(?:a|an|the|all|my|our)$/.test(item.fold))
  const forWhom = content.some((item) => item.fold === 'for')
  return (
    forWhom &&
    object !== undefined &&
    object === content.slice(1, 3).find((item) => item.entities.length > 0) &&
    object.entities.some(({ kind }) => kind === 'resource') &&
    !/(?:ing|able|er|or|only)$/.test(verb.fold)
  )
}

/** `orders are readable by ...`, `its access expires tomorrow`, `... is permanent`. */
function isStanding(clause: Clause): boolean {
  if (has(clause, 'modal', 'wish', 'negation') || clause.items.some(isColon)) return false
  if (does(clause, 'give')) return false
  return clause.items.some((item, at) => {
    const before = clause.items[at - 1]
    if (at === 0 || before === undefined) return false
    const is3rd = /^(?:is|are|was|were)$/.test(before.fold)
    if (is3rd && (/able$/.test(item.fold) || is(item, 'permanent'))) return true
    return /^(?:kept|ends|expires|lapses|expired|ended|lapsed)$/.test(item.fold)
  })
}

/** `dcr is on`, `the zone is frozen`: a state, and nobody who wants it. */
function isState(clause: Clause): boolean {
  return (
    !has(clause, 'modal', 'wish') &&
    clause.items.some(
      (item, at) =>
        /^(?:is|are|was|were)$/.test(item.fold) &&
        at > 0 &&
        /^(?:on|off|enabled|disabled|active|frozen)$/.test(clause.items[at + 1]?.fold ?? ''),
    )
  )
}

/** `nobody can write invoices` may be an outage; `nobody may` and `should` are rules. */
function isNobodyCan(clause: Clause): boolean {
  const modals = clause.items.filter((item) => is(item, 'modal'))
  const first = clause.items.find((item) => item.shape !== 'punct' && !is(item, 'polite'))
  return (
    is(first, 'negation') &&
    modals.length > 0 &&
    modals.every(({ fold }) => fold === 'can') &&
    !has(clause, 'wish')
  )
}

/** `I will give ...`: what somebody is going to do. */
function isIntention(clause: Clause): boolean {
  const [subject, will] = clause.items.filter((item) => item.shape !== 'punct')
  return (
    /^(?:i|we|you|they)$/.test(subject?.fold ?? '') &&
    /^(?:will|would|might|could)$/.test(will?.fold ?? '') &&
    clause.head !== null &&
    is(clause.head, ...changing)
  )
}

function wordBefore(clause: Clause, item: Item): string {
  const at = clause.items.indexOf(item)
  const before = clause.items.slice(0, at).findLast((other) => !between.has(other.fold))
  return before?.fold.split(' ').at(-1) ?? ''
}

/** `was granted`, `has been revoked`, `is revoked`; `should be revoked` asks for it. */
function isPassiveFact(clause: Clause): boolean {
  const done = clause.items.find(
    (item) => is(item, ...changing) && /(?:ed|en|given|cut|lost|made|kept|put)$/.test(item.fold),
  )
  if (clause.items.some((item) => item.fold === 'required' && past.has(wordBefore(clause, item))))
    return true
  if (done === undefined) return false
  const before = wordBefore(clause, done)
  if (past.has(before)) return !has(clause, 'wish')
  return (
    present.has(before) &&
    !is(done, 'verb:attach') &&
    !has(clause, 'modal', 'wish', 'no-longer', 'any-more')
  )
}

/** `we granted ...`, `support-bot lost ...`: somebody, and what they did. */
function isPastAct(clause: Clause): boolean {
  const at = clause.items.findIndex((item) => isVerb(item) || /^(?:got|had)$/.test(item.fold))
  const verb = clause.items[at]
  if (verb === undefined || at === 0 || clause.items[0]?.fold === 'have') return false
  const subject = clause.items[at - 1]?.fold ?? ''
  if (verb.fold === 'let' && /^(?:i|we|you|they)$/.test(subject)) return true
  const acted =
    irregularPast.test(verb.fold) ||
    (is(verb, ...changing, 'verb:require') && /ed$/.test(verb.fold))
  if (!acted || isUsedTo(clause, at)) return false
  const before = clause.items.slice(0, at)
  const passive = /^(?:be|been|being|is|are|was|were|get|gets)$/.test(wordBefore(clause, verb))
  if (passive || before.some((item) => is(item, 'modal', 'wish') || item.fold === ':')) return false
  return before.some(
    (item) =>
      item.entities.length > 0 ||
      isExactScope(item) ||
      /^(?:i|we|you|they|he|she|it|who|someone|somebody|people|bob|alice)$/.test(item.fold) ||
      is(item, 'word:human', 'noun:access'),
  )
}

/** `billing-agent used to read orders`: told in its own way. */
function isUsedTo({ items }: Clause, at: number): boolean {
  return items[at]?.fold === 'used' && items[at + 1]?.fold === 'to'
}

/** `Orders uses Stripe`, `there is an app called foo`, `support-bot has the label x`. */
function isPresentFact(clause: Clause): boolean {
  if (has(clause, 'modal', 'wish', 'polite') || clause.items.some(isColon)) return false
  const [first, second] = clause.items.filter((item) => item.shape !== 'punct')
  const exists = `${first?.fold ?? ''} ${second?.fold ?? ''}`
  if (/^(?:there (?:is|are|was|were)|(?:we|i) (?:have|had))\b/.test(exists))
    return has(clause, 'word:naming')
  const at = clause.items.findIndex((item) => /^(?:has|had|was|uses|using|points)$/.test(item.fold))
  const subject = clause.items.slice(0, Math.max(at, 0)).some((item) => item.entities.length > 0)
  if (!subject || has(clause, 'negation', 'verb:require')) return false
  const values = has(clause, 'noun:label', 'noun:redirect', 'noun:dpop', 'noun:upstream')
  return /^(?:uses|using|points)$/.test(clause.items[at]?.fold ?? '') || values
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
  const have = items.findIndex((item) => /(?:^|\s)have$/.test(item.fold))
  const done = items[have + 1]
  if (have > 0 && clause.modal && done !== undefined) {
    if (/^(?:been|had|lost|got|gotten)$/.test(done.fold)) return true
    if (is(done, ...changing, 'verb:expire') && /ed$/.test(done.fold)) return true
    const acted = /^(?:read|written|\w+ed)$/.test(done.fold)
    if (acted && (items[have + 2]?.entities.length ?? 0) > 0) return true
  }
  const at = items.findIndex((item) => is(item, 'modal'))
  const subject = items.slice(0, Math.max(at, 0)).some((item) => item.entities.length > 0)
  const acts = clause.head !== null && scopeClassOf(clause.head) === null
  if (acts && !subject) return false
  const modals = items.filter((item) => is(item, 'modal'))
  const unsure = /^(?:might|could|would|will)$/
  return (
    modals.length > 0 &&
    modals.every((item) => unsure.test(item.fold)) &&
    (acts || names(clause, 'application')) &&
    !has(clause, 'wish', 'polite') &&
    !does(clause, 'require')
  )
}
