import { sql, type Kysely } from 'kysely'
import { grantToService, isolateZones } from './privileges.ts'

const statements = [
  `create table subject_issuers (
    id text primary key,
    zone_id text not null references zones (id),
    revision bigint not null,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    archived_at timestamptz(3),
    name text not null,
    name_key text not null,
    issuer text not null,
    jwks_url text,
    audience text not null,
    algorithms text[] not null,
    claims jsonb not null,
    sign_in boolean not null,
    sealed_secret bytea)`,
  `create unique index subject_issuers_name on subject_issuers (zone_id, name_key) where archived_at is null`,
  `create unique index subject_issuers_issuer on subject_issuers (zone_id, issuer) where archived_at is null`,
  `create index subject_issuers_zone on subject_issuers (zone_id, id)`,

  `create table subjects (
    id text primary key,
    zone_id text not null references zones (id),
    user_id text not null,
    issuer_id text references subject_issuers (id),
    name text not null,
    first_seen_at timestamptz(3) not null,
    last_seen_at timestamptz(3) not null,
    revoked_at timestamptz(3),
    unique (zone_id, user_id))`,
  `create index subjects_zone on subjects (zone_id, id)`,

  `alter table applications add column redirect_uris text[] not null default '{}'`,
  `alter table applications drop constraint applications_auth_method_check`,
  `alter table applications add constraint applications_auth_method_check
    check (auth_method in ('client_secret', 'private_key_jwt', 'none'))`,

  `create table sign_ins (
    state_hash text primary key,
    zone_id text not null references zones (id),
    browser_hash text not null,
    issuer_id text not null references subject_issuers (id),
    request jsonb not null,
    sealed_verifier bytea not null,
    nonce text not null,
    expires_at timestamptz(3) not null)`,
  `create index sign_ins_age on sign_ins (expires_at)`,
  `create table authorization_codes (
    code_hash text primary key,
    zone_id text not null references zones (id),
    application_id text not null references applications (id),
    redirect_uri text not null,
    code_challenge text not null,
    resource text,
    scopes text[],
    user_id text not null,
    user_name text not null,
    issuer_id text references subject_issuers (id),
    admin_token_id text references admin_tokens (id),
    session_id text references sessions (id),
    created_at timestamptz(3) not null,
    expires_at timestamptz(3) not null)`,
  `create index authorization_codes_age on authorization_codes (expires_at)`,
  `create table refresh_tokens (
    token_hash text primary key,
    zone_id text not null references zones (id),
    session_id text not null references sessions (id),
    application_id text not null references applications (id),
    resource text,
    scopes text[],
    issuer_id text references subject_issuers (id),
    admin_token_id text references admin_tokens (id),
    created_at timestamptz(3) not null,
    expires_at timestamptz(3) not null,
    used_at timestamptz(3))`,
  `create index refresh_tokens_age on refresh_tokens (expires_at)`,
]

const tables = ['subject_issuers', 'subjects', 'sign_ins', 'authorization_codes', 'refresh_tokens']

/** People: who vouches for them, and how they sign in. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await isolateZones(db, tables)
  await grantToService(db, tables)
}
