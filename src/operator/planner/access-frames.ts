import type { AccessFrame, Piece } from './access-pieces.ts'
import { type Clause, is, isConnector, isSilent } from './clause.ts'
import type { Entity } from './entities.ts'
import type { Part, Scene } from './scene.ts'
import type { ScopeWish } from './scope-words.ts'
import { gap, pointedBack, unique } from './slots.ts'
import { listed, questions, quoted } from './texts.ts'
import type { TimeMeaning } from './times.ts'

type Frames =
  | { readonly ok: true; readonly frames: readonly AccessFrame[] }
  | { readonly ok: false; readonly part: Part }

/** Groups of pieces: a new one begins where a role comes again that the last one has. */
export function framesOf(scene: Scene, clause: Clause, pieces: readonly Piece[]): Frames {
  const groups = groupsOf(clause, pieces)
  const turned = clause.items.some((item) => is(item, 'negation', 'except'))
  const loose = groups.find((group, at) => isLoose(clause, groups[at - 1], group))
  if (loose !== undefined && !turned && !clause.asks)
    return { ok: false, part: relationQuestion(loose) }
  const times = pieces.filter((one) => one.role === 'time')
  if (times.length > groups.length) {
    const [, second] = times
    return {
      ok: false,
      part: gap(clause, questions.untilWhen, second === undefined ? '' : 'until'),
    }
  }
  const trailing = times.length === 1 && groups.length > 1 && groups.at(-1)?.time === times[0]?.time
  const complete = (group: Group): boolean =>
    group.application.length > 0 && group.resource.length > 0 && group.scope.length > 0
  if (trailing && groups.every(complete))
    return {
      ok: false,
      part: gap(
        clause,
        'Does that time hold for all of it, or for the last part alone? Please say it in two sentences?',
        '',
      ),
    }
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
    applications: unique(
      inheritedOr(
        groups,
        at,
        'application',
        back.application?.ok === true ? back.application.entities : [],
      ),
    ),
    resources: unique(
      inheritedOr(groups, at, 'resource', back.resource?.ok === true ? back.resource.entities : []),
    ),
    wishes:
      group.scope.length > 0 ? group.scope : (nearest(groups, at, (other) => other.scope) ?? []),
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
  /** Whether a connector stands before its first piece. */
  listed: boolean
}

function newGroup(): Group {
  return {
    application: [],
    resource: [],
    scope: [],
    without: [],
    time: null,
    leading: false,
    listed: true,
  }
}

function groupsOf(clause: Clause, pieces: readonly Piece[]): readonly Group[] {
  const groups: Group[] = [newGroup()]
  let last: Piece | null = null
  for (const one of pieces) {
    let group = groups.at(-1) ?? newGroup()
    const adjoins = last !== null && last.role === one.role && joined(clause, last, one)
    const filled = one.role === 'time' ? group.time !== null : group[one.role].length > 0
    if (filled && !adjoins) {
      group = { ...newGroup(), listed: isListed(clause, one) }
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

const adding: ReadonlySet<string> = new Set([
  'too',
  'also',
  'as well',
  'as well as',
  'together with',
  'along with',
])

/**
 * Whether nobody can tell what a group has to do with the one before it: `... via support-bot`, two
 * names side by side, or an application at the end of what is read, unless `too` or `also` says so.
 */
function isLoose(clause: Clause, before: Group | undefined, group: Group): boolean {
  if (before === undefined) return false
  const bare = group.scope.length === 0
  if (!group.listed) return bare || before.scope.length === 0
  const alone = bare && group.resource.length === 0 && group.time === null
  return alone && !clause.items.some((item) => adding.has(item.fold))
}

function relationQuestion(group: Group): Part {
  const names = listed([...group.application, ...group.resource].map(({ name }) => quoted(name)))
  const text = `What has ${names} to do with it? Say who may do what on which resource, one sentence for each?`
  return { kind: 'question', text }
}

const joining: ReadonlySet<string> = new Set(['as well as', 'together with', 'along with'])

/** Whether a connector stands before a piece, with nothing but small words between. */
function isListed(clause: Clause, piece: Piece): boolean {
  const at = clause.items.findIndex((item) => item === piece.items[0])
  const before = clause.items.slice(0, at)
  const last = before.findLastIndex((item) => !isSilent(item) && !isConnector(item))
  return before.slice(last + 1).some((item) => isConnector(item) || joining.has(item.fold))
}

/**
 * Whether nothing but connectors and small words stand between two pieces; names are in one list
 * only where a connector stands between them: `the owner of support-bot` is not both.
 */
function joined(clause: Clause, before: Piece, after: Piece): boolean {
  const from = clause.items.findIndex((item) => item === before.items.at(-1))
  const to = clause.items.findIndex((item) => item === after.items[0])
  const named = after.role === 'application' || after.role === 'resource'
  if (named && !isListed(clause, after)) return false
  return clause.items
    .slice(from + 1, to)
    .every(
      (item) =>
        isSilent(item) ||
        isConnector(item) ||
        clause.taken.has(item) ||
        is(item, 'noun:access', 'all', 'noun:scope'),
    )
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
