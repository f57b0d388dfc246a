import { sql } from 'kysely'
import type { InputOf, OutputOf } from '../../../tools/catalogue.ts'
import type { Call } from '../../gate/handler.ts'
import { refuse } from '../../kernel/faults.ts'
import { seeEveryZone } from '../../store/database.ts'
import type { ModelCallRecord } from '../../store/model-calls.ts'
import { readPage } from '../../store/pages.ts'
import { nextDayAfter, type Budget, type Budgets } from './budget.ts'
import type { Model } from '../model/model.ts'
import { readBudget } from './usage.ts'

type UsageView = OutputOf<'operator.usage'>
type CallView = OutputOf<'operator.calls'>['items'][number]

/** What was used today. What all zones used together is for who may read all of them. */
export async function usageIn(
  { model, budgets }: { readonly model: Model; readonly budgets: Budgets },
  call: Call,
): Promise<UsageView> {
  const { queries, principal, nowMs } = call
  const place = { zone: call.zone, conversationId: null }
  const zone = await readBudget(queries, budgets, 'zoneDay', place, nowMs)
  const reachesAll = principal.kind === 'admin' && principal.zone === null
  if (reachesAll) await seeEveryZone(queries)
  const day = reachesAll ? await readBudget(queries, budgets, 'day', place, nowMs) : null
  return {
    zone: budgetView(zone, nowMs),
    installation: day === null ? null : budgetView(day, nowMs),
    endpoints: (model.endpoints?.() ?? []).map(({ restsUntilMs, ...endpoint }) => ({
      ...endpoint,
      rests_until: restsUntilMs === null ? null : new Date(restsUntilMs).toISOString(),
    })),
  }
}

export async function callsIn(
  call: Call,
  input: InputOf<'operator.calls'>,
): Promise<OutputOf<'operator.calls'>> {
  const where = [sql`zone_id = ${call.zone}`]
  if (input.conversation_id !== undefined) {
    where.push(sql`conversation_id = ${input.conversation_id}`)
    await refuseUnknown(call, input.conversation_id)
  }
  const { rows, nextCursor } = await readPage<ModelCallRecord>(call.queries, {
    table: 'model_calls',
    where,
    by: 'id',
    order: 'desc',
    limit: input.limit,
    cursor: input.cursor,
  })
  return { items: rows.map(callView), next_cursor: nextCursor }
}

/** A conversation that has been deleted is known by its calls for as long as they are kept. */
async function refuseUnknown({ queries, zone }: Call, conversation: string): Promise<void> {
  const { rows } = await sql`
    select from conversations where id = ${conversation} and zone_id = ${zone}
    union all
    select from model_calls where conversation_id = ${conversation} and zone_id = ${zone} limit 1
  `.execute(queries)
  if (rows.length === 0) refuse('not_found', 'This zone has no such conversation.')
}

function budgetView({ used, bound }: Budget, nowMs: number): UsageView['zone'] {
  return { used, bound, free_at: nextDayAfter(nowMs).toISOString() }
}

function callView({ zone_id: _, principal_id, created_at, ...row }: ModelCallRecord): CallView {
  return { ...row, person_id: principal_id, created_at: created_at.toISOString() }
}
