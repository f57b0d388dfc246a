import { recordEvents } from '../../audit/record.ts'
import { actorOf } from '../../gate/events.ts'
import type { GateContext } from '../../gate/context.ts'
import type { Handlers } from '../../gate/handler.ts'
import type { Budgets } from '../conversation/budget.ts'
import type { Model } from '../model/model.ts'
import { openMeter } from '../conversation/usage.ts'
import { authorPolicy, type Authored } from './author.ts'

/** Drafts outside of the transaction, where a model may be awaited; what it used is one event a call. */
export function authorHandlers(services: {
  gate(): GateContext
  readonly model: Model
  readonly budgets: Budgets
}): Pick<Handlers, 'policies.draft'> {
  const { model, budgets } = services
  return {
    'policies.draft': {
      prepare(request, { words }) {
        const context = services.gate()
        const use = { conversationId: null, messageId: null, principalId: request.principal.id }
        const meter = openMeter(
          { ...context, budgets },
          { ...use, zone: request.zone, purpose: 'policy' },
        )
        return authorPolicy({ context, request, words, meter }, model)
      },
      async serve(call, _input, { drafted, usages }: Authored) {
        const events = usages.map((usage) => ({
          zone: call.zone,
          type: 'model.answer' as const,
          outcome: 'allow' as const,
          ...actorOf(call.principal),
          requestId: call.requestId,
          traceId: call.traceId,
          diagnostics: { model: model.name, offline: model.offline, drafting: 'policy', usage },
        }))
        await recordEvents(call.queries, call.nowMs, events)
        return drafted
      },
    },
  }
}
