import { sql, type Kysely } from 'kysely'
import { grantToService, isolateZones } from './privileges.ts'

/** The runs that answer messages, what they have said so far, and what an answer rests on. */
const statements = [
  `create table runs (
    message_id text primary key references messages (id) on delete cascade,
    zone_id text not null,
    conversation_id text not null,
    state text not null check (state in ('open', 'running', 'broken', 'ended')),
    attempt integer not null default 0,
    last_sequence integer not null default 0,
    request_ids text[] not null default '{}',
    failure jsonb,
    cancelled_at timestamptz(3),
    beat_at timestamptz(3) not null default clock_timestamp(),
    created_at timestamptz(3) not null,
    ended_at timestamptz(3))`,
  `create index runs_conversation on runs (conversation_id) where state <> 'ended'`,
  `create index runs_age on runs (created_at)`,
  // Text as it is: a piece of a stream may end in half of a character, which jsonb does not take.
  `create table run_events (
    message_id text not null references runs (message_id) on delete cascade,
    zone_id text not null,
    last_sequence integer not null,
    events json not null,
    primary key (message_id, last_sequence))`,
  `alter table messages
    add column citations jsonb not null default '[]',
    add column unverified_ids text[] not null default '{}'`,
]

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await isolateZones(db, ['runs', 'run_events'])
  await grantToService(db, ['runs', 'run_events'])
}
