import { clauseOf, is, isSilent } from './clause.ts'
import { emptyDraft } from './draft.ts'
import { type Entity, resolveName } from './entities.ts'
import { interpret, type Memory, type Reading } from './interpret.ts'
import { type Item, itemsOf } from './items.ts'
import { classesOf } from './lexicon.ts'
import type { Now } from './points.ts'
import { entitiesOf, type Objects, type Pending, vocabulary } from './scene.ts'
import { wishesOf } from './scope-words.ts'
import { kindNames, nameInRequest } from './texts.ts'
import { tokenize } from './tokens.ts'
import type { ZoneState } from './zone-state.ts'

/** Earlier messages that still matter for what is said now. */
const turnsRemembered = 5

/**
 * Reads what a person says last, as an answer to what they were asked or a correction of what they
 * said before where it is one. Earlier messages are read again instead of the answers they got, so
 * nothing that the zone's names put into an answer is ever read as a request.
 */
export async function readConversation(
  said: readonly string[],
  state: ZoneState,
  objects: Objects,
  now: Omit<Now, 'reads'>,
): Promise<Reading> {
  let before: Reading | null = null
  const recent = said.slice(-turnsRemembered)
  for (const text of recent.slice(0, -1)) before = await readNext(text, before, state, objects, now)
  return readNext(recent.at(-1) ?? '', before, state, objects, now)
}

async function readNext(
  text: string,
  before: Reading | null,
  state: ZoneState,
  objects: Objects,
  now: Omit<Now, 'reads'>,
): Promise<Reading> {
  const memory: Memory | null = before
  const whole = before === null ? null : continued(text, before, objects, now)
  return interpret(whole ?? text, state, objects, now, memory)
}

/** The message before with this one put into it, or null where this one stands for itself. */
function continued(
  text: string,
  before: Reading,
  objects: Objects,
  now: Omit<Now, 'reads'>,
): string | null {
  const { pending } = before
  const answer = text.trim().replace(/[.!?\s]+$/u, '')
  if (answer === '') return null
  const suggestion = pending?.suggestion ?? null
  if (suggestion !== null && isYes(answer, suggestion)) return suggestion
  const corrected = correctionIn(answer)
  if (corrected === null && pending === null) return sameFor(answer, before, objects)
  const fragment = corrected ?? answer
  const items = itemsIn(fragment, objects, now)
  if (!isFragment(items, fragment)) return corrected
  if (pending !== null && (corrected === null || pending.candidates.length > 0))
    return answered(before, pending, fragment)
  return corrected === null ? null : replaced(before, fragment, items)
}

function isYes(answer: string, suggestion: string): boolean {
  const [word = ''] = answer.split(/[,\s]/, 1)
  const plain = answer.replaceAll(',', '').toLowerCase()
  if (classesOf(plain).has('yes')) return true
  if (
    classesOf(word).has('yes') &&
    /^(?:please|do it|do that|it is)$/i.test(plain.slice(word.length).trim())
  )
    return true
  const [verb = ''] = suggestion.split(' ', 1)
  return new RegExp(
    `^(?:yes )?(?:please )?${verb.replace(/\W/g, '')}(?: it| that)?(?: please)?$`,
    'i',
  ).test(plain)
}

/** `no, ...`, `I meant ...`: words that take back a part of what was said before. */
const correction =
  /^(?:(?:no|nope|sorry|oops|wait|actually|rather|hmm|instead)[,:]?\s+)+(?:(?:i|we) (?:meant?|mean|was talking about)\s+|make (?:it|that)\s+|it should be\s+|not that one,?\s+|use\s+)?(?=\S)|^(?:(?:i|we) (?:meant?|mean)|make (?:it|that)|it should be)\s+(?=\S)/i

/** What follows `no, I meant ...`, or null where nothing is corrected. */
function correctionIn(answer: string): string | null {
  const match = correction.exec(answer)
  if (match === null) return null
  const rest = answer
    .slice(match[0].length)
    .replace(/\s+instead$/i, '')
    .trim()
  return rest === '' ? null : rest
}

function itemsIn(text: string, objects: Objects, now: Omit<Now, 'reads'>): readonly Item[] {
  const tokens = tokenize(text)
  if (tokens.length > 40) return []
  return itemsOf(text, tokens, vocabulary(objects, emptyDraft()), { ...now, reads: { left: 4 } })
}

/** A few words without a verb of their own: a name, scopes, a time. */
function isFragment(items: readonly Item[], text: string): boolean {
  if (items.length === 0 || items.length > 14) return false
  const clause = clauseOf(items, null, false)
  if (clause.asks) return false
  const verb = clause.head
  if (/^(?:the\s)?(?:other|first|second|third|last)\b/i.test(text)) return true
  return verb === null || wishesOf(verb).length > 0
}

