import { sql, type Kysely } from 'kysely'

const statements = [
  `alter table applications add column dpop_required boolean not null default false`,
  `create index applications_dcr on applications (zone_id, expires_at) where kind = 'dcr' and archived_at is null`,
  `create index applications_dcr_expiry on applications (expires_at) where kind = 'dcr' and archived_at is null`,

  `alter table zone_keys drop constraint zone_keys_state_check`,
  `alter table zone_keys add constraint zone_keys_state_check check (state in ('next', 'active', 'retired'))`,
  `alter table zone_keys add column signs_from timestamptz(3)`,
  `create unique index zone_keys_next on zone_keys (zone_id) where state = 'next'`,
  `create index zone_keys_retired on zone_keys (retired_at) where state = 'retired'`,
]

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
