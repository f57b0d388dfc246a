import { is, isConnector, isSilent, isUnknown, take, type Clause } from './clause.ts'
import { resolveName, type Entity, type Kind } from './entities.ts'
import { type Item } from './items.ts'
import { canonical, entitiesOfKind, mention, type Part, type Scene } from './scene.ts'
import { isExactScope, wishesOf, type ScopeWish } from './scope-words.ts'
import { gap, pointedBack, resolveRun, runsOf, takeKind, unique, type Run } from './slots.ts'
import { questions, unclearTimes } from './texts.ts'
import { type TimeMeaning } from './times.ts'

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

type Role = 'application' | 'resource' | 'scope' | 'without' | 'time'

interface Piece {
  readonly role: Role
  readonly items: readonly Item[]
  readonly entities: readonly Entity[]
  readonly wishes: readonly ScopeWish[]
  readonly time: TimeMeaning | null
}

/** Reads applications, resources, scopes, user and times from a clause, whatever their order. */
export function accessRequestOf(scene: Scene, clause: Clause): Parsed {
  const user = userOf(clause)
  const except = exceptOf(scene, clause)
  if (!except.ok) return except
  const everyone = everyoneOf(clause)
  const exclusive = exclusiveOf(clause)
  const roles = rolesOf(scene, clause)
  if (!roles.ok) return roles
  takeKind(clause, 'application')
  takeKind(clause, 'resource')
  takeAccessNouns(clause)
  take(clause, ...clause.items.filter((item, at) => is(item, 'all') && isResource(clause.items[at + 1]?.fold === 'the' ? clause.items[at + 2] : clause.items[at + 1])))
  const frames = framesOf(scene, clause, roles.pieces)
  if (!frames.ok) return frames
  mention(scene, ...frames.frames.flatMap((frame) => frame.applications))
  mention(scene, ...frames.frames.flatMap((frame) => frame.resources))
  return {
    ok: true,
    request: { frames: frames.frames, user, exclusive, everyone, except: except.entities },
  }
}

/** `all invoices` is the resource Invoices, whole as it always is. */
function isResource(item: Item | undefined): boolean {
  return item !== undefined && item.entities.length > 0 && item.entities.every((entity) => entity.kind === 'resource')
}

function takeAccessNouns(clause: Clause): void {
  take(
    clause,
    ...clause.items.filter((item) =>
      is(item, 'noun:access', 'noun:scope', 'word:able', 'word:member', 'ask:is'),
    ),
  )
}

/** `for alice@example.com`, `on behalf of user alice`: the grant is bound to that user. */
function userOf(clause: Clause): string | null {
  const email = clause.items.find((item) => item.shape === 'email' && !clause.taken.has(item))
  const mark = clause.items.findIndex((item) => is(item, 'user'))
  if (email !== undefined) {
    take(clause, email, clause.items[mark])
    return email.text
  }
  const next = clause.items[mark + 1]
  if (mark === -1 || next === undefined) return null
  if (next.shape !== 'quoted' && !isUnknown(next)) return null
  take(clause, clause.items[mark], next)
  return next.text
}

/** The names behind `except`; they are taken away from what `everyone` means. */
function exceptOf(
  scene: Scene,
  clause: Clause,
): { readonly ok: true; readonly entities: readonly Entity[] } | { readonly ok: false; readonly part: Part } {
  const mark = clause.items.findIndex((item) => is(item, 'except'))
  if (mark === -1) return { ok: true, entities: [] }
  const entities: Entity[] = []
  for (const item of clause.items.slice(mark + 1)) {
    const app = item.entities.find((entity) => entity.kind === 'application')
    if (app !== undefined) {
      entities.push(canonical(scene, app))
      take(clause, item)
    } else if (isUnknown(item)) {
      const run = runsOf(clause, scene.message).find((other) => other.items.includes(item))
      if (run === undefined) continue
      const found = resolveRun(scene, clause, run, 'application')
      if (!found.ok) return found
      entities.push(...found.entities)
    } else if (!isConnector(item) && !isSilent(item) && !is(item, 'kind:application')) break
  }
  if (entities.length > 0) take(clause, clause.items[mark])
  return { ok: true, entities }
}

