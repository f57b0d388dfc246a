import { clauseOf, is, isSilent } from './clause.ts'
import { emptyDraft } from './draft.ts'
import { insteadOf, lengthened, sameFor, theOther, timedNow, whatAbout } from './follow-ups.ts'
import { interpret, type Memory, type Reading } from './interpret.ts'
import { type Item, itemsOf } from './items.ts'
import { classesOf } from './lexicon.ts'
import { picked, pickedAll, sayName } from './picks.ts'
import type { Now } from './points.ts'
import { type Objects, type Pending, vocabulary } from './scene.ts'
import { wishesOf } from './scope-words.ts'
import { corrected } from './spelling.ts'
import { planTexts } from './texts.ts'
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
  const read = (message: string): Promise<Reading> =>
    interpret(message, state, objects, now, memory)
  const reading = await read(whole ?? text)
  const best = isUnderstood(reading) ? reading : ((await respelt(reading, read)) ?? reading)
  const among = before?.pending?.candidates ?? before?.choice ?? []
  return whole !== null && among.length > 0 ? { ...best, choice: among } : best
}

function isUnderstood({ unknown, questions, draft, answers }: Reading): boolean {
  return (
    unknown.length === 0 && questions.length === 0 && (draft.steps.length > 0 || answers.length > 0)
  )
}

/** The reading with its spelling mistakes put right, where nothing is left to ask then. */
async function respelt(
  reading: Reading,
  read: (message: string) => Promise<Reading>,
): Promise<Reading | null> {
  const better = corrected(reading.message, reading.items)
  if (better === null) return null
  const again = await read(better.message)
  if (!isUnderstood(again) || again.aside.length > 0) return null
  again.draft.notes.push(...better.words.map(([said, meant]) => planTexts.corrected(said, meant)))
  return again
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
  const other = theOther(answer, before)
  if (other !== null) return other
  const instead = insteadOf(answer, before) ?? correctionIn(answer)
  if (instead === null && pending === null)
    return (
      sameFor(answer, before, objects) ??
      whatAbout(answer, before, objects) ??
      lengthened(before, answer) ??
      timedNow(before, itemsIn(answer, objects, now))
    )
  const fragment = instead ?? answer
  const items = itemsIn(fragment, objects, now)
  if (!isFragment(items, fragment)) return instead
  const forName = pending?.lead === 'called' || /\brenam/i.test(before.message)
  if (pending !== null && forName && isNoName(items, fragment)) return null
  if (pending !== null && (instead === null || pending.candidates.length > 0))
    return answered(before, pending, fragment)
  if (instead === null) return null
  return (
    lengthened(before, fragment) ?? timedNow(before, items) ?? replaced(before, fragment, items)
  )
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
  /^(?:(?:no|nope|sorry|oops|wait|actually|rather|hmm|instead|i mean)[,:]?\s+)+(?:(?:i|we) (?:meant?|mean|was talking about)\s+|make (?:it|that)\s+|it should be\s+|not that one,?\s+|use\s+)?(?=\S)|^(?:(?:i|we) (?:meant?|mean)|make (?:it|that)|it should be)\s+(?=\S)/i

/** What follows `no, I meant ...`, or null where nothing is corrected. */
function correctionIn(answer: string): string | null {
  const behind = /^(.{1,60}?),? (?:rather|instead)$/i.exec(answer)?.[1]
  const match = correction.exec(answer)
  if (match === null) return behind ?? null
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

const evasive =
  /^(?:hm+|uh|later|soon|whatever|any(?: name)?|idk|dunno|none|nothing|skip|huh|not sure|you choose|no idea)$/i

/** `later`, `yes please`: words of the grammar alone, where a name was asked for. */
function isNoName(items: readonly Item[], text: string): boolean {
  if (evasive.test(text)) return true
  return items.every(
    (item) => item.shape !== 'quoted' && item.entities.length === 0 && item.classes.size > 0,
  )
}

function answered(before: Reading, pending: Pending, answer: string): string {
  const all = pickedAll(answer, pending.candidates)
  if (all !== null) return filledIn(before, pending, all)
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
  return filledIn(before, pending, `${lead}${said}`)
}

/** The message with a question's answer where it belongs. */
function filledIn(before: Reading, pending: Pending, said: string): string {
  const head = before.message.slice(0, pending.start)
  const tail = before.message.slice(pending.end)
  const gap = pending.start === pending.end
  return `${head}${gap ? ' ' : ''}${said}${gap ? ' ' : ''}${tail}`
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
