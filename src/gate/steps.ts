import { z } from 'zod'
import { metaOf } from '../../tools/fields.ts'
import { findOperation, type OperationId } from '../../tools/catalogue.ts'
import type { Operation } from '../../tools/operation.ts'
import type { AuditEvent } from '../audit/event.ts'
import { refuse } from '../kernel/faults.ts'
import { newId, type Id, type IdKind, type ZoneId } from '../kernel/ids.ts'
import type { IdSource } from '../store/tx.ts'
import { findZone, lockZone, type Zone } from '../store/zones.ts'
import { authorize } from './authorize.ts'
import { eventOf } from './events.ts'
import { handlerOf, type Call } from './handler.ts'
import { parseInput } from './parse.ts'
import type { GateContext } from './context.ts'
import { referencesIn, resolveNames, resolveReferences } from './references.ts'

/** One step of a plan, as tools/plans.ts declares it. */
export interface Step {
  readonly id: string
  readonly operation: string
  readonly zone?: string | undefined
  readonly input: Readonly<Record<string, unknown>>
  readonly depends_on: readonly string[]
}

/** `platform`: a step needs authority beyond the plan's own zone. */
export type Reach = 'zone' | 'platform'

export function reachOf(steps: readonly Step[]): Reach {
  const out = steps.some(
    ({ zone, operation }) => zone !== undefined || findOperation(operation)?.place === 'platform',
  )
  return out ? 'platform' : 'zone'
}

/** What a step did, inside the transaction that it ran in. */
export interface StepRun {
  readonly step: Step
  readonly operation: Operation & { readonly id: OperationId }
  readonly zone: Zone | null
  readonly input: Readonly<Record<string, unknown>>
  readonly output: unknown
  readonly call: Call
  readonly event: AuditEvent
}

/** Ids by step: given at the first preview, given again at every later run. */
export type AssignedIds = Record<string, string[]>

/**
 * The steps in an order in which each comes after those that it refers to or depends on. Refuses
 * twice-used ids, references to nowhere and circles.
 */
export function inOrder(steps: readonly Step[]): readonly Step[] {
  const byId = new Map(steps.map((step) => [step.id, step]))
  if (byId.size < steps.length) refuse('invalid_body', 'Two steps have the same id.')
  const ordered: Step[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (step: Step): void => {
    if (state.get(step.id) === 'done') return
    if (state.get(step.id) === 'open')
      refuse('invalid_body', `Step ${step.id} depends on itself, through others.`)
    state.set(step.id, 'open')
    const needed = new Set(needs(step))
    for (const id of needed)
      if (!byId.has(id)) refuse('unknown_reference', `Step ${step.id} refers to no step ${id}.`)
    // In the order of the plan and not of the references: jsonb gives keys back in its own order.
    for (const other of steps) if (needed.has(other.id)) visit(other)
    state.set(step.id, 'done')
    ordered.push(step)
  }
  for (const step of steps) visit(step)
  return ordered
}

/** The ids of the steps that must have run before. */
export function needs(step: Step): readonly string[] {
  return [...step.depends_on, ...referencesIn(step.input), ...referencesIn(step.zone)]
}

/** Runs one step through the door's own path: resolve, parse, authorize, serve; then its event. */
export async function runStep(
  context: GateContext,
  call: Call,
  step: Step,
  outputs: Map<string, unknown>,
  assigned: AssignedIds,
): Promise<StepRun> {
  const operation = findOperation(step.operation)
  if (operation === undefined)
    refuse('unknown_operation', `There is no operation ${JSON.stringify(step.operation)}.`)
  if (!operation.plannable)
    refuse('not_plannable', `${operation.id} cannot be a step of a plan; call it directly.`)
  const zone = operation.place === 'zone' ? await zoneOf(call, step, outputs) : null
  authorize(call.principal, operation, zone)
  if (call.confined === true && zone !== null) refuseElsewhere(call, zone, assigned)
  if (zone !== null && zone.archived_at !== null) refuse('zone_archived', 'This zone is archived.')
  if (zone?.system === true && zone.id !== call.zone)
    refuse('system_zone_refused', 'No plan reaches a system zone.')
  const home = (zone?.id as ZoneId | undefined) ?? context.system().zone
  // Who previews or applies holds the lock of the plan's own zone already.
  if (home !== call.zone) await lockZone(call.queries, home)
  const given = resolveReferences(step.input, outputs) as Record<string, unknown>
  const input = parseInput(operation, await resolveNames(call.queries, home, operation, given))
  const ids = idSource(call.nowMs, idsOf(assigned, step.id))
  const own: Call = { ...call, ...call.next(home, ids) }
  const output = await handlerOf(context.handlers, operation.id).serve(own, input, undefined)
  outputs.set(step.id, withoutSecrets(operation, output))
  const event = eventOf(operation, own, output, input)
  return { step, operation, zone, input, output, call: own, event }
}

async function zoneOf(
  call: Call,
  step: Step,
  outputs: ReadonlyMap<string, unknown>,
): Promise<Zone> {
  const named = step.zone === undefined ? call.zone : resolveReferences(step.zone, outputs)
  const zone = typeof named === 'string' ? await findZone(call.queries, named) : undefined
  return zone ?? refuse('zone_not_found', `Step ${step.id} names no zone that exists.`)
}

/**
 * What a model proposes reaches the zone of its conversation and those that the plan makes itself: a
 * preview shows what it touches, and the zone is never an argument (security.md).
 */
function refuseElsewhere(call: Call, { id }: Zone, assigned: AssignedIds): void {
  if (id === call.zone || Object.values(assigned).flat().includes(id)) return
  refuse(
    'mandate_zone_mismatch',
    'From here a step reaches this zone and those that the plan makes; ask in the other zone.',
  )
}

/** A step may be called like a property of every object, such as constructor. */
function idsOf(assigned: AssignedIds, step: string): string[] {
  const known = Object.hasOwn(assigned, step) ? assigned[step] : undefined
  return known ?? (assigned[step] = [])
}

/** What later steps may refer to: a secret is nobody's argument, and no preview's to show. */
function withoutSecrets({ output: schema }: Operation, output: unknown): unknown {
  if (!(schema instanceof z.ZodObject) || typeof output !== 'object' || output === null)
    return output
  const shape: Readonly<Record<string, z.ZodType | undefined>> = schema.shape
  return Object.fromEntries(
    Object.entries(output).filter(([field]) => {
      const declared = shape[field]
      return declared === undefined || metaOf(declared).secret !== true
    }),
  )
}

/** Takes the ids that were assigned in order, and makes and notes new ones after them. */
function idSource(nowMs: number, assigned: string[]): IdSource {
  let next = 0
  return <K extends IdKind>(kind: K): Id<K> => {
    const known = assigned[next]
    next += 1
    if (known !== undefined) return known as Id<K>
    const made = newId(kind, nowMs)
    assigned.push(made)
    return made
  }
}
