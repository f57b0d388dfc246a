import { sql } from 'kysely'
import type { z } from 'zod'
import { findOperation } from '../../tools/catalogue.ts'
import type { preview, stepPreview } from '../../tools/plans.ts'
import { accessDiff, affectedBy, effectiveAccess } from '../admin/access-diff.ts'
import { describeChange } from '../admin/describe.ts'
import { Fault, refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Change, Json } from '../store/tx.ts'
import { asFault, isPassing } from './database-faults.ts'
import type { Call } from './handler.ts'
import type { GateContext } from './context.ts'
import { isReversible } from './inverse.ts'
import { lockOut } from './lock-out.ts'
import { planPolicy } from './plan-policy.ts'
import { flipsOf, replayOutcome } from './replay.ts'
import { highest, riskOf } from './risk.ts'
import {
  inOrder,
  needs,
  reachOf,
  runStep,
  type AssignedIds,
  type Step,
  type StepRun,
} from './steps.ts'

export type StepsPreview = z.output<typeof preview>
type StepPreview = z.output<typeof stepPreview>

/** A preview with what a plan keeps beside it. */
export interface Previewed {
  readonly preview: StepsPreview
  readonly assigned: AssignedIds
  /** The revision of every zone that was there before and that the steps touch. */
  readonly baseRevisions: Readonly<Record<string, number>>
}

/**
 * Runs the steps for real in the caller's transaction and takes them back: what it answers is not
 * foreseen but seen. The caller holds the lock of its zone; nothing of this outlives the call. Objects
 * to be created keep the ids that an `earlier` preview gave them.
 */
export async function previewSteps(
  context: GateContext,
  call: Call,
  steps: readonly Step[],
  earlier: AssignedIds = {},
): Promise<Previewed> {
  const assigned = structuredClone(earlier)
  const ordered = inOrder(steps)
  const base = await revisionsOf(call)
  await savepoint(call, 'preview')
  const rehearsed = await rehearseAll(context, { ...call, rehearsal: true }, ordered, assigned)
  const runs = rehearsed.flatMap((outcome) => ('run' in outcome ? [outcome.run] : []))
  const changes = runs.flatMap((run) => run.call.changes)
  const slice = affectedBy(changes)
  const after = await effectiveAccess(context.policy, call, slice)
  const outcome = await replayOutcome(context, call, changes)
  const summaries = await Promise.all(
    runs.map(async (run) => [run.step.id, await summarize(call, run)] as const),
  )
  const deciding = runs.findLast((run) => run.call.changes.some(decidesIn(call.zone)))
  const locked = deciding === undefined ? null : await lockOut(context, call)
  await rollbackTo(call, 'preview')
  // A zone that is locked out already is not kept from getting out of it.
  const isLocked = locked !== null && (await lockOut(context, call)) === null
  const outcomes = isLocked ? rehearsed.map(blockedAt(deciding, locked)) : rehearsed
  const before = await effectiveAccess(context.policy, call, slice)
  const access = accessDiff(before, after)
  const replay = await flipsOf(context, call, outcome)
  const previews = outcomes.map((outcome) => previewOf(outcome, new Map(summaries)))
  const risk = highest(previews.map((step) => step.risk))
  return {
    assigned,
    baseRevisions: touched(context, call, runs, base),
    preview: {
      steps: previews,
      access,
      replay,
      policy: await planPolicy(context, call, reachOf(steps), { steps: previews, access, risk }),
      risk,
      reversible: isReversible(runs.map(stepFacts)),
      events: runs.map((run) => run.event.type),
      warnings: warningsOf(changes),
    },
  }
}

type Outcome = { readonly run: StepRun } | { readonly step: Step; readonly fault: Fault }

async function rehearseAll(
  context: GateContext,
  call: Call,
  steps: readonly Step[],
  assigned: AssignedIds,
): Promise<readonly Outcome[]> {
  const outputs = new Map<string, unknown>()
  const blocked = new Set<string>()
  const outcomes: Outcome[] = []
  for (const step of steps) {
    const outcome = await rehearseOne(context, call, step, outputs, assigned, blocked)
    if ('fault' in outcome) blocked.add(step.id)
    outcomes.push(outcome)
  }
  return outcomes
}

/** Blocks the step after which nobody could get past the policy that it makes decide. */
function blockedAt(deciding: StepRun | undefined, locked: string): (one: Outcome) => Outcome {
  return (one) =>
    'run' in one && one.run === deciding
      ? { step: one.run.step, fault: new Fault('lock_out', `After this ${locked}.`) }
      : one
}

