import { sql, type Kysely } from 'kysely'
import { serviceRole } from '../database.ts'
import { grantToService, isolateZones } from './privileges.ts'

const statements = [
  `create table policy_modules (
    zone_id text not null references zones (id),
    digest text not null,
    wasm bytea not null,
    reads_context boolean not null,
    created_at timestamptz(3) not null,
    primary key (zone_id, digest))`,
  `alter table policy_versions add column module_digest text`,
]

/** Custom Rego: its wasm by content hash, which no one changes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await isolateZones(db, ['policy_modules'])
  await grantToService(db, ['policy_modules'])
  await sql.raw(`revoke update, delete on policy_modules from ${serviceRole}`).execute(db)
}
