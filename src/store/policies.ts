import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ObjectRow } from './objects.ts'

/** The latest version of each policy, by policy id. Index: policy_versions (policy_id, number). */
export async function latestPolicyVersions(
  queries: Queries,
  policyIds: readonly string[],
): Promise<ReadonlyMap<string, ObjectRow<'policy_versions'>>> {
  const { rows } = await sql<ObjectRow<'policy_versions'>>`
    select distinct on (policy_id) * from policy_versions
    where policy_id = any(${[...policyIds]}) order by policy_id, number desc`.execute(queries)
  return new Map(rows.map((row) => [row.policy_id, row]))
}

/** Policy versions by id, inside the zone. Index: primary key. */
export async function policyVersionsById(
  queries: Queries,
  zone: ZoneId,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ObjectRow<'policy_versions'>>> {
  const { rows } = await sql<ObjectRow<'policy_versions'>>`
    select * from policy_versions where id = any(${[...ids]}) and zone_id = ${zone}`.execute(
    queries,
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/** Which of some policies are archived. Index: primary key. */
export async function archivedPolicies(
  queries: Queries,
  zone: ZoneId,
  ids: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from policies
    where id = any(${[...ids]}) and zone_id = ${zone} and archived_at is not null
    order by id`.execute(queries)
  return rows.map((row) => row.id)
}

/** The policy versions that the zone's active policy set version holds. */
export async function activeManifest(
  queries: Queries,
  zone: ZoneId,
): Promise<readonly { readonly id: string; readonly policy_id: string }[]> {
  const { rows } = await sql<{ id: string; policy_id: string }>`
    select pv.id, pv.policy_id
    from zones z
    join policy_set_versions v on v.id = z.active_policy_set_version_id
    join lateral jsonb_array_elements(v.manifest) as m on true
    join policy_versions pv on pv.id = m->>'policy_version_id'
    where z.id = ${zone}`.execute(queries)
  return rows
}

/** The latest version of each policy set, by set id. Index: policy_set_versions (policy_set_id, number). */
export async function latestSetVersions(
  queries: Queries,
  setIds: readonly string[],
): Promise<ReadonlyMap<string, ObjectRow<'policy_set_versions'>>> {
  const { rows } = await sql<ObjectRow<'policy_set_versions'>>`
    select distinct on (policy_set_id) * from policy_set_versions
    where policy_set_id = any(${[...setIds]})
    order by policy_set_id, number desc`.execute(queries)
  return new Map(rows.map((row) => [row.policy_set_id, row]))
}
