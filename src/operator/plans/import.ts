import type { InputOf, OutputOf } from '../../../tools/catalogue.ts'
import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import { reachOf } from '../../gate/steps.ts'
import { refuse } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import { readZoneState } from '../../store/zone-state.ts'
import type { DeclaredState } from './declared/plan-of-state.ts'
import { stepsTo } from './declared/steps-to.ts'
import { beginDraft, keepPlan, previewDraft, type Draft } from './draft.ts'

/** Makes a plan from a file: of the steps in it, or of those that bring the zone to what it declares. */
export async function importPlan(
  context: GateContext,
  call: Call,
  { file }: InputOf<'plans.import'>,
): Promise<OutputOf<'plans.import'>> {
  const draft = file.format === 'caracal-zone/1' ? await bring(call, file) : draftOf(file)
  if (draft.steps.length === 0) return { plan: null }
  return { plan: await keepPlan(call, draft, await previewDraft(context, call, draft)) }
}

function draftOf({
  steps,
  intent = '',
  summary = '',
}: Extract<InputOf<'plans.import'>['file'], { steps: unknown }>): Draft {
  return { steps, reach: reachOf(steps), intent, summary, origin: 'file' }
}

/** The zone is locked first: what is compared is what the preview then runs on. */
async function bring(call: Call, file: DeclaredState): Promise<Draft> {
  await beginDraft(call, 'zone')
  const state = await readZoneState(call.queries, call.zone, call.now)
  if (state === undefined) refuse('zone_not_found', 'There is no such zone.')
  const { steps, warnings } = stepsTo(state, file)
  if (steps.length > limits.planSteps)
    refuse('limit_reached', `It takes ${steps.length} steps, and a plan has ${limits.planSteps}.`, {
      details: { steps: steps.length, limit: limits.planSteps },
    })
  const many = steps.length === 1 ? 'step' : 'steps'
  const summary = `Bring the zone to the declared state in ${steps.length} ${many}`
  return { steps, warnings, reach: 'zone', intent: '', summary, origin: 'file' }
}
