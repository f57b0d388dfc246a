import { CompiledQuery, sql } from 'kysely'
import type { Id, ZoneId } from '../kernel/ids.ts'
import type { Queries } from './database.ts'
import type { SharedQuery } from './zone-reader.ts'

/** Which pair the question is about. Without a resource only the application's facts are read. */
export interface AuthoritySubject {
  readonly applicationId: string
  readonly resource: { readonly id: string } | { readonly identifier: string } | null
}

/** What decides on a pair of application and resource, in one row. */
export interface AuthorityRow {
  readonly zone_id: ZoneId
  readonly system: boolean
  readonly zone_archived: boolean
  readonly version_id: Id<'policySetVersion'> | null
  /** The zone's active signing key. */
  readonly key_id: string | null
  /** Null: the zone has no such application. */
  readonly application: {
    readonly id: Id<'application'>
    readonly name: string
    readonly kind: 'managed' | 'dcr'
    readonly labels: readonly string[]
    readonly archived: boolean
    readonly expires_at_ms: number | null
    readonly auth_method: 'client_secret' | 'private_key_jwt' | 'none'
    readonly secret_hash: string | null
    readonly jwks: { readonly keys: readonly { readonly kty: string }[] } | null
    readonly dpop_required: boolean
  } | null
  /** Null: none was asked for, or the zone has no such resource. */
  readonly resource: {
    readonly id: Id<'resource'>
    readonly identifier: string
    readonly scopes: readonly string[]
    readonly archived: boolean
  } | null
  readonly grants: readonly {
    readonly id: Id<'grant'>
    readonly scopes: readonly string[]
    readonly user: string | null
    readonly expires_at_ms: number | null
  }[]
}

/** How many grants of one pair are read, the newest; leaving some out can only deny. */
export const grantsOfPair = 500

/** An archived identifier may be given again, so only its live owner is meant. */
const ways = {
  id: 'r.id = asked.resource',
  identifier: 'r.identifier = asked.resource and r.archived_at is null',
  none: 'false',
} as const

const texts: Readonly<Record<keyof typeof ways, string>> = {
  id: textFor(ways.id),
  identifier: textFor(ways.identifier),
  none: textFor(ways.none),
}

/**
 * Indexes: the primary keys of zones, applications and resources, zone_keys_active,
 * resources_identifier, grants_pair.
 */
function textFor(resourceIs: string): string {
  return `
    select asked.place, z.id as zone_id, z.system, z.archived_at is not null as zone_archived,
      z.active_policy_set_version_id as version_id,
      (select k.id from zone_keys k where k.zone_id = z.id and k.state = 'active') as key_id,
      (select jsonb_build_object('id', a.id, 'name', a.name, 'kind', a.kind, 'labels', a.labels,
          'archived', a.archived_at is not null,
          'expires_at_ms', ${milliseconds('a.expires_at')},
          'auth_method', a.auth_method, 'secret_hash', a.secret_hash, 'jwks', a.jwks,
          'dpop_required', a.dpop_required)
        from applications a where a.zone_id = z.id and a.id = asked.application) as application,
      r.resource,
      coalesce((select jsonb_agg(jsonb_build_object('id', g.id, 'scopes', g.scopes,
          'user', g.user_id, 'expires_at_ms', ${milliseconds('g.expires_at')}))
        from (select * from grants where application_id = asked.application and resource_id = r.id
            and zone_id = z.id and archived_at is null
          order by id desc limit ${String(grantsOfPair)}) g), '[]') as grants
    from unnest($1::text[], $2::text[], $3::text[]) with ordinality
      as asked (zone, application, resource, place)
    join zones z on z.id = asked.zone
    left join lateral (
      select r.id, jsonb_build_object('id', r.id, 'identifier', r.identifier, 'scopes', r.scopes,
        'archived', r.archived_at is not null) as resource
      from resources r where r.zone_id = z.id and ${resourceIs}) r on true`
}

export function milliseconds(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::bigint`
}

/** The question as a statement that connections prepare, and that all who ask it share. */
export function authorityQuery(zone: ZoneId, subject: AuthoritySubject): SharedQuery {
  const { resource } = subject
  const way = resource === null ? 'none' : 'id' in resource ? 'id' : 'identifier'
  const named = resource === null ? null : 'id' in resource ? resource.id : resource.identifier
  return {
    name: `authority_${way}`,
    text: texts[way],
    asked: [zone, subject.applicationId, named],
  }
}

/** Undefined: there is no such zone. */
export async function findAuthority(
  queries: Queries,
  zone: ZoneId,
  subject: AuthoritySubject,
): Promise<AuthorityRow | undefined> {
  const { text, asked } = authorityQuery(zone, subject)
  const one = asked.map((value) => [value])
  const { rows } = await queries.executeQuery<AuthorityRow>(CompiledQuery.raw(text, one))
  return rows[0]
}

/** What a policy set version says: its merged documents, and which of its policies are code. */
export interface VersionPolicyRow {
  readonly zone_id: ZoneId
  readonly documents: Readonly<Record<string, unknown>>
  readonly modules: readonly {
    readonly policy_version_id: Id<'policyVersion'>
    readonly digest: string
    readonly reads_context: boolean
  }[]
}

/**
 * A policy set version that the caller's zone has. A policy whose wasm is gone stays in the list: it
 * must refuse, not vanish. Indexes: the primary keys of policy_set_versions, policy_versions and
 * policy_modules.
 */
export async function findVersionPolicy(
  queries: Queries,
  version: string,
): Promise<VersionPolicyRow | undefined> {
  const { rows } = await sql<VersionPolicyRow>`
    select v.zone_id, v.documents, coalesce((
        select jsonb_agg(jsonb_build_object('policy_version_id', p.id, 'digest', p.module_digest,
            'reads_context', coalesce(m.reads_context, true)) order by e.place)
        from jsonb_array_elements(v.manifest) with ordinality as e (entry, place)
        join policy_versions p on p.id = e.entry->>'policy_version_id'
        left join policy_modules m on m.zone_id = p.zone_id and m.digest = p.module_digest
        where p.module_digest is not null), '[]') as modules
    from policy_set_versions v where v.id = ${version}`.execute(queries)
  return rows[0]
}
