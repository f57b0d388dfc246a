import { Kysely, PostgresDialect, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import pg from 'pg'
import { up as spine } from './migrations/0001-spine.ts'
import { up as sessions } from './migrations/0002-sessions.ts'
import { up as clients } from './migrations/0003-clients.ts'
import { up as people } from './migrations/0004-people.ts'
import { up as stepUp } from './migrations/0005-step-up.ts'
import { up as policy } from './migrations/0006-policy.ts'
import { up as revocationFeed } from './migrations/0007-revocation-feed.ts'
import { up as peopleRates } from './migrations/0008-people-rates.ts'
import { up as access } from './migrations/0009-access.ts'
import { up as auditLog } from './migrations/0010-audit-log.ts'
import { up as plans } from './migrations/0011-plans.ts'
import { up as modelUsage } from './migrations/0012-model-usage.ts'
import { up as runs } from './migrations/0013-runs.ts'
import { up as autopilot } from './migrations/0014-autopilot.ts'
import { serviceRole } from './database.ts'

/** Every migration by its name, in order. */
export const migrations = {
  '0001-spine': { up: spine },
  '0002-sessions': { up: sessions },
  '0003-clients': { up: clients },
  '0004-people': { up: people },
  '0005-step-up': { up: stepUp },
  '0006-policy': { up: policy },
  '0007-revocation-feed': { up: revocationFeed },
  '0008-people-rates': { up: peopleRates },
  '0009-access': { up: access },
  '0010-audit-log': { up: auditLog },
  '0011-plans': { up: plans },
  '0012-model-usage': { up: modelUsage },
  '0013-runs': { up: runs },
  '0014-autopilot': { up: autopilot },
}

/**
 * Brings the schema up to date as the database's owner, one starter at a time (Kysely's migrator
 * takes an advisory lock), and makes the role that the service queries under.
 */
export async function migrate(connectionConfig: pg.PoolConfig): Promise<void> {
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ ...connectionConfig, max: 2 }) }),
  })
  try {
    await ensureServiceRole(db)
    const migrator = new Migrator({
      db,
      provider: { getMigrations: () => Promise.resolve(migrations) },
    })
    const { error } = await migrator.migrateToLatest()
    if (error !== undefined)
      throw error instanceof Error ? error : new Error('migration failed', { cause: error })
  } finally {
    await db.destroy()
  }
}

/**
 * Roles belong to the whole server, so another database's starter may make it at the same moment.
 * Where the owner may not grant it to itself, an administrator must have done so: opening then says.
 */
async function ensureServiceRole(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `do $$ begin
        if not exists (select from pg_roles where rolname = '${serviceRole}') then
          create role ${serviceRole} nologin;
        end if;
      exception when duplicate_object or unique_violation then null;
      end $$`,
    )
    .execute(db)
  await sql
    .raw(
      `do $$ begin
        grant ${serviceRole} to current_user;
      exception when insufficient_privilege then null;
      end $$`,
    )
    .execute(db)
}
