import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import { stepFacts, type StepsPreview } from '../../gate/preview.ts'
import { inOrder, runStep, type AssignedIds, type Step, type StepRun } from '../../gate/steps.ts'
import { digestOf } from '../../kernel/canonical.ts'
import type { PlanRecord } from '../../store/plans.ts'

/** Runs the steps of a plan in its order, with the ids that its preview has shown. */
export async function runSteps(
  context: GateContext,
  call: Call,
  plan: PlanRecord,
): Promise<readonly StepRun[]> {
  const outputs = new Map<string, unknown>()
  const assigned: AssignedIds = structuredClone(plan.assigned_ids)
  const runs: StepRun[] = []
  for (const step of inOrder(plan.steps as readonly Step[]))
    runs.push(await runStep(context, call, step, outputs, assigned))
  return runs
}

/** Whether the diff of a run is, byte for byte, the one that the plan shows. */
export function isAsShown(plan: PlanRecord, runs: readonly StepRun[]): boolean {
  const shown = (plan.preview as StepsPreview).steps.map(
    ({ id, operation, zone_id, input, changes }) => ({ id, operation, zone_id, input, changes }),
  )
  const done = JSON.parse(JSON.stringify(runs.map(stepFacts))) as unknown
  return digestOf(shown) === digestOf(done)
}
