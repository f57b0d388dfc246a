import { sql, type Kysely } from 'kysely'

const statements = [
  `alter table applications add column dpop_required boolean not null default false`,
]

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
