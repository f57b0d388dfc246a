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
]

const tables = ['subject_issuers', 'subjects']

/** People: who vouches for them, and how they sign in. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await isolateZones(db, tables)
  await grantToService(db, tables)
}
