import { sql, type Kysely } from 'kysely'

const statements = [
  `alter table refresh_tokens add column jkt text`,
  `create index sessions_issuer on sessions (issuer_id)
    where issuer_id is not null and state <> 'terminated'`,
  `create index sessions_age on sessions (created_at)`,
  `create index sessions_family on sessions (root_id)`,
  `create index delegation_edges_age on delegation_edges (created_at)`,
  `create index holds_age on holds (created_at)`,
  `create index webhook_deliveries_age on webhook_deliveries (created_at)`,
  `create index refresh_tokens_session on refresh_tokens (session_id)`,
  `create index authorization_codes_session on authorization_codes (session_id)
    where session_id is not null`,
]

/** Refresh tokens that are bound to a key, and what the upkeep and cascades look for. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
