import type { Clock } from '../../kernel/clock.ts'
import { newId, type ZoneId } from '../../kernel/ids.ts'
import type { Database, Queries } from '../../store/database.ts'
import {
  insertModelCall,
  lockModelBudgets,
  settleModelCall,
  totalsOf,
} from '../../store/model-calls.ts'
import {
  dayOf,
  nextDayAfter,
  refuseBeyondBudget,
  type Budget,
  type BudgetName,
  type Budgets,
} from './budget.ts'
import { inputOf, spentOn } from '../model/message-stream.ts'
import type { Meter, TurnUsage } from '../model/model.ts'

export interface UsageContext {
  readonly db: Database
  readonly clock: Clock
  readonly budgets: Budgets
}

/** For what models are called. */
export interface UsedFor {
  readonly zone: ZoneId
  /** Null outside of a conversation. */
  readonly conversationId: string | null
  readonly messageId: string | null
  readonly principalId: string
  /** Where it is not an answer or a summary, as the model itself says. */
  readonly purpose?: 'review' | 'policy'
}

/** A meter that can say what it has noted so far. */
export interface CountingMeter extends Meter {
  total(): TurnUsage
}

const budgetNames = ['conversation', 'zoneDay', 'day'] as const

/**
 * Notes calls to models in the database, each in two transactions of its own: before it is made, as
 * the most that it may cost, and when it has ended, as what it has cost. So budgets hold across
 * replicas and are never overdrawn, and a call whose process died counts as the most.
 */
export function openMeter(context: UsageContext, use: UsedFor): CountingMeter {
  const total = { calls: 0, inputTokens: 0, outputTokens: 0 }
  return {
    async begin({ purpose, host, model, atMostTokens }) {
      const nowMs = context.clock.now()
      const id = newId('modelCall', nowMs)
      await context.db.transaction('*', async (queries) => {
        await lockModelBudgets(queries)
        for (const name of budgetNames.filter((one) => applies(one, use)))
          refuseBeyondBudget(
            await readBudget(queries, context.budgets, name, use, nowMs),
            atMostTokens,
          )
        await insertModelCall(queries, {
          ...{
            id,
            purpose: use.purpose ?? purpose,
            host,
            model,
            state: 'running',
            reason: null,
            spent: atMostTokens,
          },
          zone_id: use.zone,
          conversation_id: use.conversationId,
          message_id: use.messageId,
          principal_id: use.principalId,
          input_tokens: 0,
          cache_write_tokens: 0,
          cache_read_tokens: 0,
          output_tokens: 0,
          duration_ms: null,
          created_at: new Date(nowMs),
        })
      })
      const begunMs = performance.now()
      return {
        async end({ state, reason, used }) {
          total.calls += 1
          total.inputTokens += inputOf(used)
          total.outputTokens += used.outputTokens
          const settled = {
            ...{ state, reason, spent: spentOn(used) },
            input_tokens: used.inputTokens,
            cache_write_tokens: used.cacheWriteTokens,
            cache_read_tokens: used.cacheReadTokens,
            output_tokens: used.outputTokens,
            duration_ms: Math.round(performance.now() - begunMs),
          }
          await context.db.transaction(use.zone, (queries) => settleModelCall(queries, id, settled))
        },
      }
    },
    total: () => ({ ...total }),
  }
}

function applies(name: BudgetName, { conversationId }: UsedFor): boolean {
  return name !== 'conversation' || conversationId !== null
}

/** What is used of one budget. A transaction in a zone sees the calls of that zone alone. */
export async function readBudget(
  queries: Queries,
  budgets: Budgets,
  name: BudgetName,
  { zone, conversationId }: Pick<UsedFor, 'zone' | 'conversationId'>,
  nowMs: number,
): Promise<Budget> {
  const since = dayOf(nowMs)
  const scopes = {
    conversation: conversationId === null ? {} : { conversation: conversationId },
    zoneDay: { zone, since },
    day: { since },
  }
  const used = await totalsOf(queries, scopes[name])
  const freeAt = name === 'conversation' ? null : nextDayAfter(nowMs)
  return { name, bound: budgets[name], used, freeAt }
}
