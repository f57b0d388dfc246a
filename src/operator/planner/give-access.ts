import type { AccessFrame, AccessRequest } from './access-pieces.ts'
import { accessRequestOf } from './access-request.ts'
import { describeInstant } from './civil-time.ts'
import {
  type Clause,
  has,
  is,
  isConnector,
  isNegated,
  scopeClassOf,
  take,
  takeAll,
} from './clause.ts'
import type { Entity, Kind } from './entities.ts'
import {
  createGrant,
  lastsAsLong,
  patchGrant,
  takeScopes,
  untilText,
  widenPlanned,
} from './grant-steps.ts'
import type { Item } from './items.ts'
import { canonical, factsOf, grantsOf, isLive, type Part, type Scene } from './scene.ts'
import { scopesFor, type ScopeWish } from './scope-words.ts'
import { askFor, gap, unique } from './slots.ts'
import { capitalized, listed, nameInRequest, questions, quoted, some } from './texts.ts'

/** `let billing-agent read invoices until Friday`: grants what is missing and nothing more. */
export async function giveAccess(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  take(
    clause,
    ...clause.items.filter(
      (item) =>
        is(item, 'verb:give') ||
        item.fold === 'keep' ||
        (is(item, 'verb:create', 'verb:set', 'verb:require') && scopeClassOf(item) === null),
    ),
  )
  if (takeAll(clause, 'word:time-boxed') && !clause.items.some((item) => item.time !== null))
    return [gap(clause, questions.untilWhen, '')]
  const parsed = accessRequestOf(scene, clause)
  if (!parsed.ok) return [parsed.part]
  takeAll(clause, 'word:new')
  const { request } = parsed
  if (isReversed(clause)) return [{ kind: 'question', text: questions.reversed }]
  if (isNegated(clause)) return deniedAnswer(scene, clause, request)
  if (request.everyone || request.except.length > 0) return [everyoneQuestion(scene, request)]
  const parts: Part[] = []
  for (const frame of request.frames)
    parts.push(...(await giveFrame(scene, clause, request, frame)))
  return parts
}

/** `let Invoices read billing-agent`: the resource stands where the application should. */
function isReversed(clause: Clause): boolean {
  const at = (fits: (item: Item) => boolean): number => clause.items.findIndex(fits)
  const of = (kind: Kind) => (item: Item) => item.entities.some((entity) => entity.kind === kind)
  const resource = at(of('resource'))
  const scope = at((item) => scopeClassOf(item) !== null && item !== clause.head)
  const application = at(of('application'))
  if (!(resource !== -1 && resource < scope && scope < application)) return false
  const between = clause.items.slice(scope + 1, application)
  return between.every(
    (item) => !['by', 'for', 'to', 'from', 'access'].includes(item.fold) && !isConnector(item),
  )
}

/** Nobody is given anything by naming everybody: the applications are named, one by one. */
function everyoneQuestion(scene: Scene, request: AccessRequest): Part {
  const left = scene.objects.applications.filter(
    ({ id }) => !request.except.some((entity) => entity.id === id),
  )
  const text = `I grant access to named applications alone. Which of them do you mean: ${some(left.map(({ name }) => quoted(name)))}?`
  return { kind: 'question', text }
}

