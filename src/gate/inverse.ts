import type { z } from 'zod'
import { catalogue, findOperation } from '../../tools/catalogue.ts'
import { metaOf } from '../../tools/fields.ts'
import { pathFields, type Operation } from '../../tools/operation.ts'
import type { stepPreview } from '../../tools/plans.ts'

type ShownStep = z.output<typeof stepPreview>
export type ShownChange = ShownStep['changes'][number]

/** Why a change cannot be taken back. */
export interface Obstacle {
  readonly code: 'cannot_come_back' | 'cannot_be_set_back' | 'nothing_before'
  readonly kind: string
  readonly id: string
  readonly name: string | null
  readonly message: string
}

/** One call that takes a change back. `zone` is the zone that it is made in. */
export interface InverseCall {
  readonly operation: Operation
  readonly zone: string
  readonly input: Readonly<Record<string, unknown>>
  /** The archived object in whose place it puts a new one. */
  readonly replaces: string | null
}

/** What the inverse of a change is: a call, nothing to do, or why there is none. */
export type Inverse = { readonly call: InverseCall } | { readonly obstacle: Obstacle } | null

/** What a version of a policy or policy set held before; null: it had no version. */
export type EarlierVersion = (change: ShownChange) => Readonly<Record<string, unknown>> | null

/** The policy set that a version belongs to. */
export type SetOfVersion = (versionId: string) => string | null

export interface Looked {
  readonly earlierVersion: EarlierVersion
  readonly setOfVersion: SetOfVersion
}

const operations: readonly Operation[] = catalogue

/** By the kind of object: the operation that archives one, and the one that changes its fields. */
const removers = byTarget(({ effect }) => effect === 'delete')
const patchers = byTarget(({ id, effect, inverse }) => effect === 'update' && inverse === id)

function byTarget(isOne: (operation: Operation) => boolean): ReadonlyMap<string, Operation> {
  const found = operations.filter((operation) => operation.plannable && isOne(operation))
  return new Map(found.map((operation) => [targetOf(operation).kind, operation]))
}

/** The kind of object that an operation is about, and the field that names it; none for a zone. */
function targetOf(operation: Operation): { readonly kind: string; readonly field: string | null } {
  const field = pathFields(operation).at(-1) ?? null
  const kind = field === null ? 'zone' : refOf(operation, field)
  return { kind: kind ?? '', field }
}

function refOf(operation: Operation, field: string): string | undefined {
  const schema = shapeOf(operation)[field]
  return schema === undefined ? undefined : metaOf(schema).ref
}

function shapeOf(operation: Operation): Readonly<Record<string, z.ZodType>> {
  return operation.input.shape
}

/**
 * What takes the changes of steps back, the last change first. What a plan has both made and archived
 * needs nothing, and what is in a zone that it has made goes with the zone.
 */
export function inversesOf(
  steps: readonly Pick<ShownStep, 'operation' | 'changes'>[],
  looked: Looked,
): readonly Inverse[] {
  const all = steps.flatMap(({ changes }) => changes)
  const made = idsOf(all, 'create')
  const archived = idsOf(all, 'archive')
  return steps.toReversed().flatMap(({ operation, changes }) => {
    const step = findOperation(operation)
    if (step === undefined) throw new Error(`there is no operation ${operation}`)
    return changes
      .toReversed()
      .filter(({ kind, id, zone_id, effect }) => {
        if (made.has(id) && archived.has(id)) return false
        return !made.has(zone_id) || (kind === 'zone' && effect === 'create')
      })
      .flatMap((change) => inverseOf(step, change, looked))
  })
}

/** Whether every change of steps can be taken back, as far as they themselves say. */
export function isReversible(steps: Parameters<typeof inversesOf>[0]): boolean {
  const looked = { earlierVersion: () => null, setOfVersion: (id: string) => id }
  return inversesOf(steps, looked).every((inverse) => inverse === null || 'call' in inverse)
}

function idsOf(changes: readonly ShownChange[], effect: ShownChange['effect']): Set<string> {
  return new Set(changes.filter((change) => change.effect === effect).map(({ id }) => id))
}

function inverseOf(step: Operation, change: ShownChange, looked: Looked): readonly Inverse[] {
  if (change.effect === 'create') return [inverseOfCreate(step, change, looked)]
  if (change.effect === 'archive') return [inverseOfArchive(change)]
  return inverseOfUpdate(step, change, looked)
}

