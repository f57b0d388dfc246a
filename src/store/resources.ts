import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'

/** Ids of the live resources that use a credential provider. Index: resources_provider. */
export async function resourcesUsing(
  queries: Queries,
  zone: ZoneId,
  providerId: string,
): Promise<readonly string[]> {
  const rows = await queries
    .selectFrom('resources')
    .select('id')
    .where('zone_id', '=', zone)
    .where('credential_provider_id', '=', providerId)
    .where('archived_at', 'is', null)
    .execute()
  return rows.map((row) => row.id)
}
