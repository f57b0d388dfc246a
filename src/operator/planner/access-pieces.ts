import { type Clause, is, isConnector, isSilent, take } from './clause.ts'
import { type Entity, type Kind, resolveName } from './entities.ts'
import type { Item } from './items.ts'
import { canonical, entitiesOfKind, type Part, type Scene } from './scene.ts'
import { isExactScope, type ScopeWish, wishesOf } from './scope-words.ts'
import { resolveRun, type Run, runsOf } from './slots.ts'
import { questions, quoted, unclearTimes } from './texts.ts'
import type { TimeMeaning } from './times.ts'

/** One `who may do what on which resource` of a request about access. */
export interface AccessFrame {
  readonly applications: readonly Entity[]
  readonly resources: readonly Entity[]
  readonly wishes: readonly ScopeWish[]
  /** Scopes that are named to be left out: `read but not write`. */
  readonly without: readonly ScopeWish[]
  readonly time: TimeMeaning | null
}

export interface AccessRequest {
  readonly frames: readonly AccessFrame[]
  readonly user: string | null
  /** `only`, `just` or `read-only` stands by the scopes. */
  readonly exclusive: boolean
  /** `all`, `everyone` or `any application` stands for the applications. */
  readonly everyone: boolean
  readonly except: readonly Entity[]
}

export type Parsed =
  | { readonly ok: true; readonly request: AccessRequest }
  | { readonly ok: false; readonly part: Part }

export type Role = 'application' | 'resource' | 'scope' | 'without' | 'time'

export interface Piece {
  readonly role: Role
  readonly items: readonly Item[]
  readonly entities: readonly Entity[]
  readonly wishes: readonly ScopeWish[]
  readonly time: TimeMeaning | null
}

/** Gives every item that says who, what or which its role, unknown names included. */
export function rolesOf(
  scene: Scene,
  clause: Clause,
):
  | { readonly ok: true; readonly pieces: readonly Piece[] }
  | { readonly ok: false; readonly part: Part } {
  const pieces: Piece[] = []
  const assigned = unknownRoles(scene, clause)
  let negative = false
  for (const item of clause.items) {
    const run = assigned.find((other) => other.run.items.includes(item))
    if (run !== undefined) {
      if (run.run.items[0] !== item) continue
      const found = resolveRun(scene, clause, run.run, run.kind)
      if (!found.ok) return found
      pieces.push(piece(run.kind, run.run.items, found.entities))
      continue
    }
    if (clause.taken.has(item)) continue
    if (is(item, 'negation', 'but', 'except')) {
      const mixed = isMixed(clause, item, pieces)
      if (mixed) take(clause, item)
      negative ||= mixed
      continue
    }
    const one = pieceOf(scene, clause, item, negative)
    if (one === null) continue
    if ('kind' in one) return { ok: false, part: one }
    if (one.role === 'resource' || one.role === 'application') negative = false
    const part = one.role === 'resource' && !clause.asks ? partOf(clause, item) : null
    if (part !== null) return { ok: false, part }
    take(clause, item)
    pieces.push(one)
  }
  return { ok: true, pieces }
}

/** Words that take a part of what stands behind them. */
const limiting: ReadonlySet<string> = new Set(
  'some one first last next such new another additional extra further open pending current active own few many most half'.split(
    ' ',
  ),
)

/** `some orders`, `new invoices`: access is to the whole of a resource. */
export function partOf(clause: Clause, item: Item): Part | null {
  const before = clause.items[clause.items.indexOf(item) - 1]
  if (before === undefined || before === clause.head || !limiting.has(before.fold)) return null
  const text = `I do not know which part ${quoted(`${before.text} ${item.text}`)} is: access is to a whole resource. Which scopes on which resource should it be?`
  return { kind: 'question', text }
}

/** `full` by itself: all scopes in `full access`, and nothing but emphasis in `full read access`. */
const emphatic: ReadonlySet<string> = new Set([
  'full',
  'complete',
  'total',
  'entire',
  'unrestricted',
])

function wishesIn(clause: Clause, item: Item): readonly ScopeWish[] {
  if (!emphatic.has(item.fold)) return wishesOf(item)
  const next = clause.items[clause.items.indexOf(item) + 1]
  if (next === undefined) return []
  if (is(next, 'noun:access', 'noun:scope')) return wishesOf(item)
  if (wishesOf(next).length > 0) take(clause, item)
  return []
}

/** `read but not write`: a scope that is left out, behind one that is given. */
function isMixed(clause: Clause, item: Item, pieces: readonly Piece[]): boolean {
  const next = clause.items
    .slice(clause.items.indexOf(item) + 1)
    .find((other) => !isSilent(other) && !is(other, 'negation'))
  const after = next !== undefined && wishesOf(next).length > 0
  return after && pieces.some((other) => other.role === 'scope')
}

function piece(role: Role, items: readonly Item[], entities: readonly Entity[]): Piece {
  return { role, items, entities, wishes: [], time: null }
}

