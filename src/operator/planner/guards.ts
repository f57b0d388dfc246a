import { type Clause, has, is } from './clause.ts'
import type { Step } from './draft.ts'
import { creates } from './intent-features.ts'
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
export function misread(clause: Clause, steps: readonly Step[]): string | null {
  if (clause.asks || steps.length === 0) return null
  const part = clause.items.find(
    (item, at) => parts.test(item.fold) && clause.items[at + 1]?.fold === 'of',
  )
  if (part !== undefined)
    return `Which ones do you mean with ${quoted(`${part.text} of`)}? Please name them?`
  if (describes(clause))
    return 'I plan for what is named, and not for what something does or has. Which do you mean, by name?'
  const odd = steps
    .map(({ input }) => input['name'])
    .find((name) => typeof name === 'string' && noName.test(name))
  if (odd !== undefined && !clause.items.some(({ shape }) => shape === 'quoted'))
    return `Should it be called ${quoted(String(odd))}? Then say the name in quotes.`
  const archives = steps.some(({ operation }) => operation === 'resources.delete')
  const exact = clause.items.every(
    ({ entities, text }) => entities.length === 0 || entities.some(({ name }) => name === text),
  )
  const data = clearing.test(clause.head?.fold ?? '') || !exact
  if (archives && data && !has(clause, 'kind:resource'))
    return 'What a resource holds is not kept here. Say "delete the resource ..." if it should be archived, with every grant on it?'
  return null
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
      noun && relatives.test(item.fold) && holding.test(clause.items[at + 1]?.fold.split(' ')[0] ?? '')
    )
  })
}
