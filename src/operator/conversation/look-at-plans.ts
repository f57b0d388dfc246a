import type { CarriedOut } from '../autopilot/carry-out.ts'
import type { Asked } from '../autopilot/decide.ts'
import type { TurnContext, TurnRequest } from './turn-context.ts'

/** Has the plans of a turn reviewed, and lets autopilot look at them; what came of it, in sentences. */
export async function lookAtPlans(
  context: TurnContext,
  request: TurnRequest,
  plans: readonly string[],
): Promise<readonly string[]> {
  const { zone, message, requestId, traceId, signal, emit } = request
  const notes: string[] = []
  for (const planId of new Set(plans)) {
    if (signal.aborted) break
    const asked = { zone, conversationId: message.conversation_id, planId, requestId, traceId }
    const done = await lookAt(context, asked, signal).catch((error: unknown) => {
      context.log.error({ err: error, requestId }, 'a plan was not looked at')
      return [{ note: `Plan ${planId} could not be looked at; decide on it.`, plan: null }]
    })
    notes.push(...done.map(({ note }) => note))
    for (const { plan } of done) if (plan !== null) emit({ type: 'plan', plan })
  }
  return notes
}

/** A review first: what it finds riskier, autopilot no longer approves. */
async function lookAt(
  context: TurnContext,
  asked: Asked,
  signal: AbortSignal,
): Promise<readonly CarriedOut[]> {
  const reviewed = (await context.review?.(asked, signal)) ?? null
  const carried = await context.carryOut(asked)
  return [reviewed, carried].filter((one) => one !== null)
}