function inverseOfCreate(step: Operation, change: ShownChange, looked: Looked): Inverse {
  if (isVersion(change)) {
    // A policy comes with its first version, which goes with it.
    if (step.inverse !== step.id) return null
    const earlier = looked.earlierVersion(change)
    // The first version of a set decides nothing unless it is activated.
    return earlier === null ? null : call(step, change.zone_id, earlier)
  }
  const remover = removers.get(change.kind)
  if (remover === undefined) return gone(change)
  const { field } = targetOf(remover)
  const zone = change.kind === 'zone' ? change.id : change.zone_id
  return call(remover, zone, field === null ? {} : { [field]: change.id })
}

/** Put back as a new object where the catalogue says that its archiving has an inverse. */
function inverseOfArchive(change: ShownChange): Inverse {
  const creator = findOperation(removers.get(change.kind)?.inverse ?? '')
  if (creator === undefined) return gone(change)
  const shape = shapeOf(creator)
  const fields = change.fields.filter(({ field, before }) => before !== null && field in shape)
  return call(creator, change.zone_id, record(fields), change.id)
}

function inverseOfUpdate(step: Operation, change: ShownChange, looked: Looked): readonly Inverse[] {
  const patcher = patchers.get(change.kind)
  const shape = patcher === undefined ? {} : shapeOf(patcher)
  const own = change.fields.filter(({ field }) => field in shape)
  const others = change.fields
    .filter(({ field }) => !(field in shape))
    .map((field) => inverseOfField(step, change, field, looked))
  if (patcher === undefined || own.length === 0) return others
  const { field } = targetOf(patcher)
  const input = { ...(field === null ? {} : { [field]: change.id }), ...record(own) }
  const refused = patcher.input.safeParse(input).error?.issues.map((issue) => issue.path[0])
  if (refused !== undefined) return [notSettable(change, refused.map(String)), ...others]
  return [...others, call(patcher, change.zone_id, input)]
}

/** A field that only the step's own inverse can set: which version of a policy set decides. */
function inverseOfField(
  step: Operation,
  change: ShownChange,
  { field, before }: ShownChange['fields'][number],
  { setOfVersion }: Looked,
): Inverse {
  const inverse = findOperation(step.inverse ?? '')
  const names = Object.keys(inverse?.input.shape ?? {})
  const version = names.find((name) => inverse && refOf(inverse, name) === 'policySetVersion')
  const set = names.find((name) => inverse && refOf(inverse, name) === 'policySet')
  if (inverse === undefined || version === undefined || set === undefined)
    return notSettable(change, [field])
  const setId = typeof before === 'string' ? setOfVersion(before) : null
  if (setId === null)
    return obstacle(change, 'nothing_before', 'No policy set version decided in the zone before.')
  return call(inverse, change.zone_id, { [set]: setId, [version]: before })
}

export function isVersion({ kind }: Pick<ShownChange, 'kind'>): boolean {
  return kind === 'policyVersion' || kind === 'policySetVersion'
}

function record(fields: ShownChange['fields']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(fields.map(({ field, before }) => [field, before]))
}

function call(
  operation: Operation,
  zone: string,
  input: Readonly<Record<string, unknown>>,
  replaces: string | null = null,
): Inverse {
  return { call: { operation, zone, input, replaces } }
}

function gone(change: ShownChange): Inverse {
  const message = `An archived ${change.kind} does not come back; make a new one in its place.`
  return obstacle(change, 'cannot_come_back', message)
}

function notSettable(change: ShownChange, fields: readonly string[]): Inverse {
  const secret = change.fields.some(
    ({ field, before, after }) =>
      fields.includes(field) && (before === 'present' || after === 'generated at apply'),
  )
  const message = secret
    ? `The earlier ${fields.join(', ')} is gone: nothing keeps it.`
    : `Nothing sets ${fields.join(', ')} back to what it was.`
  return obstacle(change, secret ? 'cannot_come_back' : 'cannot_be_set_back', message)
}

function obstacle(change: ShownChange, code: Obstacle['code'], message: string): Inverse {
  const { kind, id, name } = change
  return { obstacle: { code, kind, id, name, message } }
}
