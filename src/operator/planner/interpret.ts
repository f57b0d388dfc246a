import {
  type Clause,
  clauseOf,
  is,
  isSilent,
  isVerb,
  leftOver,
  scopeClassOf,
  take,
} from './clause.ts'
import { type ClausePart, clausesOf } from './clauses.ts'
import { type Draft, emptyDraft } from './draft.ts'
import type { Entity, Kind } from './entities.ts'
import { misread } from './guards.ts'
import { inquiries } from './inquiries-table.ts'
import { type Item, itemsOf } from './items.ts'
import type { Now } from './points.ts'
import { requests } from './requests-table.ts'
import { type Objects, type Part, type Pending, type Scene, vocabulary } from './scene.ts'
import { general, questions } from './texts.ts'
import { unsharedTime } from './shared-times.ts'
import { tokenize } from './tokens.ts'
import type { ZoneState } from './zone-state.ts'

/** What came of one message: nothing has been proposed or said yet. */
export interface Reading {
  readonly message: string
  readonly draft: Draft
  readonly answers: readonly string[]
  readonly notes: readonly string[]
  readonly questions: readonly string[]
  readonly pending: Pending | null
  /** Parts that were not understood and could change what the rest means. */
  readonly unknown: readonly string[]
  /** Sentences that were not understood and hold no request: they are left out and told. */
  readonly aside: readonly string[]
  readonly tooLong: boolean
  readonly items: readonly Item[]
  readonly recent: ReadonlyMap<Kind, readonly Entity[]>
  readonly lately: readonly Entity[]
  /** What one was picked from, where the message answers a question about a name. */
  readonly choice: readonly Entity[] | null
}

/** What earlier messages leave for `it` and `them`. */
export type Memory = Pick<Reading, 'message' | 'recent' | 'lately'>

/** More words than this are no request to one control plane, and reading them would take too long. */
const wordsMost = 400

export async function interpret(
  said: string,
  state: ZoneState,
  objects: Objects,
  now: Omit<Now, 'reads'>,
  memory: Memory | null,
): Promise<Reading> {
  const message = withoutNumbers(said)
  const draft = emptyDraft()
  const scene: Scene = {
    state,
    objects,
    draft,
    message,
    before: memory?.message ?? null,
    now: { ...now, reads: { left: 16 } },
    recent: new Map(memory?.recent ?? []),
    lately: [...(memory?.lately ?? [])],
    mentioned: [],
  }
  const tokens = tokenize(message)
  const tooLong = tokens.length > wordsMost
  const items = tooLong ? [] : itemsOf(message, tokens, vocabulary(objects, draft), scene.now)
  const outcome = { parts: [] as Part[], unknown: [] as string[], aside: [] as string[] }
  for (const part of clausesOf(items)) {
    const clause = refreshed(scene, part)
    scene.mentioned.length = 0
    const before = draft.steps.length
    const made = await build(scene, clause)
    const shared = part.first ? null : unsharedTime(clause, draft, before)
    const built = shared === null ? made : [...made, shared]
    if (scene.mentioned.length > 0) scene.lately.splice(0, scene.lately.length, ...scene.mentioned)
    if (clause.opener !== null) clause.taken.delete(clause.opener)
    const left = leftOver(clause, message)
    // An answer to a question of which a part was not understood may be the answer to another one.
    outcome.parts.push(
      ...(left.length === 0 ? built : built.filter((one) => one.kind !== 'answer')),
    )
    if (left.length === 0 || built.some((one) => one.kind === 'question')) continue
    if (isAside(clause) && !isHeading(message, clause)) outcome.aside.push(...left)
    else outcome.unknown.push(...left)
  }
  return {
    message,
    draft,
    tooLong,
    items,
    recent: scene.recent,
    lately: scene.lately,
    choice: null,
    ...sorted(outcome.parts),
    unknown: outcome.unknown,
    aside: outcome.aside,
  }
}

/** `1. ... 2. ...`: the numbers of a list end sentences; every word stays in its place. */
function withoutNumbers(message: string): string {
  if (!/^\s*1[.)]\s/.test(message) || !/\s2[.)]\s/.test(message)) return message
  return message.replace(/(?<=^|\s)\d{1,2}[.)](?=\s)/g, (mark) => ';'.padEnd(mark.length))
}

/** The clause again, with the names of what the requests before it would create. */
function refreshed(scene: Scene, part: ClausePart): Clause {
  const { clause, marked } = part
  if (scene.draft.planned.length === 0) return clause
  const start = clause.items[0]?.start ?? 0
  const end = clause.items.at(-1)?.end ?? start
  const tokens = tokenize(scene.message).filter((token) => token.start >= start && token.end <= end)
  const words = vocabulary(scene.objects, scene.draft)
  const items = itemsOf(scene.message, tokens, words, scene.now)
  const again = clauseOf(items, null, marked)
  return clause.inherited ? { ...again, verbs: clause.verbs, inherited: true } : again
}

