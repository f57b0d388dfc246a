import { framesOf } from './access-frames.ts'
import { type Parsed, rolesOf } from './access-pieces.ts'
import { type Clause, does, is, isConnector, isSilent, isUnknown, take } from './clause.ts'
import type { Entity } from './entities.ts'
import type { Item } from './items.ts'
import { canonical, mention, type Part, type Scene } from './scene.ts'
import { wishesOf } from './scope-words.ts'
import { resolveRun, runsOf, takeKind } from './slots.ts'

/** Reads applications, resources, scopes, user and times from a clause, whatever their order. */
export function accessRequestOf(scene: Scene, clause: Clause): Parsed {
  const user = userOf(clause)
  const except = exceptOf(scene, clause)
  if (!except.ok) return except
  const everyone = everyoneOf(clause)
  const exclusive = exclusiveOf(clause)
  takeOwnPronoun(clause)
  const roles = rolesOf(scene, clause)
  if (!roles.ok) return roles
  takeKind(clause, 'application')
  takeKind(clause, 'resource')
  takeAccessNouns(clause)
  take(
    clause,
    ...clause.items.filter(
      (item, at) =>
        is(item, 'all') &&
        isResource(
          clause.items[at + 1]?.fold === 'the' ? clause.items[at + 2] : clause.items[at + 1],
        ),
    ),
  )
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
  return (
    item !== undefined &&
    item.entities.length > 0 &&
    item.entities.every((entity) => entity.kind === 'resource')
  )
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
  const email = clause.items.find(
    (item) => item.shape === 'email' && !clause.taken.has(item) && isUser(clause, item),
  )
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

/** `for alice@example.com`, but not `the orders of alice@example.com`, which is a part of them. */
function isUser(clause: Clause, email: Item): boolean {
  const at = clause.items.indexOf(email)
  const before = clause.items.slice(0, at).findLast((item) => item.fold !== 'the')
  if (before === undefined) return clause.items[at + 1]?.fold !== "'s" ? false : !clause.modal
  if (clause.items[at + 1]?.fold === "'s") return true
  const takes = does(clause, 'revoke', 'delete')
  return (
    is(before, 'user', 'except') ||
    ['for', 'as', 'and', ',', ':', '('].includes(before.fold) ||
    (takes && ['from', 'of'].includes(before.fold))
  )
}

/** The names behind `except`; they are taken away from what `everyone` means. */
function exceptOf(
  scene: Scene,
  clause: Clause,
):
  | { readonly ok: true; readonly entities: readonly Entity[] }
  | { readonly ok: false; readonly part: Part } {
  const mark = clause.items.findIndex((item) => is(item, 'except'))
  if (mark === -1) return { ok: true, entities: [] }
  const entities: Entity[] = []
  for (const item of clause.items.slice(mark + 1)) {
    if (wishesOf(item).length > 0) break
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

/** `support-bot must lose its access`: whose it is has been said in the same clause. */
function takeOwnPronoun(clause: Clause): void {
  const at = clause.items.findIndex((item) => is(item, 'pronoun-of'))
  const owners = clause.items
    .slice(0, Math.max(at, 0))
    .filter((item) => item.entities.some(({ kind }) => kind === 'application'))
  const what = clause.items.slice(at + 1).find((item) => !is(item, 'filler', 'all'))
  const access = what !== undefined && (is(what, 'noun:access') || wishesOf(what).length > 0)
  if (owners.length > 0 && access) take(clause, clause.items[at])
}

function everyoneOf(clause: Clause): boolean {
  const whole = clause.items.find((item) => is(item, 'everyone') && !clause.taken.has(item))
  if (whole !== undefined) {
    take(clause, whole)
    return true
  }
  const at = clause.items.findIndex(
    (item, index) =>
      is(item, 'all') && is(clause.items[index + 1], 'kind:application', 'kind:application-weak'),
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
  const said = clause.items[mark - 1]
  if (said?.fold === 'but') take(clause, said)
  // `only for alice@example.com` binds the grant to that user.
  const next = clause.items.slice(mark + 1).find((item) => !is(item, 'filler', 'user'))
  if (next?.shape === 'email') {
    take(clause, clause.items[mark])
    return readOnly
  }
  // `just for today` is about the time, and a grant that ends is what was asked for anyway.
  const around = [clause.items[mark + 1], clause.items[mark - 1]]
  if (around.some((item) => item?.time?.kind === 'point')) {
    take(clause, clause.items[mark])
    return readOnly
  }
  const near = clause.items
    .slice(mark + 1)
    .find((item) => !isSilent(item) && !is(item, 'word:able', 'word:member', 'verb:give'))
  const before = clause.items.slice(0, mark).findLast((item) => !isSilent(item))
  const beside = [near, before].some(
    (item) => item !== undefined && (wishesOf(item).length > 0 || is(item, 'noun:access')),
  )
  const first = clause.items.findIndex((item) => !isSilent(item))
  if (!beside || mark < first || mark === 0) return readOnly
  take(clause, clause.items[mark])
  return true
}