function everyoneOf(clause: Clause): boolean {
  const whole = clause.items.find((item) => is(item, 'everyone') && !clause.taken.has(item))
  if (whole !== undefined) {
    take(clause, whole)
    return true
  }
  const at = clause.items.findIndex(
    (item, index) => is(item, 'all') && is(clause.items[index + 1], 'kind:application', 'kind:application-weak'),
  )
  if (at === -1) return false
  take(clause, clause.items[at], clause.items[at + 1])
  return true
}

/** `only` counts as being about the scopes where it stands by them or by `access`. */
function exclusiveOf(clause: Clause): boolean {
  const mark = clause.items.findIndex((item) => is(item, 'only'))
  const readOnly = clause.items.some((item) => is(item, 'scope:read-only', 'scope:write-only'))
  if (mark === -1) return readOnly
  const near = clause.items.slice(mark + 1).find((item) => !isSilent(item) && !is(item, 'word:able', 'word:member', 'verb:give'))
  const before = clause.items.slice(0, mark).findLast((item) => !isSilent(item))
  const beside = [near, before].some(
    (item) => item !== undefined && (wishesOf(item).length > 0 || is(item, 'noun:access')),
  )
  const first = clause.items.findIndex((item) => !isSilent(item))
  if (!beside || mark < first || mark === 0) return readOnly
  take(clause, clause.items[mark])
  return true
}

/** Gives every item that says who, what or which its role, unknown names included. */
function rolesOf(
  scene: Scene,
  clause: Clause,
): { readonly ok: true; readonly pieces: readonly Piece[] } | { readonly ok: false; readonly part: Part } {
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
    if (is(item, 'negation')) {
      negative = isMixed(clause, item, pieces)
      if (negative) take(clause, item)
      continue
    }
    const one = pieceOf(scene, clause, item, negative)
    if (one === null) continue
    if ('kind' in one) return { ok: false, part: one }
    if (one.role === 'resource' || one.role === 'application') negative = false
    take(clause, item)
    pieces.push(one)
  }
  return { ok: true, pieces }
}

/** `read but not write`: a scope that is left out, behind one that is given. */
function isMixed(clause: Clause, item: Item, pieces: readonly Piece[]): boolean {
  const next = clause.items.slice(clause.items.indexOf(item) + 1).find((other) => !isSilent(other))
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
  const wishes = item === clause.head && !clause.asks ? [] : wishesOf(item)
  if (wishes.length === 0) return null
  return { role: negative ? 'without' : 'scope', items: [item], entities: [], wishes, time: null }
}

function timeQuestion(item: Item, why: keyof typeof unclearTimes): Part {
  const text = unclearTimes[why]
  const pending = { start: item.start, end: item.end, lead: 'until', candidates: [], suggestion: null }
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
    clause.items.some((item) => !item.weak && !clause.taken.has(item) && entityRole(clause, item) === kind)
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
  return clause.head === null && !clause.modal && !clause.asks && first === run.items[0] && run.items[0]?.shape === 'word'
}