/** A request not to give access: never a grant; what is there already may be meant to go. */
async function deniedAnswer(
  scene: Scene,
  clause: Clause,
  request: AccessRequest,
): Promise<readonly Part[]> {
  takeAll(clause, 'negation', 'no-longer', 'any-more')
  const facts: string[] = []
  const removals: string[] = []
  for (const { applications, resources, wishes } of request.frames)
    for (const application of applications)
      for (const resource of resources) {
        const found = scopesFor(wishes, factsOf(scene, resource).scopes ?? [])
        const held = await heldScopes(scene, application, resource)
        const both =
          found.ok && found.scopes.length > 0
            ? held.filter((scope) => found.scopes.includes(scope))
            : held
        const [who, what] = [nameInRequest(application.name), nameInRequest(resource.name)]
        if (both.length > 0 && who !== null && what !== null)
          removals.push(`revoke ${both.join(' and ')} on ${what} from ${who}`)
        facts.push(
          both.length > 0
            ? `${quoted(application.name)} has ${listed(both)} on ${quoted(resource.name)} today; say "revoke" to take it away.`
            : `${quoted(application.name)} has no such access on ${quoted(resource.name)}, and gets none.`,
        )
      }
  const text = questions.denied(facts.join(' '))
  const suggestion = removals.length > 0 ? removals.join('; ') : null
  const pending = { start: 0, end: 0, lead: '', candidates: [], suggestion }
  return [{ kind: 'question', text, ...(suggestion !== null && { pending }) }]
}

async function heldScopes(
  scene: Scene,
  application: Entity,
  resource: Entity,
): Promise<readonly string[]> {
  const grants = await grantsOf(scene, { application, resource })
  return [
    ...new Set(
      grants.filter((grant) => isLive(grant, scene.now.ms)).flatMap((grant) => grant.scopes),
    ),
  ]
}

async function giveFrame(
  scene: Scene,
  clause: Clause,
  request: AccessRequest,
  frame: AccessFrame,
): Promise<readonly Part[]> {
  if (frame.applications.length === 0) return [missing(scene, clause, 'application')]
  const apart = frame.resources.length > 0 ? null : byResource(scene, frame)
  if (apart !== null) {
    const parts: Part[] = []
    for (const one of apart) parts.push(...(await giveFrame(scene, clause, request, one)))
    return parts
  }
  const resources =
    frame.resources.length > 0 ? frame.resources : resourcesWith(scene, frame.wishes)
  if (resources.length === 0) return [missing(scene, clause, 'resource')]
  const expiry = expiryOf(scene, clause, frame)
  if (!expiry.ok) return [expiry.part]
  const parts: Part[] = []
  for (const resource of resources) {
    const wanted = wantedScopes(scene, clause, frame, resource)
    if (!wanted.ok) return [wanted.part]
    for (const application of frame.applications)
      parts.push(
        ...(await giveOne(scene, request, {
          application,
          resource,
          scopes: wanted.scopes,
          without: wanted.without,
          expiresAt: expiry.at,
          readsAsLimit: clause.modal && clause.head === null && has(clause, 'only'),
        })),
      )
  }
  return parts
}

function missing(scene: Scene, clause: Clause, kind: 'application' | 'resource'): Part {
  const found = askFor(scene, clause, kind)
  return found.ok ? { kind: 'note', text: '' } : found.part
}

/** Scopes of several resources, each named exactly and known to one of them alone. */
function byResource(scene: Scene, frame: AccessFrame): readonly AccessFrame[] | null {
  const found = frame.wishes.map((wish) => ({ wish, among: resourcesWith(scene, [wish]) }))
  const resources = unique(found.flatMap(({ among }) => among))
  if (resources.length < 2 || found.some(({ among }) => among.length !== 1)) return null
  return resources.map((resource) => ({
    ...frame,
    resources: [resource],
    wishes: found.filter(({ among }) => among[0]?.id === resource.id).map(({ wish }) => wish),
  }))
}

/** The one resource that has an exactly named scope, where the request names no resource. */
export function resourcesWith(scene: Scene, wishes: readonly ScopeWish[]): readonly Entity[] {
  const exact = wishes.filter((wish) => wish.kind === 'exact')
  if (exact.length === 0 || exact.length < wishes.length) return []
  const all = [
    ...scene.draft.planned,
    ...scene.objects.resources.map((row): Entity => ({
      kind: 'resource',
      id: row.id,
      name: row.name,
      planned: false,
    })),
  ].filter((entity) => entity.kind === 'resource')
  const fitting = all.filter((entity) => scopesFor(exact, factsOf(scene, entity).scopes ?? []).ok)
  return fitting.length === 1 ? fitting.map((entity) => canonical(scene, entity)) : []
}

