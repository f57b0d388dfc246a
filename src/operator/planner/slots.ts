import { type Clause, is, isConnector, isUnknown, named, take } from './clause.ts'
import { type Entity, type Kind, resolveName } from './entities.ts'
import type { Item } from './items.ts'
import { canonical, entitiesOfKind, mention, type Part, type Pending, type Scene } from './scene.ts'
import { kindNames, nameInRequest, planTexts, questions, quoted } from './texts.ts'

/** Objects that a request names, or the question that stands in the way of knowing them. */
export type Found =
  | { readonly ok: true; readonly entities: readonly Entity[] }
  | { readonly ok: false; readonly part: Part }

export const kindClass: Readonly<Record<Kind, readonly string[]>> = {
  application: ['kind:application', 'kind:application-weak'],
  resource: ['kind:resource'],
  provider: ['kind:provider'],
  policy: ['kind:policy'],
  policySet: ['kind:policySet'],
  zone: ['kind:zone'],
}

/** A stretch of words that no table explains, or one quoted text. */
export interface Run {
  readonly items: readonly Item[]
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Every such stretch that nothing has taken yet, in order. */
export function runsOf(clause: Clause, message: string): readonly Run[] {
  const runs: Item[][] = []
  let open: boolean = false
  for (const item of clause.items) {
    const free = !clause.taken.has(item)
    const single = free && item.shape === 'quoted' && item.entities.length === 0
    const word = free && isUnknown(item)
    const weak: boolean = free && open && is(item, 'kind:application-weak')
    if (single) runs.push([item])
    else if (word && open) runs.at(-1)?.push(item)
    else if (word) runs.push([item])
    else if (weak) runs.at(-1)?.push(item)
    open = word || weak
  }
  return runs.map((items) => runOf(items, message))
}

export function runOf(items: readonly Item[], message: string): Run {
  const start = items[0]?.start ?? 0
  const end = items.at(-1)?.end ?? start
  const [only] = items
  const text = items.length === 1 && only !== undefined ? only.text : message.slice(start, end)
  return { items, text, start, end }
}

/** Takes the words that only say what kind of thing is meant: `the application`. */
export function takeKind(clause: Clause, kind: Kind): boolean {
  const found = clause.items.filter((item) => is(item, ...kindClass[kind]))
  const pointing = found.map((item) => clause.items[clause.items.indexOf(item) - 1])
  take(clause, ...found, ...pointing.filter((item) => item?.fold === 'this'))
  return found.length > 0
}

/** What a stretch of unknown words means as a name of this kind; a correction is noted. */
export function resolveRun(scene: Scene, clause: Clause, run: Run, kind: Kind): Found {
  take(clause, ...run.items)
  const resolution = resolveName(run.text, entitiesOfKind(scene, kind))
  switch (resolution.kind) {
    case 'found': {
      if (resolution.corrected)
        scene.draft.notes.push(planTexts.corrected(run.text, resolution.entity.name))
      return { ok: true, entities: [resolution.entity] }
    }
    case 'ambiguous':
      return choose(
        scene,
        run,
        questions.whichOf(run.text, kind, resolution.candidates),
        resolution.candidates,
      )
    case 'unknown':
      return choose(
        scene,
        run,
        questions.noSuch(run.text, kind, resolution.suggestions),
        resolution.suggestions,
      )
  }
}

/** A question whose answer stands for a stretch of the message. */
function choose(
  scene: Scene,
  run: Pick<Run, 'start' | 'end'>,
  text: string,
  candidates: readonly Entity[],
): Found {
  const [only] = candidates
  const name = candidates.length === 1 && only !== undefined ? nameInRequest(only.name) : null
  const suggestion =
    name === null ? null : scene.message.slice(0, run.start) + name + scene.message.slice(run.end)
  const pending: Pending = { start: run.start, end: run.end, lead: '', candidates, suggestion }
  return { ok: false, part: { kind: 'question', text, pending } }
}

/** A question whose answer is put at the end of the clause. */
export function gap(
  clause: Clause,
  text: string,
  lead: string,
  candidates: readonly Entity[] = [],
): Part {
  const end = clause.items.at(-1)?.end ?? 0
  return {
    kind: 'question',
    text,
    pending: { start: end, end, lead, candidates, suggestion: null },
  }
}

const gapLead: Readonly<Record<Kind, string>> = {
  application: 'for',
  resource: 'on',
  provider: 'provider',
  policy: 'policy',
  policySet: 'policy set',
  zone: 'zone',
}

/** Asks which object of a kind is meant; where there is none, says so. */
export function askFor(scene: Scene, clause: Clause, kind: Kind): Found {
  const known = entitiesOfKind(scene, kind)
  const text =
    known.length === 0
      ? `There is no ${kindNames[kind]} in this zone yet. What should it be called?`
      : questions.missing(kind, known)
  return { ok: false, part: gap(clause, text, gapLead[kind], known) }
}

/** Several objects with one name: the person says which. */
function ambiguous(scene: Scene, item: Item, kind: Kind): Found | null {
  const same = item.entities.filter((entity) => entity.kind === kind)
  if (same.length < 2) return null
  return choose(scene, item, questions.whichOf(item.text, kind, same), same)
}

/**
 * The objects of a kind that a clause is about: those it names, those it misspells, and those that
 * `it` or the bare kind points back to. Found items are taken, together with the word of the kind.
 */
export function objectsOf(
  scene: Scene,
  clause: Clause,
  kind: Kind,
  options: { readonly runs?: boolean } = {},
): Found {
  const found = named(clause, kind)
  for (const { item } of found) {
    const several = ambiguous(scene, item, kind)
    if (several !== null) return several
  }
  const said = takeKind(clause, kind)
  const entities = found.map(({ entity }) => canonical(scene, entity))
  take(clause, ...found.map(({ item }) => item))
  const runs = options.runs === false ? [] : runsOf(clause, scene.message)
  for (const run of entities.length > 0
    ? runs.filter((other) => isListed(clause, other, found))
    : runs) {
    const resolved = resolveRun(scene, clause, run, kind)
    if (!resolved.ok) return resolved
    entities.push(...resolved.entities)
  }
  if (entities.length > 0) {
    mention(scene, ...entities)
    return { ok: true, entities: unique(entities) }
  }
  const back = pointedBack(scene, clause, kind, said)
  return back ?? askFor(scene, clause, kind)
}

/** Whether a stretch stands in one list with a named object: `billing-agent and suport-bot`. */
function isListed(clause: Clause, run: Run, found: readonly { readonly item: Item }[]): boolean {
  const first = clause.items.findIndex((item) => item === run.items[0])
  const last = first + run.items.length - 1
  const isFound = (item: Item | undefined): boolean => found.some((other) => other.item === item)
  const before = clause.items.slice(0, first).findLastIndex((item) => !isConnector(item))
  const after = clause.items.findIndex((item, at) => at > last && !isConnector(item))
  return (
    (before < first - 1 && isFound(clause.items[before])) ||
    (after > last + 1 && isFound(clause.items[after]))
  )
}

export function unique(entities: readonly Entity[]): readonly Entity[] {
  return entities.filter((entity, at) => entities.findIndex(({ id }) => id === entity.id) === at)
}

function ownZone(scene: Scene): Entity {
  const { id, name } = scene.objects.zone
  return { kind: 'zone', id, name, planned: false }
}

/** What `it`, `them`, `its` or a bare `the application` stands for: what was last spoken of. */
export function pointedBack(scene: Scene, clause: Clause, kind: Kind, said: boolean): Found | null {
  const pronouns = clause.items.filter(
    (item) => is(item, 'pronoun', 'pronoun-plural', 'pronoun-of') && !clause.taken.has(item),
  )
  if (pronouns.length === 0 && !said) return null
  const recent = kind === 'zone' ? [ownZone(scene)] : (scene.recent.get(kind) ?? [])
  if (recent.length === 0) return null
  const one =
    pronouns.length === 0 ||
    pronouns.every((item) => !is(item, 'pronoun-plural') && item.fold !== 'their')
  take(clause, ...pronouns.slice(0, 1))
  if (one && recent.length > 1) {
    const text = questions.missing(kind, recent)
    return { ok: false, part: gap(clause, text, gapLead[kind], recent) }
  }
  const absent = recent.find((entity) => isOnlyPlanned(scene, entity))
  if (absent !== undefined) return { ok: false, part: onlyPlanned(scene, absent) }
  mention(scene, ...recent)
  return { ok: true, entities: recent }
}

/** An object of an earlier plan that has not been applied: no new plan can build on it yet. */
export function isOnlyPlanned(scene: Scene, entity: Entity): boolean {
  return entity.planned && !scene.draft.planned.some((other) => other === entity)
}

export function onlyPlanned(scene: Scene, entity: Entity): Part {
  const text =
    `The ${kindNames[entity.kind]} ${quoted(entity.name)} is only planned so far. ` +
    'Apply that plan first, or shall I put both into one new plan?'
  const { before } = scene
  const suggestion = before === null ? null : `${before}; ${scene.message}`
  const pending: Pending = { start: 0, end: 0, lead: '', candidates: [], suggestion }
  return { kind: 'question', text, pending }
}
