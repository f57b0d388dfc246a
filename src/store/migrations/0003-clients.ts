import { sql, type Kysely } from 'kysely'

const statements = [
  `alter table applications add column dpop_required boolean not null default false`,
  `create index applications_dcr on applications (zone_id, expires_at) where kind = 'dcr' and archived_at is null`,
  `create index applications_dcr_expiry on applications (expires_at) where kind = 'dcr' and archived_at is null`,
]

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