async function build(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  if (clause.items.every((item) => isSilent(item) || is(item, 'yes'))) return []
  const helps = clause.items.some((item) => is(item, 'help'))
  if (helps && clause.items.every((item) => isSilent(item) || is(item, 'help', 'verb:show')))
    return takeWhole(clause, general.help)
  takePlace(scene, clause)
  const table = clause.asks ? inquiries : requests
  const intent = table.find((one) => one.fits(clause, scene))
  if (intent === undefined) return []
  const steps = scene.draft.steps.length
  const parts = await intent.build(scene, clause)
  const other = misread(scene, clause, scene.draft.steps.slice(steps))
  if (other !== null) return [...parts, { kind: 'question', text: other }]
  const denied = clause.items.some(
    (item) => is(item, 'negation', 'except', 'condition') && !clause.taken.has(item),
  )
  // A word that turns a meaning around was not used: whatever was built means something else.
  const choice = !clause.asks && clause.items.some((item) => item.fold === 'or')
  if (choice && scene.draft.steps.length > steps) return [...parts, choiceQuestion(clause)]
  if (denied && scene.draft.steps.length > steps && !parts.some((part) => part.kind === 'question'))
    return [...parts, { kind: 'question', text: questions.denied('') }]
  return parts
}

/** `A or B`: the answer, `A` or `both`, stands for the two names. */
function choiceQuestion(clause: Clause): Part {
  const at = clause.items.findIndex((item) => item.fold === 'or')
  const [before, after] = [clause.items[at - 1], clause.items[at + 1]]
  const [first] = before?.entities ?? []
  const [second] = after?.entities ?? []
  if (before === undefined || after === undefined || first?.kind !== second?.kind)
    return { kind: 'question', text: questions.choice }
  const candidates = [first, second].filter((one) => one !== undefined)
  const pending = {
    start: before.start,
    end: after.end,
    lead: '',
    candidates,
    suggestion: null,
  }
  return { kind: 'question', text: questions.choice, pending }
}

/** `in this zone`, `in default`: where everything here happens anyway. */
function takePlace(scene: Scene, clause: Clause): void {
  const at = clause.items.findIndex((item) => item.fold === 'in' || item.fold === 'inside of')
  const after = clause.items.slice(at + 1)
  const length = after.findIndex(
    (item) =>
      !is(item, 'kind:zone') &&
      !['the', 'this', 'our'].includes(item.fold) &&
      !item.entities.some((entity) => entity.id === scene.objects.zone.id),
  )
  const place = after.slice(0, length === -1 ? after.length : length)
  if (at !== -1 && place.some((item) => is(item, 'kind:zone') || item.entities.length > 0))
    take(clause, ...place)
}

function takeWhole(clause: Clause, text: string): readonly Part[] {
  take(clause, ...clause.items)
  return [{ kind: 'answer', text }]
}

/** `Done:` above a list says something about all of it. */
function isHeading(message: string, clause: Clause): boolean {
  return /^\s*:\s*\n/.test(message.slice(clause.items.findLast(isWord)?.end ?? 0))
}

function isWord(item: Item): boolean {
  return item.shape !== 'punct'
}

/** A remark: no verb, no object, no scope and nothing that could turn a request around. */
function isAside(clause: Clause): boolean {
  return clause.items.every(
    (item) =>
      item.entities.length === 0 &&
      !isVerb(item) &&
      scopeClassOf(item) === null &&
      item.shape !== 'quoted' &&
      item.time === null &&
      !is(
        item,
        'negation',
        'only',
        'except',
        'condition',
        'all',
        'everyone',
        'pronoun',
        'pronoun-plural',
        'pronoun-of',
        'noun:access',
      ) &&
      ![...item.classes].some((name) => name.startsWith('kind:') || name.startsWith('ask:')),
  )
}

function sorted(
  parts: readonly Part[],
): Pick<Reading, 'answers' | 'notes' | 'questions' | 'pending'> {
  const texts = (kind: 'answer' | 'note' | 'question'): readonly string[] =>
    [...new Set(parts.flatMap((part) => (part.kind === kind ? [part.text] : [])))].filter(
      (text) => text !== '',
    )
  const asked = parts.filter((part) => part.kind === 'question')
  const [only] = asked
  return {
    answers: texts('answer'),
    notes: texts('note'),
    questions: texts('question'),
    pending: asked.length > 0 && only?.kind === 'question' ? (only.pending ?? null) : null,
  }
}
