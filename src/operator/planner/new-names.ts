import { foldName } from '../../kernel/names.ts'
import { type Clause, is, isConnector, isUnknown, take } from './clause.ts'
import { type Entity, type Kind, looseName } from './entities.ts'
import type { Item } from './items.ts'
import { entitiesOfKind, type Part, type Scene } from './scene.ts'
import { isExactScope } from './scope-words.ts'
import { kindClass, type Run, runOf, runsOf } from './slots.ts'
import { cited, kindNames, quoted } from './texts.ts'

/**
 * The names that a clause gives to new objects of a kind: behind `called`, behind or before the word
 * of the kind, in quotes, or the one unknown word there is. What it finds, it takes.
 */
export function newNamesIn(scene: Scene, clause: Clause, kind: Kind): readonly Run[] {
  const { items } = clause
  const naming = items.findIndex((item) => is(item, 'word:naming') && !clause.taken.has(item))
  const nameNoun = items.findIndex((item) => is(item, 'noun:name'))
  if (naming !== -1 || nameNoun !== -1) {
    const mark = naming === -1 ? nameNoun : naming
    take(clause, items[mark])
    const names = namesFrom(scene, clause, mark + 1, true)
    if (names.length > 0) return names
  }
  const at = items.findIndex(
    (item, index) =>
      is(item, ...kindClass[kind]) &&
      !isName(items, item) &&
      !is(items[index + 1], ...kindClass[kind]),
  )
  if (at !== -1) {
    const mark = items[at + 1]
    const gap = mark?.fold === ',' || mark?.fold === ':' ? 2 : 1
    const after = namesFrom(scene, clause, at + gap, false)
    if (after.length > 0) return after
    const before = nameBefore(scene, clause, at)
    if (before !== null) return [before]
  }
  const runs = runsOf(clause, scene.message).filter((run) => !run.items.some(isExactScope))
  const [only] = runs
  if (runs.length > 1 && areListed(clause, runs)) {
    take(clause, ...runs.flatMap(({ items: own }) => own))
    return runs
  }
  if (runs.length !== 1 || only === undefined) return []
  take(clause, ...only.items)
  return [only]
}

/** Whether connectors alone stand between the runs, at least one each time: `courier and postman`. */
function areListed(clause: Clause, runs: readonly Run[]): boolean {
  const first = clause.items.findIndex((item) => item === runs[0]?.items[0])
  const last = clause.items.findIndex((item) => item === runs.at(-1)?.items.at(-1))
  const inside = new Set(runs.flatMap(({ items }) => items))
  const apart = runs.slice(1).every((run) => {
    const before = clause.items.findLast((item) => item.end <= run.start)
    return before !== undefined && isConnector(before)
  })
  return (
    apart &&
    clause.items.slice(first, last + 1).every((item) => inside.has(item) || isConnector(item))
  )
}

/** A weak kind word at the end of a name is part of it: `support bot`. */
function isName(items: readonly Item[], item: Item): boolean {
  const before = items[items.indexOf(item) - 1]
  return is(item, 'kind:application-weak') && before !== undefined && isUnknown(before)
}

function namesFrom(scene: Scene, clause: Clause, start: number, any: boolean): readonly Run[] {
  const names: Run[] = []
  let at = start
  while (at < clause.items.length) {
    const run = nameAt(scene, clause, at, any && names.length === 0)
    if (run === null) break
    names.push(run)
    take(clause, ...run.items)
    at += run.items.length
    const gap = clause.items.slice(at).findIndex((item) => !isConnector(item))
    if (gap < 1) break
    at += gap
  }
  return names
}

/** Words that point at a name without saying it. */
const pointing = /^(?:the|an?)?\s*(?:other|another|new|old|same|previous|original|right)$/i

/** The name that begins at a place; behind `called` its first word may be one of the grammar. */
export function nameAt(scene: Scene, clause: Clause, at: number, any: boolean): Run | null {
  const first = clause.items[at]
  if (first === undefined || clause.taken.has(first) || first.shape === 'punct') return null
  if (first.shape === 'quoted') return runOf([first], scene.message)
  if (isExactScope(first) || first.shape !== 'word') return null
  if (!any && !isUnknown(first) && (first.entities.length === 0 || first.weak)) return null
  if (any && is(first, 'filler') && first.fold !== 'the') return null
  const rest = clause.items.slice(at + 1)
  const length = rest.findIndex((item) => !continuesName(item))
  const run = runOf([first, ...rest.slice(0, length === -1 ? rest.length : length)], scene.message)
  return pointing.test(run.text) ? null : run
}

function continuesName(item: Item): boolean {
  if (item.shape !== 'word' || isExactScope(item)) return false
  if (isUnknown(item) || item.entities.length > 0 || is(item, 'kind:application-weak')) return true
  // Within a name a capital letter marks a word of it: `Payments Key`.
  const noun = [...item.classes].every((name) => /^(?:noun|kind):/.test(name))
  return noun && /^\p{Lu}\p{Ll}/u.test(item.text)
}

function nameBefore(scene: Scene, clause: Clause, kind: number): Run | null {
  const runs = runsOf(clause, scene.message)
  const run = runs.find((other) => other.items.at(-1) === clause.items[kind - 1])
  const known = clause.items[kind - 1]
  const found =
    run ??
    (known !== undefined && known.entities.length > 0 && !known.weak
      ? runOf([known], scene.message)
      : null)
  if (found !== null) take(clause, ...found.items)
  return found
}

/** What stands in the way of a new name: an object that has it, or one that is nearly called so. */
export function clashWith(scene: Scene, kind: Kind, name: string): Part | null {
  const known = entitiesOfKind(scene, kind)
  const same = known.find((entity) => foldName(entity.name) === foldName(name))
  if (same !== undefined) return { kind: 'note', text: existsText(same) }
  const near = known.find((entity) => looseName(entity.name) === looseName(name))
  if (near === undefined) return null
  const text = `There is already the ${kindNames[kind]} ${cited(near)}, which differs from ${quoted(name)} in spelling alone. Do you mean that one, or should there be two?`
  return { kind: 'question', text }
}

function existsText(entity: Entity): string {
  return `The ${kindNames[entity.kind]} ${cited(entity)} exists already.`
}

/** Values in a list from a place on: labels, scopes, words in quotes. */
export function valuesFrom(
  clause: Clause,
  start: number,
  accepts: (item: Item) => boolean,
): readonly Item[] {
  const values: Item[] = []
  for (let at = start; at < clause.items.length; at++) {
    const item = clause.items[at]
    if (item === undefined) break
    if (isConnector(item) || item.fold === ':' || item.fold === '(' || item.fold === ')') continue
    if (clause.taken.has(item) || !accepts(item)) break
    values.push(item)
  }
  return values
}

/** The same, backwards from a place: `invoices:read and invoices:write scopes`. */
export function valuesBefore(
  clause: Clause,
  end: number,
  accepts: (item: Item) => boolean,
): readonly Item[] {
  const values: Item[] = []
  for (let at = end - 1; at >= 0; at--) {
    const item = clause.items[at]
    if (item === undefined) break
    if (isConnector(item)) continue
    if (clause.taken.has(item) || !accepts(item)) break
    values.unshift(item)
  }
  return values
}
