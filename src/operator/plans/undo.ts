import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import { inversesOf, isVersion, type Inverse, type ShownChange } from '../../gate/inverse.ts'
import type { Step } from '../../gate/steps.ts'
import { refuse } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import {
  policyVersionsBefore,
  setsOfVersions,
  setVersionsBefore,
} from '../../store/later-changes.ts'
import type { PlanRecord } from '../../store/plans.ts'
import { beginDraft, keepPlan, previewDraft, type Draft } from './draft.ts'
import { changesOf, dependentsOf, movedSince, type Reason } from './later-changes.ts'
import { planForChange } from './plan-lookup.ts'
import { stateOf, type PlanView, type Preview } from './plan-view.ts'

/**
 * Makes the inverse of an applied plan: a plan like any other, to be approved. Refuses
 * `not_undoable`, with every reason, where something cannot come back, has been changed since or is
 * needed by a later change.
 */
export async function undoPlan(
  context: GateContext,
  call: Call,
  planId: string,
): Promise<PlanView> {
  const plan = await planForChange(call, planId)
  const state = stateOf(plan, call.nowMs)
  if (state !== 'applied')
    refuse('plan_state', `This plan is ${state}; only an applied one can be undone.`, {
      details: { state },
    })
  await beginDraft(call, plan.reach)
  const { steps, warnings, obstacles } = await inverseSteps(call, plan)
  refuseReasons([...obstacles, ...(await movedSince(call, plan))])
  if (steps.length === 0) refuse('not_undoable', 'This plan has left nothing that could be undone.')
  if (steps.length > limits.planSteps)
    refuse(
      'limit_reached',
      `Undoing it takes ${steps.length} steps; a plan has ${limits.planSteps}.`,
    )
  const draft: Draft = {
    steps,
    reach: plan.reach,
    intent: '',
    summary: `Undo plan ${plan.id}${titleOf(plan)}`.slice(0, limits.descriptionChars),
    origin: 'undo',
    undoes: plan.id,
    warnings,
  }
  const shown = await previewDraft(context, call, draft)
  refuseReasons(await dependentsOf(call, plan, shown.preview))
  return keepPlan(call, draft, shown)
}

function titleOf({ summary, intent }: PlanRecord): string {
  const title = summary === '' ? intent : summary
  return title === '' ? '' : `: ${title}`
}

function refuseReasons(reasons: readonly Reason[]): void {
  const [first] = reasons
  if (first === undefined) return
  const more = reasons.length === 1 ? '' : ` (and ${reasons.length - 1} more reasons)`
  refuse('not_undoable', `This plan cannot be undone: ${first.message}${more}`, {
    details: { reasons: reasons.slice(0, limits.planSteps) },
  })
}

interface InverseSteps {
  readonly steps: readonly Step[]
  readonly warnings: readonly string[]
  readonly obstacles: readonly Reason[]
}

async function inverseSteps(call: Call, plan: PlanRecord): Promise<InverseSteps> {
  const { steps: shown } = plan.preview as Preview
  const inverses = inversesOf(shown, await lookUp(call, plan))
  const steps: Step[] = []
  const warnings: string[] = []
  /** What an archived object is called by now: the output of the step that makes it anew. */
  const renewed = new Map<string, string>()
  for (const inverse of inverses) {
    if (inverse === null || 'obstacle' in inverse) continue
    const { operation, zone, input, replaces } = inverse.call
    if (hasEnded(input, call.nowMs)) {
      warnings.push(`${replaces ?? 'An object'} has expired by now and is not made again.`)
      continue
    }
    const id = `undo_${steps.length + 1}`
    steps.push({
      id,
      operation: operation.id,
      ...(zone !== plan.zone_id && { zone }),
      input: renewedIn(input, renewed),
      depends_on: [],
    })
    if (replaces === null) continue
    renewed.set(replaces, `{{steps.${id}.output.id}}`)
    warnings.push(`${replaces} comes back as a new object with a new id.`)
  }
  return { steps, warnings: [...warnings, ...leftBehind(shown)], obstacles: obstaclesIn(inverses) }
}

function obstaclesIn(inverses: readonly Inverse[]): readonly Reason[] {
  return inverses.flatMap((inverse) =>
    inverse !== null && 'obstacle' in inverse ? [{ ...inverse.obstacle, event: null }] : [],
  )
}

/** What has an end that is over would be refused, and would give nothing. */
function hasEnded({ expires_at }: Readonly<Record<string, unknown>>, nowMs: number): boolean {
  return typeof expires_at === 'string' && Date.parse(expires_at) <= nowMs
}

function renewedIn(
  input: Readonly<Record<string, unknown>>,
  renewed: ReadonlyMap<string, string>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([field, value]) => [
      field,
      typeof value === 'string' ? (renewed.get(value) ?? value) : value,
    ]),
  )
}

function leftBehind(steps: Preview['steps']): readonly string[] {
  const versions = steps.some(({ changes }) => changes.some(isVersion))
  return versions
    ? ['Versions of policies and policy sets stay; they decide nothing by themselves.']
    : []
}

/** What versions held before, and to which sets those belong that decided before. */
async function lookUp(call: Call, plan: PlanRecord) {
  const changes = changesOf(plan)
  const versions = changes.filter(isVersion).map(({ id }) => id)
  const active = changes.flatMap(({ fields }) => fields.map(({ before }) => before))
  const [policies, sets, owners] = [
    await policyVersionsBefore(call.queries, versions),
    await setVersionsBefore(call.queries, versions),
    await setsOfVersions(
      call.queries,
      active.filter((value) => typeof value === 'string'),
    ),
  ]
  return {
    earlierVersion: ({ id }: ShownChange) => policies.get(id) ?? sets.get(id) ?? null,
    setOfVersion: (id: string) => owners.get(id) ?? null,
  }
}
