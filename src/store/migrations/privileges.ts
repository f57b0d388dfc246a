import { sql, type Kysely } from 'kysely'
import { serviceRole } from '../database.ts'

/** Row-level security keeps each call inside its zone: for tables whose rows belong to one zone. */
export async function isolateZones(db: Kysely<unknown>, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    await sql.raw(`alter table ${table} enable row level security`).execute(db)
    await sql
      .raw(
        `create policy zone_isolation on ${table} using (
          zone_id = current_setting('caracal.zone', true) or current_setting('caracal.zone', true) = '*')`,
      )
      .execute(db)
  }
}

/** The service reads and writes the tables named, or all that there are, and owns none of them. */
export async function grantToService(
  db: Kysely<unknown>,
  tables: readonly string[] | 'all' = 'all',
): Promise<void> {
  const on = tables === 'all' ? 'all tables in schema public' : tables.join(', ')
  await sql.raw(`grant select, insert, update, delete on ${on} to ${serviceRole}`).execute(db)
  await sql.raw(`grant usage on all sequences in schema public to ${serviceRole}`).execute(db)
  await sql
    .raw(`revoke all on kysely_migration, kysely_migration_lock from ${serviceRole}`)
    .execute(db)
}