type Expiry =
  { readonly ok: true; readonly at: string | null } | { readonly ok: false; readonly part: Part }

/** A question about a time; the answer takes the place of the one that was said. */
export function timeGap(clause: Clause, text: string): Part {
  const item = clause.items.find((one) => one.time !== null)
  const part = gap(clause, text, 'until')
  if (item === undefined || part.kind !== 'question') return part
  const pending = {
    start: item.start,
    end: item.end,
    lead: 'until',
    candidates: [],
    suggestion: null,
  }
  return { ...part, pending }
}

/** When the access ends; a time that is past or only adds to another is asked back. */
function expiryOf(scene: Scene, clause: Clause, frame: Pick<AccessFrame, 'time'>): Expiry {
  const { time } = frame
  const item = clause.items.find((one) => one.time === time)
  const fromNow = /^(?:as )?(?:from|starting|beginning|effective) (?:today|now)$/.test(
    item?.fold ?? '',
  )
  if (time === null || time.kind === 'permanent' || fromNow) return { ok: true, at: null }
  // `by Friday` may be when access should be there, and not when it ends.
  const byThen =
    item?.fold.startsWith('by ') === true ||
    (item?.fold.startsWith('before ') === true && clause.head === null)
  if (time.kind !== 'point' || time.role !== 'until' || byThen)
    return {
      ok: false,
      part: timeGap(
        clause,
        `Access begins as soon as the plan is applied, and can end by itself. ${questions.untilWhen}`,
      ),
    }
  if (time.ms <= scene.now.ms) {
    const when = capitalized(describeInstant(time.ms, scene.now.timeZone))
    return { ok: false, part: timeGap(clause, questions.past(when)) }
  }
  return { ok: true, at: new Date(time.ms).toISOString() }
}

type Wanted =
  | { readonly ok: true; readonly scopes: readonly string[]; readonly without: readonly string[] }
  | { readonly ok: false; readonly part: Part }

function wantedScopes(
  scene: Scene,
  clause: Clause,
  frame: Pick<AccessFrame, 'wishes' | 'without'>,
  resource: Entity,
): Wanted {
  const scopes = factsOf(scene, resource).scopes ?? []
  const [only] = scopes
  if (frame.wishes.length === 0)
    return scopes.length === 1 && only !== undefined
      ? { ok: true, scopes: [only], without: [] }
      : { ok: false, part: gap(clause, questions.whichScopes(resource.name, scopes), '') }
  const wanted = scopesFor(frame.wishes, scopes)
  const without = scopesFor(frame.without, scopes)
  if (!wanted.ok)
    return { ok: false, part: scopeQuestion(wanted.wish, wanted.among, resource, scopes) }
  if (without.ok) {
    const kept = wanted.scopes.filter((scope) => !without.scopes.includes(scope))
    if (kept.length > 0) return { ok: true, scopes: kept, without: without.scopes }
  }
  return { ok: true, scopes: wanted.scopes, without: [] }
}

export function scopeQuestion(
  wish: ScopeWish,
  among: readonly string[],
  resource: Entity,
  scopes: readonly string[],
): Part {
  const text =
    among.length > 1
      ? questions.severalScopes(wish.said, resource.name, among)
      : questions.noSuchScope(wish.said, resource.name, scopes)
  const pending = { start: wish.start, end: wish.end, lead: '', candidates: [], suggestion: null }
  return { kind: 'question', text, pending }
}

interface Wish {
  readonly application: Entity
  readonly resource: Entity
  readonly scopes: readonly string[]
  readonly without: readonly string[]
  readonly expiresAt: string | null
  readonly readsAsLimit: boolean
}

