import type { GateContext } from '../../gate/context.ts'
import { perform } from '../../gate/perform.ts'
import { platform } from '../../gate/principal.ts'
import { isFault } from '../../kernel/faults.ts'
import type { OutputOf } from '../../../tools/catalogue.ts'
import { autopilotName, decideOn, type Asked } from './decide.ts'

/** What was done with a plan, in a sentence for the conversation, and the plan where it is another now. */
export interface CarriedOut {
  readonly note: string
  readonly plan: OutputOf<'plans.apply'>['plan'] | null
}

/**
 * Approves and applies a plan of a conversation that has opted in, where it proves harmless. Null:
 * autopilot was not asked. No model has a part in it: what it says is not read here.
 */
export async function carryOut(context: GateContext, asked: Asked): Promise<CarriedOut | null> {
  const verdict = await decideOn(context, asked)
  if (verdict === null) return null
  if (!verdict.approved) {
    const reasons = verdict.failed.map(({ reason }) => reason).join(' ')
    return { note: `Autopilot leaves plan ${asked.planId} to you. ${reasons}`, plan: null }
  }
  const { zone, planId, requestId, traceId } = asked
  try {
    const { output } = await perform(
      context,
      { ...platform, name: autopilotName },
      {
        operation: 'plans.apply',
        zone,
        input: { plan_id: planId, digest: verdict.digest },
        requestId,
        ...(traceId !== undefined && { traceId }),
      },
    )
    const { plan } = output as OutputOf<'plans.apply'>
    return { note: `Autopilot has approved and applied plan ${planId}.`, plan }
  } catch (error) {
    if (!isFault(error)) throw error
    const note = `Autopilot approved plan ${planId}, and it was not applied: ${error.message}`
    return { note, plan: null }
  }
}
