import { sql, type Kysely } from 'kysely'

/** What a plan says of the plan that it undoes, and of what has changed since it was approved. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table plans add column undoes text references plans (id), add column since jsonb`.execute(
    db,
  )
}