/**
 * Grants what no live grant covers for as long. A grant that ends at the same time takes the missing
 * scopes in; one that ends sooner and holds nothing else is extended; otherwise a grant of its own is
 * made, so that a time-boxed scope ends alone.
 */
async function giveOne(scene: Scene, request: AccessRequest, wish: Wish): Promise<readonly Part[]> {
  const { application, resource, expiresAt } = wish
  const all = await grantsOf(scene, { application, resource })
  const live = all.filter((grant) => grant.user_id === request.user && isLive(grant, scene.now.ms))
  const unwanted = live
    .flatMap((grant) => grant.scopes)
    .filter((scope) =>
      request.exclusive ? !wish.scopes.includes(scope) : wish.without.includes(scope),
    )
  if (unwanted.length > 0 && !wish.readsAsLimit)
    return [exceedsQuestion(wish, [...new Set(unwanted)])]
  for (const grant of live)
    if (grant.scopes.some((scope) => unwanted.includes(scope)))
      takeScopes(scene, grant, unwanted, application, resource)
  const covering = live.filter((grant) => lastsAsLong(grant.expires_at, expiresAt))
  let rest = wish.scopes.filter((scope) => !covering.some((grant) => grant.scopes.includes(scope)))
  if (rest.length === 0 && unwanted.length > 0) return []
  if (rest.length === 0)
    return [
      coveredNote(
        scene,
        wish,
        covering.map((grant) => grant.expires_at),
      ),
    ]
  for (const grant of live) {
    const inside = grant.scopes.every((scope) => rest.includes(scope))
    if (covering.includes(grant) || !inside) continue
    const phrase = `keep ${listed(grant.scopes)} of ${quoted(application.name)} on ${quoted(resource.name)}`
    const lasting = expiresAt === null ? ' for good' : untilText(scene, expiresAt)
    patchGrant(scene, grant, { expires_at: expiresAt }, phrase + lasting)
    rest = rest.filter((scope) => !grant.scopes.includes(scope))
  }
  if (rest.length === 0) return []
  const same = covering.find((grant) => sameInstant(grant.expires_at, expiresAt))
  if (same === undefined) {
    createGrant(scene, { application, resource, user: request.user, scopes: rest, expiresAt })
    return []
  }
  if (widenPlanned(scene, same, rest)) return []
  const scopes = [...same.scopes, ...rest]
  const phrase = `add ${listed(rest)} to what ${quoted(application.name)} has on ${quoted(resource.name)}`
  patchGrant(scene, same, { scopes }, phrase + untilText(scene, same.expires_at))
  return []
}

function sameInstant(a: string | null, b: string | null): boolean {
  return a === null || b === null ? a === b : Date.parse(a) === Date.parse(b)
}

function coveredNote(scene: Scene, wish: Wish, ends: readonly (string | null)[]): Part {
  const { application, resource, scopes } = wish
  const forGood = ends.includes(null)
  const last = ends.find((end) => end !== null) ?? null
  const until = forGood ? ' without end' : untilText(scene, last)
  const text = `${quoted(application.name)} already has ${listed(scopes)} on ${quoted(resource.name)}${until}.`
  return { kind: 'note', text }
}

/** More is held than `only` leaves: whether to take it away is asked, never assumed. */
function exceedsQuestion(wish: Wish, more: readonly string[]): Part {
  const { application, resource, scopes } = wish
  const text =
    `${quoted(application.name)} also has ${listed(more)} on ${quoted(resource.name)}. ` +
    `Shall I limit it to ${listed(scopes)}, or should it keep the rest?`
  const names = [application, resource].map(({ name }) => nameInRequest(name))
  const [who, what] = names
  if (typeof who !== 'string' || typeof what !== 'string') return { kind: 'question', text }
  const suggestion = `limit ${who} to ${scopes.join(' and ')} on ${what}`
  return {
    kind: 'question',
    text,
    pending: { start: 0, end: 0, lead: '', candidates: [], suggestion },
  }
}
