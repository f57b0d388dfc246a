import { sql } from 'kysely'
import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { Queries } from './database.ts'
import { findZone } from './zones.ts'

/** What a zone says by itself, with the ids of what says it: live objects, without secrets. */
export interface ZoneState {
  readonly settings: { readonly dcr_enabled: boolean; readonly audit_retention_days: number | null }
  readonly providers: readonly StateProvider[]
  readonly resources: readonly StateResource[]
  readonly applications: readonly StateApplication[]
  readonly grants: readonly StateGrant[]
  readonly policies: readonly StatePolicy[]
  readonly policy_sets: readonly StatePolicySet[]
  /** The policy set version that decides. */
  readonly active: { readonly id: string; readonly set: string; readonly number: number } | null
}

export interface StateProvider {
  readonly id: string
  readonly name: string
  readonly settings: { readonly kind: string }
}

export interface StateResource {
  readonly id: string
  readonly name: string
  readonly identifier: string
  readonly scopes: readonly string[]
  readonly operations: readonly unknown[]
  readonly upstream_url: string | null
  /** Its name. */
  readonly credential_provider: string | null
}

export interface StateApplication {
  readonly id: string
  readonly name: string
  readonly auth_method: 'client_secret' | 'private_key_jwt' | 'none'
  readonly jwks: unknown
  readonly labels: readonly string[]
  readonly dpop_required: boolean
  readonly redirect_uris: readonly string[]
}

export interface StateGrant {
  readonly id: string
  readonly application: string
  readonly resource: string
  readonly user_id: string | null
  readonly scopes: readonly string[]
  readonly expires_at: Date | null
}

export interface StatePolicy {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly version_id: string
  readonly language: 'json' | 'yaml' | 'rego'
  readonly source: string
}

/** A version of a policy as a policy set holds it; the policy is null where it is archived. */
export interface HeldVersion {
  readonly id: string
  readonly policy: string | null
  readonly number: number
}

export interface StatePolicySet {
  readonly id: string
  readonly name: string
  readonly description: string
  /** The latest version; null: it has none. */
  readonly version_id: string | null
  readonly held: readonly HeldVersion[] | null
}

/**
 * Reads what a zone says. Workloads that registered themselves, their grants and grants that have
 * expired are no part of it. Refuses `limit_reached` where there is more of a kind than is read.
 * Indexes: <table>_name and <table>_zone.
 */
export async function readZoneState(
  queries: Queries,
  zone: ZoneId,
  now: Date,
): Promise<ZoneState | undefined> {
  const row = await findZone(queries, zone)
  if (row === undefined) return undefined
  const { dcr_enabled, audit_retention_days, active_policy_set_version_id } = row
  const read = <R>(text: ReturnType<typeof sql>): Promise<readonly R[]> => readAll<R>(queries, text)
  return {
    settings: { dcr_enabled, audit_retention_days },
    providers: await read(sql`
      select id, name, settings from providers
      where zone_id = ${zone} and archived_at is null order by name_key`),
    resources: await read(sql`
      select r.id, r.name, identifier, scopes, operations, upstream_url,
        p.name as credential_provider
      from resources r left join providers p on p.id = r.credential_provider_id
      where r.zone_id = ${zone} and r.archived_at is null order by r.name_key`),
    applications: await read(sql`
      select id, name, auth_method, jwks, labels, dpop_required, redirect_uris from applications
      where zone_id = ${zone} and archived_at is null and kind = 'managed' order by name_key`),
    grants: await read(sql`
      select g.id, a.name as application, r.name as resource, user_id, g.scopes, g.expires_at
      from grants g join applications a on a.id = g.application_id and a.kind = 'managed'
        join resources r on r.id = g.resource_id
      where g.zone_id = ${zone} and g.archived_at is null
        and (g.expires_at is null or g.expires_at > ${now})
      order by a.name_key, r.name_key, user_id nulls first, g.id`),
    policies: await read(sql`
      select p.id, p.name, p.description, v.id as version_id, v.language, v.source
      from policies p join lateral (
        select * from policy_versions v where v.policy_id = p.id order by number desc limit 1) v on true
      where p.zone_id = ${zone} and p.archived_at is null order by p.name_key`),
    policy_sets: await read(sql`
      select s.id, s.name, s.description, v.id as version_id, v.held
      from policy_sets s left join lateral (
        select v.id, (
          select coalesce(jsonb_agg(jsonb_build_object('id', pv.id, 'number', pv.number, 'policy',
            case when p.archived_at is null then p.name end) order by m.place), '[]')
          from jsonb_array_elements(v.manifest) with ordinality m (entry, place)
            join policy_versions pv on pv.id = m.entry->>'policy_version_id'
            join policies p on p.id = pv.policy_id) as held
        from policy_set_versions v where v.policy_set_id = s.id order by number desc limit 1) v on true
      where s.zone_id = ${zone} and s.archived_at is null order by s.name_key`),
    active:
      (
        await read<NonNullable<ZoneState['active']>>(sql`
        select v.id, v.number, s.name as set
        from policy_set_versions v join policy_sets s on s.id = v.policy_set_id
        where v.id = ${active_policy_set_version_id} and v.zone_id = ${zone}`)
      )[0] ?? null,
  }
}

async function readAll<R>(queries: Queries, text: ReturnType<typeof sql>): Promise<readonly R[]> {
  const most = limits.zoneStateObjects
  const { rows } = await sql<R>`select * from (${text}) t limit ${most + 1}`.execute(queries)
  if (rows.length > most)
    refuse(
      'limit_reached',
      `The zone has more than ${most} objects of one kind: too many for a file.`,
      {
        details: { limit: most },
      },
    )
  return rows
}
