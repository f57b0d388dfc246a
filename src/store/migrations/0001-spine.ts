import { sql, type Kysely } from 'kysely'

/** The columns of a governed object. */
const governed = `
  id text primary key,
  zone_id text not null references zones (id),
  revision bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  archived_at timestamptz(3)`

const statements = [
  `create table zones (
    id text primary key,
    name text not null,
    name_key text not null,
    slug text not null,
    system boolean not null,
    dcr_enabled boolean not null,
    active_policy_set_version_id text,
    revision bigint not null,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    archived_at timestamptz(3))`,
  `create unique index zones_name on zones (name_key) where archived_at is null`,
  `create unique index zones_slug on zones (slug)`,

  `create table zone_keys (
    id text primary key,
    zone_id text not null references zones (id),
    public_jwk jsonb not null,
    sealed_private bytea not null,
    state text not null check (state in ('active', 'retired')),
    created_at timestamptz(3) not null,
    retired_at timestamptz(3))`,
  `create unique index zone_keys_active on zone_keys (zone_id) where state = 'active'`,
  `create index zone_keys_zone on zone_keys (zone_id)`,

  `create table applications (${governed},
    name text not null,
    name_key text not null,
    kind text not null check (kind in ('managed', 'dcr')),
    auth_method text not null check (auth_method in ('client_secret', 'private_key_jwt')),
    secret_hash text,
    jwks jsonb,
    labels text[] not null,
    expires_at timestamptz(3))`,
  `create unique index applications_name on applications (zone_id, name_key) where archived_at is null`,
  `create index applications_zone on applications (zone_id, id)`,

  `create table providers (${governed},
    name text not null,
    name_key text not null,
    settings jsonb not null,
    sealed_secret bytea)`,
  `create unique index providers_name on providers (zone_id, name_key) where archived_at is null`,
  `create index providers_zone on providers (zone_id, id)`,

  `create table resources (${governed},
    name text not null,
    name_key text not null,
    identifier text not null,
    scopes text[] not null,
    operations jsonb not null,
    upstream_url text,
    credential_provider_id text references providers (id))`,
  `create unique index resources_name on resources (zone_id, name_key) where archived_at is null`,
  `create unique index resources_identifier on resources (zone_id, identifier) where archived_at is null`,
  `create index resources_zone on resources (zone_id, id)`,
  `create index resources_provider on resources (credential_provider_id) where credential_provider_id is not null`,

  `create table grants (${governed},
    application_id text not null references applications (id),
    user_id text,
    resource_id text not null references resources (id),
    scopes text[] not null,
    expires_at timestamptz(3))`,
  `create index grants_zone on grants (zone_id, id)`,
  `create index grants_pair on grants (application_id, resource_id) where archived_at is null`,
  `create index grants_resource on grants (resource_id, id) where archived_at is null`,

  `create table policies (${governed}, name text not null, name_key text not null, description text not null)`,
  `create unique index policies_name on policies (zone_id, name_key) where archived_at is null`,
  `create index policies_zone on policies (zone_id, id)`,
  `create table policy_versions (${governed},
    policy_id text not null references policies (id),
    number integer not null,
    language text not null,
    source text not null,
    documents jsonb not null,
    digest text not null,
    unique (policy_id, number))`,

  `create table policy_sets (${governed}, name text not null, name_key text not null, description text not null)`,
  `create unique index policy_sets_name on policy_sets (zone_id, name_key) where archived_at is null`,
  `create index policy_sets_zone on policy_sets (zone_id, id)`,
  `create table policy_set_versions (${governed},
    policy_set_id text not null references policy_sets (id),
    number integer not null,
    manifest jsonb not null,
    documents jsonb not null,
    digest text not null,
    unique (policy_set_id, number))`,
  `alter table zones add foreign key (active_policy_set_version_id) references policy_set_versions (id)`,
  `create table policy_activations (
    id bigint generated always as identity primary key,
    zone_id text not null references zones (id),
    version_id text not null references policy_set_versions (id),
    previous_version_id text,
    activated_at timestamptz(3) not null)`,
  `create index policy_activations_zone on policy_activations (zone_id, id desc)`,

  `create table principals (
    id text primary key,
    name text not null,
    name_key text not null,
    kind text not null check (kind in ('person', 'automation')),
    created_at timestamptz(3) not null)`,
  `create unique index principals_name on principals (kind, name_key)`,
  `create table admin_tokens (
    id text primary key,
    principal_id text not null references principals (id),
    token_hash text not null,
    zone_id text references zones (id),
    capabilities text[] not null,
    revision bigint not null,
    expires_at timestamptz(3),
    last_used_at timestamptz(3),
    revoked_at timestamptz(3),
    created_at timestamptz(3) not null)`,
  `create unique index admin_tokens_hash on admin_tokens (token_hash)`,
  `create index admin_tokens_principal on admin_tokens (principal_id)`,

  `create table events (
    id text primary key,
    zone_id text not null,
    position bigint generated always as identity,
    time timestamptz(3) not null,
    type text not null,
    outcome text not null,
    actor_id text not null,
    request_id text not null,
    application_id text,
    session_id text,
    plan_id text,
    body jsonb not null)`,
  `create index events_zone on events (zone_id, position desc)`,
  `create index events_request on events (zone_id, request_id)`,
  `create index events_application on events (zone_id, application_id, position desc) where application_id is not null`,
  `create index events_plan on events (zone_id, plan_id, position desc) where plan_id is not null`,

  `create table idempotency (
    principal_id text not null,
    key text not null,
    request_digest text not null,
    sealed_result bytea,
    created_at timestamptz(3) not null,
    primary key (principal_id, key))`,
  `create index idempotency_age on idempotency (created_at)`,

  `create table plans (
    id text primary key,
    zone_id text not null references zones (id),
    reach text not null check (reach in ('zone', 'platform')),
    state text not null,
    digest text,
    base_revisions jsonb not null,
    policy_set_version_id text,
    requester_id text not null,
    requester_name text not null,
    requester_token_id text not null references admin_tokens (id),
    origin text not null,
    conversation_id text,
    intent text not null,
    summary text not null,
    steps jsonb not null,
    preview jsonb not null,
    assigned_ids jsonb not null,
    risk text,
    approvals_required integer not null,
    failure jsonb not null,
    request_id text,
    revision bigint not null,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    expires_at timestamptz(3) not null)`,
  `create index plans_zone on plans (zone_id, id desc)`,
  `create index plans_waiting on plans (zone_id, id desc) where state = 'pending_approval'`,
  `create table approvals (
    id text primary key,
    zone_id text not null references zones (id),
    plan_id text not null references plans (id),
    approver_id text not null,
    approver_name text not null,
    approver_token_id text not null references admin_tokens (id),
    digest text not null,
    decision text not null check (decision in ('approve', 'reject')),
    reason text,
    break_glass boolean not null,
    created_at timestamptz(3) not null,
    expires_at timestamptz(3) not null,
    consumed_at timestamptz(3))`,
  `create index approvals_plan on approvals (plan_id, id)`,

  `create table conversations (
    id text primary key,
    zone_id text not null references zones (id),
    principal_id text not null,
    principal_name text not null,
    token_id text not null references admin_tokens (id),
    mode text not null check (mode in ('ask', 'agent')),
    title text not null,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null)`,
  `create index conversations_owner on conversations (zone_id, principal_id, id desc)`,
  `create table messages (
    id text primary key,
    zone_id text not null references zones (id),
    conversation_id text not null references conversations (id) on delete cascade,
    position bigint generated always as identity,
    role text not null check (role in ('person', 'operator')),
    text text not null,
    client_message_id text,
    in_reply_to text,
    plan_ids text[] not null,
    model text,
    outcome text,
    usage jsonb not null,
    created_at timestamptz(3) not null)`,
  `create index messages_conversation on messages (conversation_id, position)`,
  `create unique index messages_client_id on messages (conversation_id, client_message_id) where client_message_id is not null`,
  `create unique index messages_reply on messages (in_reply_to) where in_reply_to is not null`,

  `create table revocations (
    zone_id text not null references zones (id),
    anchor text not null,
    value text not null,
    revoked_at timestamptz(3) not null,
    expires_at timestamptz(3) not null,
    primary key (zone_id, anchor, value))`,
  `create index revocations_age on revocations (expires_at)`,
  `create table used_once (
    zone_id text not null references zones (id),
    purpose text not null,
    value text not null,
    expires_at timestamptz(3) not null,
    primary key (zone_id, purpose, value))`,
  `create index used_once_age on used_once (expires_at)`,
  `create table system_credentials (
    application_id text primary key references applications (id),
    zone_id text not null references zones (id),
    sealed_private bytea not null,
    public_jwk jsonb not null,
    created_at timestamptz(3) not null)`,
  `create table settings (key text primary key, value text not null)`,
]

