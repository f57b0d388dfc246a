import { sql, type Kysely } from 'kysely'
import { limits } from '../../kernel/limits.ts'
import { grantToService, isolateZones } from './privileges.ts'

/** Longer than any mandate that is alive while this runs. */
const aliveSeconds = limits.mandateTtlSeconds + limits.clockSkewSeconds

const statements = [
  `create table trust_sequences (
    zone_id text primary key references zones (id),
    sequence bigint not null)`,
  `alter table revocations add column sequence bigint`,
  `insert into revocations (zone_id, anchor, value, revoked_at, expires_at)
    select zone_id, 'client', id, archived_at, archived_at + interval '${aliveSeconds} seconds'
    from applications where archived_at > now() - interval '${aliveSeconds} seconds'
    on conflict do nothing`,
  `insert into revocations (zone_id, anchor, value, revoked_at, expires_at)
    select zones.id, 'requester_token', admin_tokens.id, revoked_at,
      revoked_at + interval '${aliveSeconds} seconds'
    from admin_tokens join zones on zones.system
    where revoked_at > now() - interval '${aliveSeconds} seconds'
    on conflict do nothing`,
  `update revocations set sequence = numbered.sequence
    from (select zone_id, anchor, value,
        row_number() over (partition by zone_id order by revoked_at) as sequence
      from revocations) numbered
    where (revocations.zone_id, revocations.anchor, revocations.value)
      = (numbered.zone_id, numbered.anchor, numbered.value)`,
  `alter table revocations alter column sequence set not null`,
  `create index revocations_sequence on revocations (zone_id, sequence)`,
  `insert into trust_sequences select zone_id, max(sequence) from revocations group by zone_id`,
]

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
  await isolateZones(db, ['trust_sequences'])
  await grantToService(db, ['trust_sequences'])
}
