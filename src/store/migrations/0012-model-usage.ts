import { sql, type Kysely } from 'kysely'
import { grantToService, isolateZones } from './privileges.ts'

const statements = [
  `create table model_calls (
    id text primary key,
    zone_id text not null references zones (id),
    conversation_id text,
    message_id text,
    principal_id text not null,
    purpose text not null check (purpose in ('answer', 'summary', 'review', 'policy')),
    host text not null,
    model text not null,
    state text not null check (state in ('running', 'answered', 'failed', 'cancelled')),
    reason text,
    spent bigint not null,
    input_tokens bigint not null,
    cache_write_tokens bigint not null,
    cache_read_tokens bigint not null,
    output_tokens bigint not null,
    duration_ms bigint,
    created_at timestamptz(3) not null)`,
  `create index model_calls_zone on model_calls (zone_id, id desc)`,
  `create index model_calls_zone_day on model_calls (zone_id, created_at)`,
  `create index model_calls_conversation on model_calls (conversation_id, id desc)`,
  `create index model_calls_age on model_calls (created_at)`,
  `alter table conversations
    add column summary text not null default '',
    add column summarized_to bigint not null default 0`,
]

/** What models were used for, call by call, and what a conversation's early messages came to. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await isolateZones(db, ['model_calls'])
  await grantToService(db, ['model_calls'])
}
