import { type Clause, has, is, isConnector, scopeClassOf } from './clause.ts'
import type { Step } from './draft.ts'
import { looseName, numberForms } from './entities.ts'
import { creates } from './intent-features.ts'
import type { Item } from './items.ts'
import { entitiesOfKind, type Scene } from './scene.ts'
import { quoted } from './texts.ts'

const parts = /^(?:one|some|any|most|many|few|half|two|three|either|another)$/
const relatives = /^(?:that|which|what)$/
const holding = /^(?:can|may|might|could|has|have|had|holds|does|did|was|were)$/
const clearing = /^(?:clean|purg|eras|wip|empt|throw|nuk)/
const noName =
  /^(?:it|this|that|them|they|these|those|me|you|something|anything|whatever|one|two|three|four|five|six|ten|\d{1,2}|some|several|many|more|few|a few)$/i

/**
 * What makes a request mean something else than its plan, though every word of it has a meaning: a
 * part of what is named, names by what they do, a pronoun as a name. The question about it, or null.
 */
export function misread(scene: Scene, clause: Clause, steps: readonly Step[]): string | null {
  if (clause.asks || steps.length === 0) return null
  const part = clause.items.find(
    (item, at) => parts.test(item.fold) && clause.items[at + 1]?.fold === 'of',
  )
  if (part !== undefined)
    return `Which ones do you mean with ${quoted(`${part.text} of`)}? Please name them?`
  if (describes(clause))
    return 'I plan for what is named, and not for what something does or has. Which do you mean, by name?'
  if (/^[-–]$/.test(clause.head?.fold ?? '') && clause.items.some(({ fold }) => fold === '+'))
    return 'What is to be taken and what given? Please say it in two sentences?'
  const several = clause.items.find((item, at) => meansSeveral(scene, clause, item, at))
  if (several !== undefined) return `Which ones do you mean with ${quoted(several.text)}?`
  const { head } = clause
  if (head !== null && is(head, 'verb:revoke') && scopeClassOf(head) !== null)
    return `Is ${quoted(head.text)} what should be taken away, or what should be done? Say "revoke ... from ..."?`
  return oddName(clause, steps) ?? unclearArchive(clause, steps)
}

function oddName(clause: Clause, steps: readonly Step[]): string | null {
  const odd = steps
    .map(({ input }) => input['name'])
    .find((name): name is string => typeof name === 'string' && noName.test(name))
  if (odd === undefined || clause.items.some(({ shape }) => shape === 'quoted')) return null
  return `Should it be called ${quoted(odd)}? Then say the name in quotes.`
}

/** `remove A from B`, `purge invoices`, `drop the list`: it may be no object that should go. */
function unclearArchive(clause: Clause, steps: readonly Step[]): string | null {
  const archived = steps.flatMap(({ operation }) =>
    operation.endsWith('.delete') && operation !== 'grants.delete' ? [operation] : [],
  )
  if (archived.length === 0) return null
  if (/^clean/.test(clause.head?.fold ?? ''))
    return 'Should it be deleted, or something of it? Say "delete the application ..." or what should change.'
  const at = clause.items.findIndex((item) => item.fold === 'from')
  if (at !== -1 && !clause.items.slice(at).some((item) => is(item, 'kind:zone')))
    return 'What should be taken from what? Say "revoke ... on ... from ...", or "delete the application ...".'
  const named = clause.items.filter(({ entities }) => entities.length > 0)
  const kind = has(clause, 'kind:application', 'kind:resource', 'kind:policy', 'kind:provider')
  const [weak] = named.filter((item) => item.weak)
  if (weak !== undefined && !kind && !has(clause, 'kind:policySet'))
    return `Which object do you mean with ${quoted(weak.text)}? Say its kind, such as "delete the application ${weak.text}".`
  const exact = named.every(({ entities, text }) => entities.some(({ name }) => name === text))
  const data = clearing.test(clause.head?.fold ?? '') || !exact
  return archived.includes('resources.delete') && data && !has(clause, 'kind:resource')
    ? 'What a resource holds is not kept here. Say "delete the resource ..." if it should be archived, with every grant on it?'
    : null
}

/** `both mailers`, `the route planners` beside a `route_planner-v2`: more than the one name found. */
function meansSeveral(scene: Scene, clause: Clause, item: Item, at: number): boolean {
  const [entity] = item.entities
  if (entity === undefined) return false
  const before = clause.items.slice(0, at).findLast((other) => other.fold !== 'the')
  const after = clause.items[at + 1]
  if (before?.fold === 'both' && (after === undefined || !isConnector(after))) return true
  const name = looseName(entity.name)
  const plural = looseName(item.text) !== name && numberForms(name).includes(looseName(item.text))
  return (
    plural &&
    !name.endsWith('s') &&
    entitiesOfKind(scene, entity.kind).some(
      (other) => other.id !== entity.id && looseName(other.name).startsWith(`${name} `),
    )
  )
}

/** `the app that can write invoices`, `the one who has access`: found out, and not named. */
function describes(clause: Clause): boolean {
  if (creates(clause)) return false
  return clause.items.some((item, at) => {
    if (at === 0) return false
    if (/^(?:who|whose|whoever|whichever)$/.test(item.fold)) return true
    const before = clause.items[at - 1]
    const noun =
      is(before, 'kind:application', 'kind:application-weak', 'kind:resource', 'word:human') ||
      /^(?:ones?|those|everything)$/.test(before?.fold ?? '')
    return (
      noun &&
      relatives.test(item.fold) &&
      holding.test(clause.items[at + 1]?.fold.split(' ')[0] ?? '')
    )
  })
}
