import { sql } from 'kysely'
import type { ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { ObjectRow } from './objects.ts'

/** A version that came after others, with what it is a version of. */
export interface LaterVersion {
  readonly id: string
  readonly kind: 'policyVersion' | 'policySetVersion'
  readonly name: string
}

/**
 * Versions made after a revision of the zone that follow one of some policies or policy sets, or that
 * hold one of some policy versions. Indexes: (policy_id, number) and (policy_set_id, number).
 */
export async function laterVersions(
  queries: Queries,
  zone: ZoneId,
  revision: number,
  of: { readonly owners: readonly string[]; readonly versions: readonly string[] },
): Promise<readonly LaterVersion[]> {
  const [owners, versions] = [[...of.owners], [...of.versions]]
  const { rows } = await sql<LaterVersion>`
    select v.id, 'policyVersion' as kind, p.name
    from policy_versions v join policies p on p.id = v.policy_id
    where v.policy_id = any(${owners}) and v.zone_id = ${zone} and v.revision > ${revision}
    union all
    select v.id, 'policySetVersion', s.name
    from policy_sets s join policy_set_versions v on v.policy_set_id = s.id
    where s.zone_id = ${zone} and s.archived_at is null and v.revision > ${revision}
      and (s.id = any(${owners}) or exists (
        select from jsonb_array_elements(v.manifest) m
        where m->>'policy_version_id' = any(${versions})))
    order by id limit 50`.execute(queries)
  return rows
}

/** The version before each of some versions of policies, by its id. Index: (policy_id, number). */
export async function policyVersionsBefore(
  queries: Queries,
  ids: readonly string[],
): Promise<
  ReadonlyMap<string, Pick<ObjectRow<'policy_versions'>, 'policy_id' | 'language' | 'source'>>
> {
  const rows = await queries
    .selectFrom('policy_versions as later')
    .innerJoin('policy_versions as earlier', (join) =>
      join
        .onRef('earlier.policy_id', '=', 'later.policy_id')
        .on('earlier.number', '=', sql<number>`later.number - 1`),
    )
    .select(['later.id', 'earlier.policy_id', 'earlier.language', 'earlier.source'])
    .where(sql<boolean>`later.id = any(${[...ids]})`)
    .execute()
  return new Map(rows.map(({ id, ...earlier }) => [id, earlier]))
}

/** The same of policy sets. Index: (policy_set_id, number). */
export async function setVersionsBefore(
  queries: Queries,
  ids: readonly string[],
): Promise<
  ReadonlyMap<string, Pick<ObjectRow<'policy_set_versions'>, 'policy_set_id' | 'manifest'>>
> {
  const rows = await queries
    .selectFrom('policy_set_versions as later')
    .innerJoin('policy_set_versions as earlier', (join) =>
      join
        .onRef('earlier.policy_set_id', '=', 'later.policy_set_id')
        .on('earlier.number', '=', sql<number>`later.number - 1`),
    )
    .select(['later.id', 'earlier.policy_set_id', 'earlier.manifest'])
    .where(sql<boolean>`later.id = any(${[...ids]})`)
    .execute()
  return new Map(rows.map(({ id, ...earlier }) => [id, earlier]))
}

/** The set that each of some policy set versions belongs to. Index: primary key. */
export async function setsOfVersions(
  queries: Queries,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await queries
    .selectFrom('policy_set_versions')
    .select(['id', 'policy_set_id'])
    .where(sql<boolean>`id = any(${[...ids]})`)
    .execute()
  return new Map(rows.map((row) => [row.id, row.policy_set_id]))
}

/** An event that changed an object. */
export interface ChangeEvent {
  readonly id: string
  readonly type: string
  readonly time: string
  readonly actor: string
}

/** How many later events are looked through for the one that changed an object. */
const eventsLookedThrough = 20_000

/** The newest event after a time that changed one object; undefined where none is found. */
export async function latestChangeOf(
  queries: Queries,
  zone: ZoneId,
  id: string,
  after: Date,
): Promise<ChangeEvent | undefined> {
  const { rows } = await sql<ChangeEvent>`
    select e.id, e.type, e.entry->>'time' as time, e.entry->'actor'->>'name' as actor
    from (select * from events
        where zone_id = ${zone} and outcome = 'applied' and time >= ${after}
        order by time desc, position desc limit ${eventsLookedThrough}) e
    where (e.entry->'diagnostics'->'changes')::jsonb @> ${JSON.stringify([{ id }])}::jsonb
    order by e.time desc, e.position desc limit 1`.execute(queries)
  return rows[0]
}
