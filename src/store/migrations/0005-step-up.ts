import { sql, type Kysely } from 'kysely'
import { grantToService, isolateZones } from './privileges.ts'

/** Holds of gated scopes with their decisions, and what tells others of them. */
const statements = [
  `create table holds (
    id text primary key,
    zone_id text not null references zones (id),
    state text not null
      check (state in ('pending', 'approved', 'rejected', 'expired', 'consumed', 'superseded')),
    binding text not null,
    application_id text not null references applications (id),
    application_name text not null,
    session_id text,
    user_id text,
    resource_id text not null references resources (id),
    resource_identifier text not null,
    scopes text[] not null,
    policy_set_version_id text not null,
    requirements jsonb not null,
    request_id text not null,
    reason text,
    mandate_jti text,
    revision integer not null,
    interval_seconds integer not null,
    polled_at timestamptz(3) not null,
    created_at timestamptz(3) not null,
    expires_at timestamptz(3) not null,
    decided_at timestamptz(3),
    consumed_at timestamptz(3))`,
  `create unique index holds_open on holds (zone_id, binding) where state in ('pending', 'approved')`,
  `create index holds_binding on holds (zone_id, binding, id desc)`,
  `create index holds_zone on holds (zone_id, id desc)`,
  `create index holds_state on holds (zone_id, state, expires_at)`,
  `create index holds_request on holds (zone_id, application_id, resource_id) where state in ('pending', 'approved')`,
  `create index holds_due on holds (expires_at) where state in ('pending', 'approved')`,
  `create table hold_decisions (
    id text primary key,
    zone_id text not null references zones (id),
    hold_id text not null references holds (id),
    approver_id text not null,
    approver_name text not null,
    approver_token_id text not null references admin_tokens (id),
    decision text not null check (decision in ('approve', 'reject')),
    tiers text[] not null,
    reason text,
    created_at timestamptz(3) not null)`,
  `create unique index hold_decisions_person on hold_decisions (hold_id, approver_id)`,

  `create table webhooks (
    id text primary key,
    zone_id text not null references zones (id),
    name text not null,
    name_key text not null,
    endpoint_url text not null,
    events text[] not null,
    sealed_secret bytea not null,
    revision bigint not null,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    archived_at timestamptz(3))`,
  `create index webhooks_zone on webhooks (zone_id, id)`,
  `create unique index webhooks_name on webhooks (zone_id, name_key) where archived_at is null`,
  `create table webhook_deliveries (
    id text primary key,
    zone_id text not null references zones (id),
    webhook_id text not null references webhooks (id),
    type text not null,
    body text not null,
    state text not null check (state in ('pending', 'delivered', 'dead')),
    attempts integer not null,
    next_attempt_at timestamptz(3) not null,
    last_status integer,
    last_error text,
    created_at timestamptz(3) not null,
    delivered_at timestamptz(3))`,
  `create index webhook_deliveries_webhook on webhook_deliveries (webhook_id, id desc)`,
  `create index webhook_deliveries_due on webhook_deliveries (next_attempt_at) where state = 'pending'`,
]

const zoneOwned = ['holds', 'hold_decisions', 'webhooks', 'webhook_deliveries']

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await isolateZones(db, zoneOwned)
  await grantToService(db, zoneOwned)
}