/** The tables whose rows belong to one zone: row-level security keeps each call inside its zone. */
const zoneOwned = [
  'zone_keys',
  'applications',
  'providers',
  'resources',
  'grants',
  'policies',
  'policy_versions',
  'policy_sets',
  'policy_set_versions',
  'policy_activations',
  'events',
  'plans',
  'approvals',
  'conversations',
  'messages',
  'revocations',
  'used_once',
  'system_credentials',
]

/** The role that the service queries under: it owns nothing, so row-level security binds it. */
const role = 'caracal_service'

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  for (const table of zoneOwned) {
    await sql.raw(`alter table ${table} enable row level security`).execute(db)
    await sql
      .raw(
        `create policy zone_isolation on ${table} using (
          zone_id = current_setting('caracal.zone', true) or current_setting('caracal.zone', true) = '*')`,
      )
      .execute(db)
  }
  await sql.raw(`grant usage on schema public to ${role}`).execute(db)
  await sql
    .raw(`grant select, insert, update, delete on all tables in schema public to ${role}`)
    .execute(db)
  await sql.raw(`grant usage on all sequences in schema public to ${role}`).execute(db)
  await sql
    .raw(`revoke update, delete on events, settings, policy_activations from ${role}`)
    .execute(db)
  await sql.raw(`revoke all on kysely_migration, kysely_migration_lock from ${role}`).execute(db)
}
