import { sql, type Kysely } from 'kysely'

const statements = [
  `alter table refresh_tokens add column jkt text`,
  `create index sessions_issuer on sessions (issuer_id)
    where issuer_id is not null and state <> 'terminated'`,
]

/** Refresh tokens that are bound to a key, and what the upkeep and cascades look for. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
