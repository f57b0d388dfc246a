import { sql } from 'kysely'
import type { Id, ZoneId } from '../kernel/ids.ts'
import { grantsOfPair, milliseconds, type AuthorityRow } from './authority.ts'
import type { Queries } from './database.ts'

/** A live application and a live resource that a grant or a role connects. */
export interface AccessPair {
  readonly application: {
    readonly id: Id<'application'>
    readonly name: string
    readonly kind: 'managed' | 'dcr'
    readonly labels: readonly string[]
    readonly expires_at_ms: number | null
  }
  readonly resource: {
    readonly id: Id<'resource'>
    readonly name: string
    readonly identifier: string
    readonly scopes: readonly string[]
  }
  readonly grants: AuthorityRow['grants']
}

/** A label that gives something on a resource, to one application or (null) to whichever has it. */
export interface RoleOfResource {
  readonly identifier: string
  readonly application: string | null
  readonly label: string
}

export interface PairsQuery {
  /** The first pair that may be answered; null: the very first. */
  readonly from: readonly [applicationId: string, resourceId: string] | null
  readonly applicationId: string | undefined
  readonly resourceId: string | undefined
  /** Only pairs whose resource has this scope. */
  readonly scope: string | undefined
  readonly roles: readonly RoleOfResource[]
  readonly limit: number
}

/**
 * The pairs of a zone that can have access, by application id and then resource id. Indexes:
 * grants_zone_pair, grants_resource, the primary keys of applications and resources,
 * resources_identifier, applications_zone, grants_pair.
 */
export async function findAccessPairs(
  queries: Queries,
  zone: ZoneId,
  query: PairsQuery,
): Promise<readonly AccessPair[]> {
  const { from, applicationId, resourceId, scope, roles, limit } = query
  const [application, resource] = from ?? ['', '']
  const liveResource = sql`r.zone_id = ${zone} and r.archived_at is null
    ${scope === undefined ? sql`` : sql`and r.scopes @> array[${scope}]`}`
  const within = (applicationColumn: string, resourceColumn: string) => {
    const [a, r] = [sql.ref(applicationColumn), sql.ref(resourceColumn)]
    return sql`(${a}, ${r}) >= (${application}, ${resource})
      ${applicationId === undefined ? sql`` : sql`and ${a} = ${applicationId}`}
      ${resourceId === undefined ? sql`` : sql`and ${r} = ${resourceId}`}`
  }
  const byRole =
    roles.length === 0
      ? sql``
      : sql`union (
        select distinct a.id as application_id, r.id as resource_id
        from unnest(${roles.map((role) => role.identifier)}::text[],
            ${roles.map((role) => role.application)}::text[],
            ${roles.map((role) => role.label)}::text[]) as role (identifier, application, label)
        join resources r on r.identifier = role.identifier
        join applications a on (role.application is null or a.id = role.application)
          and (role.label = any(a.labels) or role.label = 'kind:' || a.kind)
        where a.zone_id = ${zone} and a.archived_at is null and ${liveResource}
          and ${within('a.id', 'r.id')}
        order by application_id, resource_id limit ${limit})`
  const { rows } = await sql<AccessPair>`
    select jsonb_build_object('id', a.id, 'name', a.name, 'kind', a.kind, 'labels', a.labels,
        'expires_at_ms', ${sql.raw(milliseconds('a.expires_at'))}) as application,
      jsonb_build_object('id', r.id, 'name', r.name, 'identifier', r.identifier,
        'scopes', r.scopes) as resource,
      coalesce((select jsonb_agg(jsonb_build_object('id', g.id, 'scopes', g.scopes,
          'user', g.user_id, 'expires_at_ms', ${sql.raw(milliseconds('g.expires_at'))}))
        from (select * from grants where application_id = a.id and resource_id = r.id
            and zone_id = ${zone} and archived_at is null
          order by id desc limit ${grantsOfPair}) g), '[]') as grants
    from (select * from ((
        select distinct g.application_id, g.resource_id from grants g
        where g.zone_id = ${zone} and g.archived_at is null
          and ${within('g.application_id', 'g.resource_id')}
          and exists (select from applications a
            where a.id = g.application_id and a.archived_at is null)
          and exists (select from resources r where r.id = g.resource_id and ${liveResource})
        order by g.application_id, g.resource_id limit ${limit})
      ${byRole}) found
      order by application_id, resource_id limit ${limit}) pair
    join applications a on a.id = pair.application_id
    join resources r on r.id = pair.resource_id
    order by a.id, r.id`.execute(queries)
  return rows
}
