import { type AccessFrame, type AccessRequest, partOf } from './access-pieces.ts'
import { accessRequestOf } from './access-request.ts'
import { type Clause, is, take, takeAll } from './clause.ts'
import type { GrantFacts } from './draft.ts'
import type { Entity } from './entities.ts'
import { resourcesWith, scopeQuestion } from './give-access.ts'
import { patchGrant, revokeGrant, takeScopes, untilText } from './grant-steps.ts'
import type { Item } from './items.ts'
import { entitiesOfKind, factsOf, grantsOf, isLive, type Part, type Scene } from './scene.ts'
import { scopesFor } from './scope-words.ts'
import { askFor, gap } from './slots.ts'
import { listed, questions, quoted, some } from './texts.ts'
import type { Grant } from './zone-state.ts'

/** `stop support-bot from writing invoices`: takes scopes away from the grants that give them. */
export async function takeAccess(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    'no-longer',
    'any-more',
    'negation',
    'verb:revoke',
    'verb:off',
    'verb:give',
    'word:able',
  )
  const after = clause.items[clause.items.findIndex((item) => item === clause.head) + 1]
  if (after?.fold === 'what' && clause.head !== null) take(clause, after)
  take(clause, ...clause.items.filter((item) => is(item, 'verb:delete') && item === clause.head))
  if (isDouble(clause)) {
    take(clause, ...clause.items)
    return [{ kind: 'question', text: questions.denied('') }]
  }
  const named = clause.items.filter((item) => item.shape === 'id' && item.text.startsWith('grt_'))
  if (named.length > 0) return revokeNamed(scene, clause, named)
  const noun = clause.items.find((item) => is(item, 'noun:access', 'kind:grant'))
  const part = noun === undefined ? null : partOf(clause, noun)
  if (part !== null) return [part]
  const parsed = accessRequestOf(scene, clause)
  if (!parsed.ok) return [parsed.part]
  const all = takeAll(clause, 'all')
  takeAll(clause, 'noun:everything')
  const request = { ...parsed.request, everyone: parsed.request.everyone || all }
  const parts: Part[] = []
  for (const frame of request.frames)
    parts.push(...(await takeFrame(scene, clause, request, frame)))
  return parts
}

/** `prevent support-bot from losing access`: access that is to stay. */
function isDouble(clause: Clause): boolean {
  const at = clause.items.findIndex((item) => item === clause.head)
  return (
    is(clause.head ?? undefined, 'verb:revoke') &&
    clause.items.slice(at + 1).some((item) => is(item, 'verb:revoke') && /ing$/.test(item.fold))
  )
}

/** `revoke the grant grt_...`: the whole grant, whatever it gives. */
async function revokeNamed(
  scene: Scene,
  clause: Clause,
  items: readonly Item[],
): Promise<readonly Part[]> {
  take(clause, ...items, ...clause.items.filter((item) => is(item, 'kind:grant', 'noun:access')))
  const grants = await Promise.all(
    items.map((item) => scene.state.read<Grant>('grants_get', { grant_id: item.text })),
  )
  return grants.map((grant): Part => {
    if (grant.archived_at !== null)
      return { kind: 'note', text: `The grant ${grant.id} is revoked already.` }
    const who = quoted(entityOf(scene, 'application', grant.application_id).name)
    const on = quoted(entityOf(scene, 'resource', grant.resource_id).name)
    revokeGrant(
      scene,
      grant,
      `revoke the grant ${grant.id} (${listed(grant.scopes)} of ${who} on ${on})`,
    )
    return { kind: 'note', text: '' }
  })
}

