import { sql, type Kysely } from 'kysely'

const statements = [
  // The order in which effective access is listed: a page of it reads only its own pairs.
  `create index grants_zone_pair on grants (zone_id, application_id, resource_id)
    where archived_at is null`,
  // A decision that counts no longer stays, and its person may decide again.
  `alter table hold_decisions add column lapsed_at timestamptz(3)`,
  `drop index hold_decisions_person`,
  `create unique index hold_decisions_person on hold_decisions (hold_id, approver_id)
    where lapsed_at is null`,
  `create index hold_decisions_hold on hold_decisions (hold_id, id)`,
]

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
