import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { UsedOnceRow } from './schema.ts'

/**
 * Takes a value that may be used once; false when it was taken before. It is taken when the
 * transaction commits: a second user waits for that. Index: primary key.
 */
export async function useOnce(
  queries: Queries,
  zone: ZoneId,
  use: { readonly purpose: UsedOnceRow['purpose']; readonly value: string; readonly until: Date },
): Promise<boolean> {
  const row = await queries
    .insertInto('used_once')
    .values({ zone_id: zone, purpose: use.purpose, value: use.value, expires_at: use.until })
    .onConflict((conflict) => conflict.columns(['zone_id', 'purpose', 'value']).doNothing())
    .returning('value')
    .executeTakeFirst()
  return row !== undefined
}

/** Forgets values that are refused for their age by themselves. Index: used_once_age. */
export async function deleteExpiredUses(queries: Queries, now: Date): Promise<void> {
  await queries.deleteFrom('used_once').where('expires_at', '<', now).execute()
}