function decidesIn(zone: ZoneId): (change: Change) => boolean {
  return ({ kind, id, before, after }) =>
    kind === 'zone' &&
    id === zone &&
    before?.active_policy_set_version_id !== after?.active_policy_set_version_id
}

async function rehearseOne(
  context: GateContext,
  call: Call,
  step: Step,
  outputs: Map<string, unknown>,
  assigned: AssignedIds,
  blocked: ReadonlySet<string>,
): Promise<Outcome> {
  await savepoint(call, 'step')
  try {
    const waitsFor = needs(step).find((id) => blocked.has(id))
    if (waitsFor !== undefined)
      refuse('plan_blocked', `It depends on step ${waitsFor}, which cannot run.`)
    return { run: await runStep(context, call, step, outputs, assigned) }
  } catch (error) {
    // A deadlock would lie in the plan as if the step could not run.
    const fault = isPassing(error) ? null : asFault(error)
    if (fault === null) throw error
    await rollbackTo(call, 'step')
    return { step, fault }
  }
}

/** What a step does, as it is shown before and compared after. */
export function stepFacts(
  run: StepRun,
): Pick<StepPreview, 'id' | 'operation' | 'zone_id' | 'input' | 'changes'> {
  return {
    id: run.step.id,
    operation: run.operation.id,
    zone_id: run.zone?.id ?? null,
    input: run.input,
    changes: run.call.changes.map(changeView).filter((change) => change.fields.length > 0),
  }
}

function previewOf(outcome: Outcome, summaries: ReadonlyMap<string, string>): StepPreview {
  if ('fault' in outcome) return blockedPreview(outcome.step, outcome.fault)
  const { run } = outcome
  const facts = stepFacts(run)
  const { changes } = facts
  const { risk, reasons } = riskOf(run.operation, run.input)
  return {
    ...facts,
    effect: changes.length === 0 ? 'no-op' : effectOf(run.operation.effect),
    summary: summaries.get(run.step.id) ?? run.operation.summary,
    blocked: null,
    risk: changes.length === 0 ? 'low' : risk,
    risk_reasons: reasons,
    reversible: isReversible([facts]),
  }
}

function blockedPreview(step: Step, fault: Fault): StepPreview {
  return {
    id: step.id,
    operation: step.operation,
    zone_id: null,
    effect: 'blocked',
    summary: findOperation(step.operation)?.summary ?? step.operation,
    input: step.input,
    changes: [],
    blocked: { code: fault.code, message: fault.message },
    risk: 'low',
    risk_reasons: [],
    reversible: true,
  }
}

function effectOf(effect: string): 'create' | 'update' | 'delete' {
  return effect === 'create' || effect === 'delete' ? effect : 'update'
}

/** A change as people read it: every field that differs, before and after. */
function changeView(change: Change): StepPreview['changes'][number] {
  const { kind, id, zoneId, name, effect, before, after } = change
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  return {
    kind,
    id,
    zone_id: zoneId,
    name,
    effect,
    fields: fields
      .map((field) => ({ field, before: before?.[field] ?? null, after: after?.[field] ?? null }))
      .filter((field) => !sameJson(field.before, field.after)),
  }
}

function sameJson(left: Json, right: Json): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}

async function summarize(call: Call, run: StepRun): Promise<string> {
  const [first] = run.call.changes
  return first === undefined
    ? `${run.operation.summary}: nothing to change`
    : describeChange(call.queries, first)
}

function warningsOf(changes: readonly Change[]): string[] {
  const secret = changes.some((change) =>
    Object.values(change.after ?? {}).includes('generated at apply'),
  )
  return secret ? ['A secret is generated at apply and shown once, to an approver.'] : []
}

async function revisionsOf(call: Call): Promise<ReadonlyMap<string, number>> {
  const rows = await call.queries.selectFrom('zones').select(['id', 'revision']).execute()
  return new Map(rows.map((row) => [row.id, row.revision]))
}

function touched(
  context: GateContext,
  call: Call,
  runs: readonly StepRun[],
  base: ReadonlyMap<string, number>,
): Record<string, number> {
  const zones = new Set<string>([
    call.zone,
    ...runs.map((run) => run.zone?.id ?? context.system().zone),
    ...runs.flatMap((run) => run.call.changes.map((change) => change.zoneId as ZoneId)),
  ])
  return Object.fromEntries([...base].filter(([zone]) => zones.has(zone)))
}

async function savepoint(call: Call, name: string): Promise<void> {
  await sql.raw(`savepoint ${name}`).execute(call.queries)
}

async function rollbackTo(call: Call, name: string): Promise<void> {
  await sql.raw(`rollback to savepoint ${name}`).execute(call.queries)
}
