import type { Selectable } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import { noteZoneChange } from './objects.ts'
import type { PolicyActivationRow } from './schema.ts'
import type { Tx } from './tx.ts'
import { findZone } from './zones.ts'

export type Activation = Selectable<PolicyActivationRow>

/**
 * Makes a policy set version the one that decides: one row of the zone changes. Where it decides
 * already nothing is written, so that the way back stays open.
 */
export async function activate(tx: Tx, zone: ZoneId, versionId: string): Promise<Activation> {
  const before = await findZone(tx.queries, zone)
  if (before === undefined) throw new Error('the zone is gone')
  if (before.active_policy_set_version_id === versionId) {
    const [latest] = await activationsOf(tx.queries, zone, 1)
    if (latest?.version_id === versionId) return latest
  }
  await tx.revise(zone)
  const after = await tx.queries
    .updateTable('zones')
    .set({ active_policy_set_version_id: versionId })
    .where('id', '=', zone)
    .returningAll()
    .executeTakeFirstOrThrow()
  noteZoneChange(tx, before, after)
  return tx.queries
    .insertInto('policy_activations')
    .values({
      zone_id: zone,
      version_id: versionId,
      previous_version_id: before.active_policy_set_version_id,
      activated_at: tx.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** The activations of a zone, newest first. Index: policy_activations_zone. */
export async function activationsOf(
  queries: Queries,
  zone: ZoneId,
  limit: number,
): Promise<readonly Activation[]> {
  return queries
    .selectFrom('policy_activations')
    .selectAll()
    .where('zone_id', '=', zone)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}
