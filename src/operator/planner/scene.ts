import type { Draft, GrantFacts, ObjectFacts } from './draft.ts'
import { type Entity, indexNames, type Kind } from './entities.ts'
import { type Vocabulary, vocabularyOf } from './items.ts'
import type { Now } from './points.ts'
import {
  type Application,
  type Policy,
  type PolicySet,
  type Provider,
  type Resource,
  ToolRefusedError,
  type Zone,
  type ZoneState,
} from './zone-state.ts'

/** The objects of the zone that words can mean. */
export interface Objects {
  readonly zone: Zone
  readonly applications: readonly Application[]
  readonly resources: readonly Resource[]
  readonly providers: readonly Provider[]
  readonly policies: readonly Policy[]
  readonly policySets: readonly PolicySet[]
}

/** Everything that a request is understood against. */
export interface Scene {
  readonly state: ZoneState
  readonly objects: Objects
  readonly draft: Draft
  readonly message: string
  /** The message before this one, where there is one. */
  readonly before: string | null
  readonly now: Now
  readonly recent: Map<Kind, readonly Entity[]>
  /** Objects of the last request that spoke of any, for an \`it\` that can be of any kind. */
  readonly lately: Entity[]
  /** Objects that the present request speaks of. */
  readonly mentioned: Entity[]
}

/** What came of a request. Steps are in the draft; a question or an unknown part drops it. */
export type Part =
  | { readonly kind: 'note' | 'answer'; readonly text: string }
  | { readonly kind: 'question'; readonly text: string; readonly pending?: Pending }
  | { readonly kind: 'unknown'; readonly spans: readonly string[] }

/** What an answer to a question is put into: the place of a name, or a gap in the request. */
export interface Pending {
  /** Where the answer goes in the message; equal offsets insert. */
  readonly start: number
  readonly end: number
  /** Words put before the answer, such as `until`. */
  readonly lead: string
  /** What the answer is chosen from, where it is a name. */
  readonly candidates: readonly Entity[]
  /** The whole request in other words, where the question can be answered with `yes`. */
  readonly suggestion: string | null
}

export async function loadObjects(state: ZoneState): Promise<Objects> {
  const [zone, applications, resources, providers, policies, policySets] = await Promise.all([
    state.zone(),
    state.all('applications.list'),
    state.all('resources.list'),
    readable(state.all('providers.list')),
    readable(state.all('policies.list')),
    readable(state.all('policy_sets.list')),
  ])
  return { zone, applications, resources, providers, policies, policySets }
}

/** A kind that this person may not read has no names; a request for it is refused where it is made. */
async function readable<T>(list: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await list
  } catch (error) {
    if (error instanceof ToolRefusedError) return []
    throw error
  }
}

/** Every object by kind as a name to be linked, planned ones first. */
export function entitiesOf(objects: Objects, draft: Draft): readonly Entity[] {
  const rows: readonly (readonly [Kind, readonly { id: string; name: string }[]])[] = [
    ['application', objects.applications],
    ['resource', objects.resources],
    ['provider', objects.providers],
    ['policy', objects.policies],
    ['policySet', objects.policySets],
    ['zone', [objects.zone]],
  ]
  const known = rows.flatMap(([kind, list]) =>
    list.map(({ id, name }): Entity => ({ kind, id, name, planned: false })),
  )
  return [...draft.planned, ...known]
}

export function vocabulary(objects: Objects, draft: Draft): Vocabulary {
  const entities = entitiesOf(objects, draft)
  const byId = entities.map((entity): Entity => ({ ...entity, name: entity.id }))
  const planned = [...draft.facts.values()].flatMap(({ scopes }) => scopes ?? [])
  const scopes = objects.resources.flatMap((resource) => resource.scopes)
  return vocabularyOf(indexNames([...entities, ...byId]), [...planned, ...scopes])
}

export function entitiesOfKind(scene: Scene, kind: Kind): readonly Entity[] {
  return entitiesOf(scene.objects, scene.draft).filter((entity) => entity.kind === kind)
}

/** The object itself for an entity that was linked by id. */
export function canonical(scene: Scene, entity: Entity): Entity {
  const all = entitiesOf(scene.objects, scene.draft)
  return all.find((other) => other.id === entity.id && other.kind === entity.kind) ?? entity
}

export function factsOf(scene: Scene, entity: Entity): ObjectFacts {
  const resource = scene.objects.resources.find(({ id }) => id === entity.id)
  const application = scene.objects.applications.find(({ id }) => id === entity.id)
  return {
    ...(resource !== undefined && { scopes: resource.scopes }),
    ...(application !== undefined && { labels: application.labels }),
    ...scene.draft.facts.get(entity.id),
  }
}

export function mention(scene: Scene, ...entities: readonly Entity[]): void {
  const [first] = entities
  if (first === undefined) return
  scene.recent.set(first.kind, entities)
  scene.mentioned.push(...entities)
}

/** Live grants by application, resource or both, as the steps so far would leave them. */
export async function grantsOf(
  scene: Scene,
  filter: { readonly application?: Entity; readonly resource?: Entity },
): Promise<readonly GrantFacts[]> {
  const { application, resource } = filter
  const isPlanned = application?.planned === true || resource?.planned === true
  const written = isPlanned
    ? []
    : await scene.state.all('grants.list', {
        ...(application !== undefined && { application_id: application.id }),
        ...(resource !== undefined && { resource_id: resource.id }),
      })
  const live = written.filter((grant) => grant.archived_at === null)
  const known = new Set(live.map((grant) => grant.id))
  const merged = live.map((grant): GrantFacts | null => {
    const planned = scene.draft.grants.get(grant.id)
    return planned === undefined ? grant : planned
  })
  const added = [...scene.draft.grants.values()].filter(
    (grant) => grant !== null && !known.has(grant.id),
  )
  return [...merged, ...added].filter(
    (grant): grant is GrantFacts =>
      grant !== null &&
      (application === undefined || grant.application_id === application.id) &&
      (resource === undefined || grant.resource_id === resource.id),
  )
}

/** Whether a grant still gives anything. */
export function isLive(grant: GrantFacts, nowMs: number): boolean {
  return grant.expires_at === null || Date.parse(grant.expires_at) > nowMs
}