async function takeFrame(
  scene: Scene,
  clause: Clause,
  request: AccessRequest,
  frame: AccessFrame,
): Promise<readonly Part[]> {
  if (frame.time !== null)
    return [
      gap(
        clause,
        'A revocation takes effect as the plan is applied. Say "end the access on Friday" to let it end by itself?',
        '',
      ),
    ]
  if (
    frame.applications.length === 0 &&
    frame.resources.length === 0 &&
    resourcesWith(scene, frame.wishes).length === 0
  )
    return [question(scene, clause, 'application')]
  const resources =
    frame.resources.length > 0 ? frame.resources : resourcesWith(scene, frame.wishes)
  const grants = (await grantsIn(scene, frame.applications, resources)).filter(
    (grant) =>
      isLive(grant, scene.now.ms) &&
      (request.user === null || grant.user_id === request.user) &&
      !request.except.some((entity) => entity.id === grant.application_id),
  )
  const holders = new Set(
    grants.filter((grant) => gives(scene, grant, frame)).map((grant) => grant.application_id),
  )
  if (frame.applications.length === 0 && !request.everyone && holders.size > 1) {
    const among = holdersOf(scene, holders)
    const text = `From which application: ${some(
      among.map(({ name }) => quoted(name)),
      8,
      'or',
    )}? Say "all" for every one of them.`
    return [gap(clause, text, 'from', among)]
  }
  return takeFrom(scene, frame, grants)
}

/** Whether a grant gives anything of what is to be taken; unclear scopes are asked about later. */
function gives(scene: Scene, grant: GrantFacts, { wishes }: AccessFrame): boolean {
  if (wishes.length === 0) return true
  const scopes = factsOf(scene, entityOf(scene, 'resource', grant.resource_id)).scopes ?? []
  const found = scopesFor(wishes, scopes)
  return !found.ok || found.scopes.some((scope) => grant.scopes.includes(scope))
}

function question(scene: Scene, clause: Clause, kind: 'application' | 'resource'): Part {
  const found = askFor(scene, clause, kind)
  return found.ok ? { kind: 'note', text: '' } : found.part
}

function holdersOf(scene: Scene, ids: ReadonlySet<string>): readonly Entity[] {
  return entitiesOfKind(scene, 'application').filter(({ id }) => ids.has(id))
}

async function grantsIn(
  scene: Scene,
  applications: readonly Entity[],
  resources: readonly Entity[],
): Promise<readonly GrantFacts[]> {
  const pairs = applications.flatMap((application) =>
    resources.length > 0
      ? resources.map((resource) => ({ application, resource }))
      : [{ application }],
  )
  const filters = pairs.length > 0 ? pairs : resources.map((resource) => ({ resource }))
  const lists = await Promise.all(filters.map((filter) => grantsOf(scene, filter)))
  return lists.flat()
}

async function takeFrom(
  scene: Scene,
  frame: AccessFrame,
  grants: readonly GrantFacts[],
): Promise<readonly Part[]> {
  let taken = 0
  for (const grant of grants) {
    const resource = entityOf(scene, 'resource', grant.resource_id)
    const application = entityOf(scene, 'application', grant.application_id)
    const scopes = factsOf(scene, resource).scopes ?? grant.scopes
    const found = scopesFor(frame.wishes, scopes)
    if (!found.ok) {
      if (frame.resources.length === 0) continue
      return [scopeQuestion(found.wish, found.among, resource, scopes)]
    }
    const kept = scopesFor(frame.without, scopes)
    if (!kept.ok) return [scopeQuestion(kept.wish, kept.among, resource, scopes)]
    const meant = frame.wishes.length === 0 ? grant.scopes : found.scopes
    const away = meant.filter((scope) => !kept.scopes.includes(scope))
    if (!grant.scopes.some((scope) => away.includes(scope))) continue
    takeScopes(scene, grant, away, application, resource)
    taken += 1
  }
  return taken > 0 ? [] : nothingHeld(scene, frame)
}

export function entityOf(scene: Scene, kind: 'application' | 'resource', id: string): Entity {
  const found = entitiesOfKind(scene, kind).find((entity) => entity.id === id)
  return found ?? { kind, id, name: id, planned: false }
}

