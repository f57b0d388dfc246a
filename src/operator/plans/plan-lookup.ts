import type { Call } from '../../gate/handler.ts'
import { refuse } from '../../kernel/faults.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import type { Queries } from '../../store/database.ts'
import { findPlan, lockPlan, type PlanRecord } from '../../store/plans.ts'
import { lockZone } from '../../store/zones.ts'

export async function planOf(queries: Queries, zone: ZoneId, id: string): Promise<PlanRecord> {
  const row = await findPlan(queries, zone, id)
  return row ?? refuse('not_found', 'There is no such plan in this zone.', { details: { id } })
}

/** The plan, locked until the transaction ends. */
export async function planForChange(call: Call, id: string): Promise<PlanRecord> {
  const row = await lockPlan(call.queries, call.zone, id)
  return row ?? refuse('not_found', 'There is no such plan in this zone.', { details: { id } })
}

/**
 * Locks every zone that a plan was previewed on, in one order for all, and refuses where any has
 * moved since: what was approved was seen on that state.
 */
export async function lockBase(queries: Queries, plan: PlanRecord): Promise<void> {
  for (const zone of Object.keys(plan.base_revisions).sort()) {
    const row = await lockZone(queries, zone as ZoneId)
    if (row?.revision !== plan.base_revisions[zone])
      refuse('stale', 'The zone has changed since this plan was previewed: preview it again.', {
        details: { zone, previewed_at: plan.base_revisions[zone], now_at: row?.revision ?? null },
      })
  }
}