function pieceOf(scene: Scene, clause: Clause, item: Item, negative: boolean): Piece | Part | null {
  if (item.time !== null) {
    if (item.time.kind === 'unclear') return timeQuestion(item, item.time.why)
    return { role: 'time', items: [item], entities: [], wishes: [], time: item.time }
  }
  if (is(item, 'permanent'))
    return { role: 'time', items: [item], entities: [], wishes: [], time: { kind: 'permanent' } }
  const role = item.weak && item.classes.size > 0 ? null : entityRole(clause, item)
  if (role !== null) {
    const same = item.entities.filter((entity) => entity.kind === role)
    const [first] = same
    if (same.length > 1) {
      const text = questions.whichOf(item.text, role, same)
      return {
        kind: 'question',
        text,
        pending: { start: item.start, end: item.end, lead: '', candidates: same, suggestion: null },
      }
    }
    return first === undefined ? null : piece(role, [item], [canonical(scene, first)])
  }
  const wishes = item === clause.head && !clause.asks ? [] : wishesIn(clause, item)
  if (wishes.length === 0) return null
  return { role: negative ? 'without' : 'scope', items: [item], entities: [], wishes, time: null }
}

function timeQuestion(item: Item, why: keyof typeof unclearTimes): Part {
  const text = unclearTimes[why]
  const pending = {
    start: item.start,
    end: item.end,
    lead: 'until',
    candidates: [],
    suggestion: null,
  }
  return { kind: 'question', text, pending }
}

/** Which of the two kinds a name is meant as, where objects of both are called so. */
function entityRole(clause: Clause, item: Item): 'application' | 'resource' | null {
  const kinds = new Set(item.entities.map((entity) => entity.kind))
  const app = kinds.has('application')
  const resource = kinds.has('resource')
  if (!app && !resource) return null
  if (app !== resource) return app ? 'application' : 'resource'
  const at = clause.items.indexOf(item)
  const beside = [clause.items[at + 1], clause.items[at - 1]]
  if (beside.some((other) => is(other, 'kind:resource'))) return 'resource'
  if (beside.some((other) => is(other, 'kind:application'))) return 'application'
  const others = clause.items.filter((other) => other !== item)
  if (others.some((other) => other.entities.some((entity) => entity.kind === 'application')))
    return 'resource'
  return ['to', 'on', 'of', 'in', 'from'].includes(clause.items[at - 1]?.fold ?? '')
    ? 'resource'
    : 'application'
}

interface AssignedRun {
  readonly run: Run
  readonly kind: 'application' | 'resource'
}

/**
 * What unknown names stand for: the same as the name that they are listed with, else the kind that
 * is missing, else the kind in which a name is close, else the kind that their place suggests.
 */
function unknownRoles(scene: Scene, clause: Clause): readonly AssignedRun[] {
  const has = (kind: Kind): boolean =>
    clause.items.some(
      (item) => !item.weak && !clause.taken.has(item) && entityRole(clause, item) === kind,
    )
  const missing = { application: !has('application'), resource: !has('resource') }
  return runsOf(clause, scene.message)
    .filter((run) => !run.items.some(isExactScope) && !isUnknownVerb(clause, run))
    .flatMap((run): readonly AssignedRun[] => {
      const listed = listedWith(clause, run)
      if (listed !== null) return [{ run, kind: listed }]
      if (missing.application !== missing.resource)
        return [{ run, kind: missing.application ? 'application' : 'resource' }]
      const close = (['application', 'resource'] as const).find(
        (kind) => resolveName(run.text, entitiesOfKind(scene, kind)).kind !== 'unknown',
      )
      if (close === undefined && !missing.application) return []
      return [{ run, kind: close ?? placeOf(clause, run) }]
    })
}

/** An unknown word that the clause begins with, where no `may` follows, is a verb nobody knows. */
function isUnknownVerb(clause: Clause, run: Run): boolean {
  const first = clause.items.find((item) => !isSilent(item))
  return (
    clause.head === null &&
    !clause.modal &&
    !clause.asks &&
    first === run.items[0] &&
    run.items[0]?.shape === 'word'
  )
}

function listedWith(clause: Clause, run: Run): 'application' | 'resource' | null {
  const first = clause.items.findIndex((item) => item === run.items[0])
  const last = first + run.items.length - 1
  for (const [near, step] of [
    [first - 1, -1],
    [last + 1, 1],
  ] as const) {
    if (!isConnector(clause.items[near] ?? clause.items[0] ?? missingItem)) continue
    const item = clause.items[near + step]
    const role = item === undefined ? null : entityRole(clause, item)
    if (role !== null) return role
  }
  return null
}

const missingItem = { fold: '' } as Item

function placeOf(clause: Clause, run: Run): 'application' | 'resource' {
  const first = clause.items.findIndex((item) => item === run.items[0])
  const before = clause.items.slice(0, first)
  if (before.at(-1)?.fold === 'by') return 'application'
  return before.some((item) => wishesOf(item).length > 0 || is(item, 'noun:access'))
    ? 'resource'
    : 'application'
}