/** No grant gives it. A document of the policy may still do so, which the answer then says. */
async function nothingHeld(scene: Scene, frame: AccessFrame): Promise<readonly Part[]> {
  const [application] = frame.applications
  const [resource] = frame.resources
  if (resource !== undefined && frame.wishes.length > 0) {
    const scopes = factsOf(scene, resource).scopes ?? []
    const found = scopesFor(frame.wishes, scopes)
    if (!found.ok) return [scopeQuestion(found.wish, found.among, resource, scopes)]
  }
  const who =
    application === undefined
      ? 'No application'
      : listed(frame.applications.map(({ name }) => quoted(name)))
  const on =
    resource === undefined ? '' : ` on ${listed(frame.resources.map(({ name }) => quoted(name)))}`
  const said = frame.wishes.map((wish) => wish.said).join(', ')
  const what = said === '' ? 'a grant' : `a grant of ${quoted(said)}`
  const plain: Part = {
    kind: 'note',
    text: `${who} has ${application === undefined ? what : `no ${what.slice(2)}`}${on}.`,
  }
  if (application === undefined || application.planned || resource?.planned === true) return [plain]
  const tuples = await scene.state.all('access.list', {
    application_id: application.id,
    ...(resource !== undefined && { resource_id: resource.id }),
  })
  const documents = tuples
    .flatMap((tuple) => tuple.rules)
    .filter((rule) => rule.startsWith('document:'))
  if (documents.length === 0) return [plain]
  const text = `${who} has no grant${on}, but the policy gives access by ${some([...new Set(documents)], 4)}. Change that policy to take it away.`
  return [{ kind: 'answer', text }]
}

/** `limit billing-agent to reading invoices`: takes away the rest; it never gives anything. */
export async function limitAccess(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'verb:limit', 'only', 'verb:create', 'verb:set', 'verb:change', 'word:able')
  const parsed = accessRequestOf(scene, clause)
  if (!parsed.ok) return [parsed.part]
  const parts: Part[] = []
  for (const frame of parsed.request.frames) {
    if (frame.applications.length === 0) return [question(scene, clause, 'application')]
    const resources =
      frame.resources.length > 0 ? frame.resources : await onlyResource(scene, frame)
    if (resources.length === 0) return [question(scene, clause, 'resource')]
    for (const application of frame.applications)
      for (const resource of resources)
        parts.push(...(await limitOne(scene, clause, frame, application, resource)))
  }
  return parts
}

async function onlyResource(scene: Scene, frame: AccessFrame): Promise<readonly Entity[]> {
  const [application] = frame.applications
  if (application === undefined) return []
  const grants = await grantsOf(scene, { application })
  const ids = new Set(
    grants.filter((grant) => isLive(grant, scene.now.ms)).map((grant) => grant.resource_id),
  )
  return ids.size === 1 ? [...ids].map((id) => entityOf(scene, 'resource', id)) : []
}

async function limitOne(
  scene: Scene,
  clause: Clause,
  frame: AccessFrame,
  application: Entity,
  resource: Entity,
): Promise<readonly Part[]> {
  const scopes = factsOf(scene, resource).scopes ?? []
  if (frame.wishes.length === 0 && frame.time?.kind !== 'point')
    return [gap(clause, questions.whichScopes(resource.name, scopes), 'to')]
  const found = scopesFor(frame.wishes, scopes)
  if (!found.ok) return [scopeQuestion(found.wish, found.among, resource, scopes)]
  const grants = (await grantsOf(scene, { application, resource })).filter((grant) =>
    isLive(grant, scene.now.ms),
  )
  const held = new Set(grants.flatMap((grant) => grant.scopes))
  const lacking = found.scopes.filter((scope) => !held.has(scope))
  if (lacking.length > 0) {
    const text = `${quoted(application.name)} does not have ${listed(lacking)} on ${quoted(resource.name)}, and limiting gives nothing. Shall it be granted instead?`
    return [{ kind: 'question', text }]
  }
  const before = scene.draft.steps.length
  for (const grant of grants) {
    const away =
      frame.wishes.length === 0 ? [] : grant.scopes.filter((scope) => !found.scopes.includes(scope))
    if (away.length > 0) takeScopes(scene, grant, away, application, resource)
    const end = frame.time?.kind === 'point' ? new Date(frame.time.ms).toISOString() : null
    const left = scene.draft.grants.get(grant.id) ?? grant
    if (end !== null && away.length < grant.scopes.length)
      patchGrant(
        scene,
        left,
        { expires_at: end },
        `let ${listed(left.scopes)} of ${quoted(application.name)} on ${quoted(resource.name)} last${untilText(scene, end)}`,
      )
  }
  if (scene.draft.steps.length > before) return []
  const text = `${quoted(application.name)} has no more than ${listed(found.scopes)} on ${quoted(resource.name)} already.`
  return [{ kind: 'note', text }]
}