function listedWith(clause: Clause, run: Run): 'application' | 'resource' | null {
  const first = clause.items.findIndex((item) => item === run.items[0])
  const last = first + run.items.length - 1
  for (const [near, step] of [[first - 1, -1], [last + 1, 1]] as const) {
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

type Frames =
  | { readonly ok: true; readonly frames: readonly AccessFrame[] }
  | { readonly ok: false; readonly part: Part }

/** Groups of pieces: a new one begins where a role comes again that the last one has. */
function framesOf(scene: Scene, clause: Clause, pieces: readonly Piece[]): Frames {
  const groups = groupsOf(clause, pieces)
  const times = pieces.filter((one) => one.role === 'time')
  if (times.length > groups.length) {
    const [, second] = times
    return { ok: false, part: gap(clause, questions.untilWhen, second === undefined ? '' : 'until') }
  }
  const trailing = times.length === 1 && groups.length > 1 && groups.at(-1)?.time === times[0]?.time
  const complete = (group: Group): boolean =>
    group.application.length > 0 && group.resource.length > 0 && group.scope.length > 0
  if (trailing && groups.every(complete))
    return { ok: false, part: gap(clause, 'Does that time hold for all of it, or for the last part alone? Please say it in two sentences?', '') }
  const only = times.length === 1 ? (times[0]?.time ?? null) : null
  const shared = trailing || groups[0]?.leading === true ? only : null
  const back = {
    application: pointedBackTo(scene, clause, 'application', groups),
    resource: pointedBackTo(scene, clause, 'resource', groups),
  }
  for (const kind of ['application', 'resource'] as const) {
    const found = back[kind]
    if (found !== null && !found.ok) return found
  }
  const filled = groups.map((group, at): AccessFrame => ({
    applications: unique(inheritedOr(groups, at, 'application', back.application?.ok === true ? back.application.entities : [])),
    resources: unique(inheritedOr(groups, at, 'resource', back.resource?.ok === true ? back.resource.entities : [])),
    wishes: group.scope.length > 0 ? group.scope : (nearest(groups, at, (other) => other.scope) ?? []),
    without: group.without,
    time: group.time ?? shared,
  }))
  return { ok: true, frames: filled }
}

interface Group {
  application: Entity[]
  resource: Entity[]
  scope: ScopeWish[]
  without: ScopeWish[]
  time: TimeMeaning | null
  /** Whether its time stands before everything else. */
  leading: boolean
}

function newGroup(): Group {
  return { application: [], resource: [], scope: [], without: [], time: null, leading: false }
}

function groupsOf(clause: Clause, pieces: readonly Piece[]): readonly Group[] {
  const groups: Group[] = [newGroup()]
  let last: Piece | null = null
  for (const one of pieces) {
    let group = groups.at(-1) ?? newGroup()
    const adjoins = last !== null && last.role === one.role && joined(clause, last, one)
    const filled = one.role === 'time' ? group.time !== null : group[one.role].length > 0
    if (filled && !adjoins) {
      group = newGroup()
      groups.push(group)
    }
    if (one.role === 'time') {
      group.leading = last === null
      group.time = one.time
    } else if (one.role === 'scope' || one.role === 'without') group[one.role].push(...one.wishes)
    else group[one.role].push(...one.entities)
    last = one
  }
  return groups
}

/** Whether nothing but connectors and small words stand between two pieces. */
function joined(clause: Clause, before: Piece, after: Piece): boolean {
  const from = clause.items.findIndex((item) => item === before.items.at(-1))
  const to = clause.items.findIndex((item) => item === after.items[0])
  return clause.items
    .slice(from + 1, to)
    .every((item) => isSilent(item) || isConnector(item) || clause.taken.has(item) || is(item, 'noun:access', 'all', 'noun:scope'))
}

function nearest<T>(
  groups: readonly Group[],
  at: number,
  pick: (group: Group) => readonly T[],
): readonly T[] | null {
  const before = groups.slice(0, at).findLast((group) => pick(group).length > 0)
  const after = groups.slice(at + 1).find((group) => pick(group).length > 0)
  const found = before ?? after
  return found === undefined ? null : pick(found)
}

function inheritedOr(
  groups: readonly Group[],
  at: number,
  kind: 'application' | 'resource',
  back: readonly Entity[],
): readonly Entity[] {
  const own = groups[at]?.[kind] ?? []
  return own.length > 0 ? own : (nearest(groups, at, (group) => group[kind]) ?? back)
}

/** `it` is whichever of the two kinds the clause does not name. */
function pointedBackTo(
  scene: Scene,
  clause: Clause,
  kind: 'application' | 'resource',
  groups: readonly Group[],
): ReturnType<typeof pointedBack> {
  if (groups.some((group) => group[kind].length > 0)) return null
  const said = clause.items.some((item) => is(item, `kind:${kind}`))
  return pointedBack(scene, clause, kind, said)
}
