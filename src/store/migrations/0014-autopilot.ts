import { sql, type Kysely } from 'kysely'
import { grantToService } from './privileges.ts'

const statements = [
  // What autopilot gives is an approval like any other, with what it stands on beside it.
  `alter table approvals
    add column kind text not null default 'person' check (kind in ('person', 'autopilot')),
    add column proof jsonb,
    add column switch_generation bigint,
    add check ((kind = 'autopilot') = (proof is not null and switch_generation is not null))`,
  `alter table conversations
    add column autopilot_token_id text references admin_tokens (id),
    add column autopilot_writes integer not null default 0 check (autopilot_writes >= 0),
    add check (autopilot_token_id is null or mode = 'agent')`,
  `alter table plans add column review jsonb`,
  `create table autopilot_switch (
    id boolean primary key default true check (id),
    enabled boolean not null,
    generation bigint not null,
    writes_per_plan integer not null,
    writes_per_conversation integer not null,
    writes_per_day integer not null,
    changed_by_id text,
    changed_by_name text,
    changed_at timestamptz(3))`,
  `insert into autopilot_switch
    (enabled, generation, writes_per_plan, writes_per_conversation, writes_per_day)
    values (false, 0, 0, 0, 0)`,
  `create table autopilot_days (
    day text primary key,
    writes integer not null check (writes >= 0))`,
]

/** The switch of autopilot, who has opted in, what it has spent, and what its approvals stand on. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await grantToService(db, ['autopilot_switch', 'autopilot_days'])
}
