import { sql } from 'kysely'
import { z } from 'zod'
import { catalogue, type OperationId } from '../../tools/catalogue.ts'
import type { GateContext } from '../gate/context.ts'
import type { Handlers } from '../gate/handler.ts'
import { readPage } from '../store/pages.ts'
import { approvalsOf, type PlanRecord } from '../store/plans.ts'
import { authorHandlers } from './author/handlers.ts'
import { autopilotHandlers } from './autopilot/handlers.ts'
import type { Budgets } from './conversation/budget.ts'
import { applyPlan, applyRefused, prepareApply, type Mandates } from './plans/apply.ts'
import { approvePlan, approveRefused, rejectPlan } from './plans/approve.ts'
import {
  cancelAnswers,
  dropConversation,
  followedMessage,
  listConversations,
  openConversation,
  receiveMessage,
  showConversation,
} from './conversation/conversations.ts'
import { createPlan, previewAgain } from './plans/draft.ts'
import { evidenceOf } from './plans/evidence.ts'
import { importPlan } from './plans/import.ts'
import type { Model } from './model/model.ts'
import { planOf } from './plans/plan-lookup.ts'
import { isInState, planView } from './plans/plan-view.ts'
import { undoPlan } from './plans/undo.ts'
import { callsIn, usageIn } from './conversation/usage-views.ts'

/** What the Operator's own operations need of the service. */
export interface OperatorServices {
  /** The door's context, which holds these very handlers. */
  gate(): GateContext
  readonly mandates: Mandates
  readonly model: Model
  readonly budgets: Budgets
  identities(): readonly { name: string; id: string; scopes: string[] }[]
}

type Own = Pick<
  Handlers,
  Extract<
    OperationId,
    `${'plans' | 'conversations' | 'operator' | 'autopilot'}.${string}` | 'policies.draft'
  >
>

export function operatorHandlers(services: OperatorServices): Own {
  const { mandates, model } = services
  return {
    async 'plans.list'(call, input) {
      const where = [sql`zone_id = ${call.zone}`]
      if (input.state !== undefined) where.push(isInState(input.state, call.now))
      const { rows, nextCursor } = await readPage<PlanRecord>(call.queries, {
        table: 'plans',
        where,
        by: 'id',
        order: 'desc',
        limit: input.limit,
        cursor: input.cursor,
      })
      const approvals = await approvalsOf(
        call.queries,
        rows.map((row) => row.id),
      )
      const items = rows.map(({ ...row }) => {
        const { preview: _, ...rest } = planView(row, approvals, call.nowMs)
        return rest
      })
      return { items, next_cursor: nextCursor }
    },
    'plans.create': (call, input) => createPlan(services.gate(), call, input),
    'plans.import': (call, input) => importPlan(services.gate(), call, input),
    async 'plans.get'(call, input) {
      const row = await planOf(call.queries, call.zone, input.plan_id)
      return planView(row, await approvalsOf(call.queries, [row.id]), call.nowMs)
    },
    'plans.preview': (call, input) => previewAgain(services.gate(), call, input.plan_id, 'anew'),
    'plans.rebase': (call, input) => previewAgain(services.gate(), call, input.plan_id, 'rebase'),
    'plans.approve': {
      serve: approvePlan,
      refused: approveRefused,
    },
    'plans.reject': rejectPlan,
    'plans.apply': {
      prepare: (request, input) => prepareApply(services.gate(), mandates, request, input),
      serve: (call, input, mandate) => applyPlan(services.gate(), call, input, mandate),
      refused: applyRefused,
    },
    'plans.evidence': (call, input) => evidenceOf(services.gate(), call, input),
    'plans.undo': (call, input) => undoPlan(services.gate(), call, input.plan_id),

    'conversations.list': listConversations,
    'conversations.create': openConversation,
    'conversations.get': showConversation,
    'conversations.delete': dropConversation,
    'conversations.send': receiveMessage,
    'conversations.follow': followedMessage,
    'conversations.cancel': cancelAnswers,

    'operator.status': () =>
      Promise.resolve({
        ready: true,
        model: model.name,
        offline: model.offline,
        system_zone_id: services.gate().system().zone,
        applications: [...services.identities()],
      }),
    'operator.usage': (call) => usageIn(services, call),
    'operator.calls': callsIn,
    'operator.capabilities': () => Promise.resolve({ items: capabilities }),
    ...autopilotHandlers,
    ...authorHandlers(services),
  }
}

const capabilities = catalogue.map((operation) => ({
  id: operation.id,
  summary: operation.summary,
  effect: operation.effect,
  risk: operation.risk,
  scope: operation.scope,
  plannable: operation.plannable,
  input_schema: z.toJSONSchema(operation.input, { io: 'input' }),
}))
