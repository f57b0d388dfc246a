import { sql, type Kysely } from 'kysely'
import { grantToService, isolateZones } from './privileges.ts'

const statements = [
  `create table sessions (
    id text primary key,
    zone_id text not null references zones (id),
    kind text not null check (kind in ('subject', 'agent')),
    application_id text not null references applications (id),
    subject text not null,
    sub_type text not null check (sub_type in ('application', 'user')),
    issuer_id text,
    parent_id text references sessions (id),
    root_id text not null references sessions (id),
    name text,
    lifecycle text check (lifecycle in ('task', 'service')),
    state text not null check (state in ('active', 'suspended', 'terminated')),
    lease_seconds integer,
    heartbeat_at timestamptz(3),
    created_at timestamptz(3) not null,
    expires_at timestamptz(3),
    suspended_at timestamptz(3),
    ended_at timestamptz(3),
    end_reason text,
    check ((kind = 'agent') = (lifecycle is not null)),
    check ((kind = 'agent') = (parent_id is not null)))`,
  `create index sessions_zone on sessions (zone_id, id desc)`,
  `create index sessions_application on sessions (zone_id, application_id, id desc)`,
  `create index sessions_subject on sessions (zone_id, subject, id desc)`,
  `create index sessions_parent on sessions (parent_id) where parent_id is not null`,
  `create index sessions_root on sessions (root_id) where state <> 'terminated'`,
  `create index sessions_suspended on sessions (zone_id) where state = 'suspended'`,

  `create table delegation_edges (
    id text primary key,
    zone_id text not null references zones (id),
    parent_id text references delegation_edges (id),
    path text[] not null,
    source_session_id text not null references sessions (id),
    source_application_id text not null references applications (id),
    target_application_id text not null references applications (id),
    target_session_id text references sessions (id),
    resource_id text not null references resources (id),
    scopes text[] not null,
    ttl_seconds integer not null,
    max_hops integer not null,
    state text not null check (state in ('active', 'revoked')),
    created_at timestamptz(3) not null,
    expires_at timestamptz(3) not null,
    ended_at timestamptz(3),
    end_reason text)`,
  `create index delegation_edges_zone on delegation_edges (zone_id, id desc)`,
  `create index delegation_edges_parent on delegation_edges (parent_id) where parent_id is not null`,
  `create index delegation_edges_source on delegation_edges (source_session_id, id desc)`,
  `create index delegation_edges_target_session on delegation_edges (target_session_id) where target_session_id is not null`,
  `create index delegation_edges_target on delegation_edges (zone_id, target_application_id, id desc)`,
]

const tables = ['sessions', 'delegation_edges']

/** Sessions, and the edges by which one agent session lends authority to another. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await isolateZones(db, tables)
  await grantToService(db, tables)
}
