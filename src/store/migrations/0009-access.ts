import { sql, type Kysely } from 'kysely'

/** The order in which effective access is listed: a page of it reads only its own pairs. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index grants_zone_pair on grants (zone_id, application_id, resource_id)
    where archived_at is null`.execute(db)
}