const ordinals: readonly RegExp[] = [
  /^(?:the )?(?:first|1st|former)(?: one)?$|^1$/i,
  /^(?:the )?(?:second|2nd|latter)(?: one)?$|^2$/i,
  /^(?:the )?(?:third|3rd)(?: one)?$|^3$/i,
  /^(?:the )?(?:fourth|4th)(?: one)?$|^4$/i,
]

/** The candidate that an answer picks, by place or by name. */
function picked(answer: string, candidates: readonly Entity[]): Entity | null {
  const place = ordinals.findIndex((shape) => shape.test(answer))
  if (place !== -1) return candidates[place] ?? null
  if (/^(?:the )?last(?: one)?$/i.test(answer)) return candidates.at(-1) ?? null
  const kind = /^(?:the )?(application|app|resource|provider|policy set|policy|zone)$/i.exec(
    answer,
  )?.[1]
  const ofKind = candidates.filter(
    (entity) => kind !== undefined && kindNames[entity.kind].startsWith(kind.toLowerCase()),
  )
  if (ofKind.length === 1) return ofKind[0] ?? null
  const byId = candidates.find(({ id }) => id === answer)
  if (byId !== undefined) return byId
  const name = answer
    .replace(/^(?:the|for|on|to|from|i mean|it is|its)\s+/i, '')
    .replace(/^["'“]|["'”]$/gu, '')
    .replace(/\s+(?:application|app|resource|one|please)$/i, '')
  const found = resolveName(name, candidates)
  return found.kind === 'found' ? found.entity : null
}

function answered(before: Reading, pending: Pending, answer: string): string {
  const chosen = picked(answer, pending.candidates)
  const plain = answer.replace(/^(?:only|just|it should be|call it|called|named)\s+/i, '')
  const value = chosen === null ? plain : sayName(chosen, pending.candidates)
  const hasLead =
    /^(?:until|till|for|by|in|at|on|to|from|with|called|named|forever|permanent(?:ly)?)\b/i.test(
      value,
    )
  const lead = pending.lead === '' || hasLead ? '' : `${pending.lead} `
  const long = pending.lead === 'called' && /\s/.test(value) && !/^["“]/.test(value)
  const said = long ? `"${value.replace(/"/g, '')}"` : value
  const head = before.message.slice(0, pending.start)
  const tail = before.message.slice(pending.end)
  const gap = pending.start === pending.end
  return `${head}${gap ? ' ' : ''}${lead}${said}${gap ? ' ' : ''}${tail}`
}

/** A name where it is enough; the id where others are called the same. */
function sayName(entity: Entity, among: readonly Entity[]): string {
  const same = among.filter(({ name }) => name.toLowerCase() === entity.name.toLowerCase())
  return (same.length === 1 ? nameInRequest(entity.name) : null) ?? entity.id
}

/** The message before, with the one thing of the same sort replaced: a name, a scope or a time. */
function replaced(before: Reading, text: string, items: readonly Item[]): string | null {
  const content = items.filter(
    (item) =>
      !isSilent(item) &&
      !is(item, 'noun:access', 'noun:scope', 'kind:application', 'kind:resource'),
  )
  const [first] = content
  if (first === undefined) return null
  const kind = first.entities[0]?.kind
  const sort = (item: Item): boolean =>
    kind !== undefined
      ? !item.weak && item.entities.some((entity) => entity.kind === kind)
      : first.time !== null
        ? item.time !== null
        : wishesOf(first).length > 0 && wishesOf(item).length > 0 && item.entities.length === 0
  const targets = before.items.filter(sort)
  const [start] = targets
  const end = targets.at(-1)
  if (start === undefined || end === undefined) return null
  if (targets.length > 1 && kind !== undefined) return null
  const lead = first.time !== null && !/^(?:until|till|for|by)\b/i.test(text) ? 'until ' : ''
  return before.message.slice(0, start.start) + lead + text + before.message.slice(end.end)
}

const same = /^(?:and )?(?:please )?(?:do )?(?:the )?same (?:for|with|to)\s+(.+)$/i

/** `the same for support-bot`: the message before, about another object. */
function sameFor(answer: string, before: Reading, objects: Objects): string | null {
  const name = same.exec(answer)?.[1]
  if (name === undefined) return null
  const found = resolveName(name.replace(/^["'“]|["'”]$/gu, ''), entitiesOf(objects, emptyDraft()))
  if (found.kind !== 'found') return null
  const targets = before.items.filter((item) =>
    item.entities.some((entity) => entity.kind === found.entity.kind),
  )
  const [only] = targets
  if (targets.length !== 1 || only === undefined) return null
  const said = nameInRequest(found.entity.name) ?? found.entity.id
  return before.message.slice(0, only.start) + said + before.message.slice(only.end)
}
