import type { World } from '../world.ts'

type Row = Readonly<Record<string, unknown>>

/**
 * What a zone says, by names: no ids, times and revisions, no archived objects, and of policies and
 * policy sets what their latest versions hold. Read past the service.
 */
export async function zoneFacts(world: World, zone: string): Promise<unknown> {
  const read = (text: string): Promise<Row[]> => world.sql<Row>(text, [zone])
  return {
    zone: await read(`select name, dcr_enabled, audit_retention_days from zones where id = $1`),
    applications: await read(
      `select name, kind, auth_method, jwks, labels, dpop_required, redirect_uris
       from applications where zone_id = $1 and archived_at is null order by name`,
    ),
    providers: await read(
      `select name, settings from providers where zone_id = $1 and archived_at is null order by name`,
    ),
    resources: await read(
      `select r.name, identifier, scopes, operations, upstream_url, p.name as provider
       from resources r left join providers p on p.id = r.credential_provider_id
       where r.zone_id = $1 and r.archived_at is null order by r.name`,
    ),
    grants: await read(
      `select a.name as application, r.name as resource, g.user_id, g.scopes, g.expires_at
       from grants g join applications a on a.id = g.application_id
         join resources r on r.id = g.resource_id
       where g.zone_id = $1 and g.archived_at is null
       order by a.name, r.name, g.user_id, g.scopes, g.expires_at`,
    ),
    policies: await read(
      `select p.name, p.description, v.language, v.source from policies p
       join lateral (select * from policy_versions v where v.policy_id = p.id
         order by number desc limit 1) v on true
       where p.zone_id = $1 and p.archived_at is null order by p.name`,
    ),
    sets: await read(
      `select s.name, s.description, v.documents from policy_sets s
       left join lateral (select * from policy_set_versions v where v.policy_set_id = s.id
         order by number desc limit 1) v on true
       where s.zone_id = $1 and s.archived_at is null order by s.name`,
    ),
    active: await read(
      `select s.name, v.documents from zones z
       join policy_set_versions v on v.id = z.active_policy_set_version_id
       join policy_sets s on s.id = v.policy_set_id where z.id = $1`,
    ),
  }
}

/** Who can do what in a zone, by names. */
export async function accessFacts(world: World, zone: string): Promise<readonly string[]> {
  const { body } = await world.call('GET', `/v1/zones/${zone}/access?limit=500`)
  const items = body.items as Record<string, string | null>[]
  return items
    .map(({ application_name, user_id, resource_name, scope, verdict }) =>
      [application_name, user_id, resource_name, scope, verdict].join(' '),
    )
    .sort()
}
