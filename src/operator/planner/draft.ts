import type { OperationId } from '../../../tools/catalogue.ts'
import type { Entity, Kind } from './entities.ts'
import type { Grant } from './zone-state.ts'

/** A step as `plan_propose` takes it. */
export interface Step {
  readonly id: string
  readonly operation: OperationId
  readonly zone?: string
  readonly input: Readonly<Record<string, unknown>>
  readonly depends_on?: readonly string[]
}

/** What the planner knows of a grant, written or only planned. */
export type GrantFacts = Pick<
  Grant,
  'id' | 'application_id' | 'resource_id' | 'user_id' | 'scopes' | 'expires_at'
>

/** Facts of an object that later requests of the same message build on. */
export interface ObjectFacts {
  readonly scopes?: readonly string[]
  readonly labels?: readonly string[]
}

/** What a step does, or what several together do where it belongs to none. */
export interface Phrase {
  readonly step: string | null
  readonly text: string
}

/** The plan in the making, and the zone as it would be after the steps so far. */
export interface Draft {
  readonly steps: Step[]
  /** One phrase per change, such as `register application "billing-agent"`. */
  readonly phrases: Phrase[]
  /** What the answer mentions beside the plan: corrections of names, what is left as it is. */
  readonly notes: string[]
  /** Objects that steps would create, and new names of renamed ones. */
  readonly planned: Entity[]
  /** What the steps so far would make of objects, by id. */
  readonly facts: Map<string, ObjectFacts>
  /** Grants as the steps would leave them, by id; null for a revoked one. */
  readonly grants: Map<string, GrantFacts | null>
}

export function emptyDraft(): Draft {
  return { steps: [], phrases: [], notes: [], planned: [], facts: new Map(), grants: new Map() }
}

export interface StepRequest {
  readonly operation: OperationId
  /** What the step's id begins with, such as `grant`. */
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
  readonly zone?: string
  readonly phrase: string
}

/** Adds a step under a free id and says which it is; earlier steps that it refers to are named. */
export function addStep(draft: Draft, request: StepRequest): string {
  const id = freeId(draft, request.name)
  const wanted = referencesIn(request.input, request.zone)
  const dependsOn = [...wanted].filter((step) => draft.steps.some((other) => other.id === step))
  draft.steps.push({
    id,
    operation: request.operation,
    ...(request.zone !== undefined && { zone: request.zone }),
    input: request.input,
    ...(dependsOn.length > 0 && { depends_on: dependsOn }),
  })
  draft.phrases.push({ step: id, text: request.phrase })
  return id
}

function freeId(draft: Draft, name: string): string {
  const taken = new Set(draft.steps.map((step) => step.id))
  for (let number = 1; ; number++) {
    const id = number === 1 ? name : `${name}_${String(number)}`
    if (!taken.has(id)) return id
  }
}

/** The id that an object of an earlier step will have. */
export function outputOf(step: string, field = 'id'): string {
  return `{{steps.${step}.output.${field}}}`
}

function referencesIn(input: unknown, zone: string | undefined): ReadonlySet<string> {
  const text = `${JSON.stringify(input)} ${zone ?? ''}`
  return new Set(
    [...text.matchAll(/\{\{steps\.([a-z][a-z0-9_]*)\.output\./g)].map((m) => m[1] ?? ''),
  )
}

/** Notes an object that a step would create, so that later requests can name it. */
export function addPlanned(
  draft: Draft,
  step: string,
  kind: Kind,
  name: string,
  facts: ObjectFacts = {},
): Entity {
  const entity: Entity = { kind, id: outputOf(step), name, planned: true }
  draft.planned.push(entity)
  draft.facts.set(entity.id, facts)
  return entity
}
