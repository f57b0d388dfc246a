import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { templateDatabase } from '../global-setup.ts'
import { everythingLogged, witnessKey } from '../support/audit-log.ts'
import { waitingApproval } from '../support/gated.ts'
import { noteModelCall } from '../support/model-calls.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/**
 * Guarantee: the database itself keeps zones apart. A statement of the service sees the rows of the
 * zone that its transaction is bound to, and none where it is bound to none; events stay as written.
 */
let world: World
let db: Database
let mine: ZoneMaker
let other: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  db = openDatabase(world.connection)
  mine = await newZone(world)
  other = await newZone(world)
  for (const make of [mine, other]) {
    const grant = await make.grant()
    await insertDelegation(make.zone, grant)
    await make.provider()
    const { id: issuer } = await make.subjectIssuer()
    await make.subject()
    await insertSignIns(make.zone, issuer, grant)
    await make.policySetVersion()
    const policy = await make.policy()
    const { id, digest } = await make.plan()
    await make.call('plans.approve', { plan_id: id, digest: digest ?? '' })
    const talk = await make.conversation()
    await make.webhook()
    const approval_id = await waitingApproval(make)
    await make.call('approvals.approve', { approval_id })
    await world.sql(
      `insert into messages (id, zone_id, conversation_id, role, text, plan_ids, usage, created_at)
       values ('msg_' || $1::text, $1, $2, 'person', 'hello', '{}', '{}', now())`,
      [make.zone, talk.id],
    )
    await world.sql(
      `insert into runs (message_id, zone_id, conversation_id, state, created_at)
       values ('msg_' || $1::text, $1, $2, 'ended', now())`,
      [make.zone, talk.id],
    )
    await world.sql(`insert into run_events values ('msg_' || $1::text, $1, 1, '[]')`, [make.zone])
    await world.sql(`insert into revocations values ($1, 'session', $2, now(), now(), 1)`, [
      make.zone,
      policy.id,
    ])
    await world.sql(`insert into policy_modules values ($1, $2, '', false, now())`, [
      make.zone,
      policy.id,
    ])
    await world.sql(`insert into used_once values ($1, 'test', $2, now())`, [make.zone, policy.id])
    await world.sql(
      `insert into system_credentials
       select id, zone_id, '', '{}', now() from applications where zone_id = $1 limit 1`,
      [make.zone],
    )
    await noteModelCall(world, make.zone)
    await make.call('witnesses.create', { name: 'watch', verifier_key: witnessKey() })
  }
  await everythingLogged(world)
  // From now on nothing leaves the table of events that wait.
  await world.sql(`select pg_advisory_lock(hashtext('caracal.sequencer'))`)
  for (const make of [mine, other]) await make.application()
})

afterAll(async () => {
  await db[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

/** A sign-in under way, and what one that is done leaves. */
async function insertSignIns(
  zone: string,
  issuer: string,
  grant: { readonly id: string; readonly application_id: string },
): Promise<void> {
  await world.sql(
    `insert into sign_ins values ('hash ' || $1::text, $1, '', $2, '{}', '', '', now())`,
    [zone, issuer],
  )
  await world.sql(
    `insert into authorization_codes (code_hash, zone_id, application_id, redirect_uri,
       code_challenge, user_id, user_name, created_at, expires_at)
     values ('hash ' || $1::text, $1, $2, '', '', '', '', now(), now())`,
    [zone, grant.application_id],
  )
  await world.sql(
    `insert into refresh_tokens (token_hash, zone_id, session_id, application_id, created_at,
       expires_at) values ('hash ' || $1::text, $1, $2, $3, now(), now())`,
    [zone, `ses_${grant.id}`, grant.application_id],
  )
}

/** A session of an application, and an edge from it. */
async function insertDelegation(
  zone: string,
  grant: { readonly id: string; readonly application_id: string; readonly resource_id: string },
): Promise<void> {
  const [session, edge] = [`ses_${grant.id}`, `edge_${grant.id}`]
  await world.sql(
    `insert into sessions (id, zone_id, kind, application_id, subject, sub_type, root_id, state,
       created_at) values ($1, $2, 'subject', $3, $3, 'application', $1, 'active', now())`,
    [session, zone, grant.application_id],
  )
  await world.sql(
    `insert into delegation_edges (id, zone_id, path, source_session_id, source_application_id,
       target_application_id, resource_id, scopes, ttl_seconds, max_hops, state, created_at,
       expires_at) values ($1, $2, '{}', $3, $4, $4, $5, '{}', 60, 0, 'active', now(), now())`,
    [edge, zone, session, grant.application_id, grant.resource_id],
  )
}

/** Read before any service owns the database, so that the rows of the test can be made from it. */
const zoned = await zonedTables()

async function zonedTables(): Promise<readonly string[]> {
  const client = new pg.Client({ ...inject('postgres'), database: templateDatabase })
  await client.connect()
  const { rows } = await client.query<{ table: string }>(
    `select table_name as table from information_schema.columns
     join information_schema.tables using (table_schema, table_name)
     where table_schema = 'public' and column_name = 'zone_id' and table_type = 'BASE TABLE'
     order by table_name`,
  )
  await client.end()
  // A token is looked up before it is known which zone it belongs to; its zone is its reach.
  return rows.map(({ table }) => table).filter((table) => table !== 'admin_tokens')
}

async function asService<R extends pg.QueryResultRow>(
  zone: string | null,
  statement: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    if (zone !== null) await client.query("select set_config('caracal.zone', $1, true)", [zone])
    return (await client.query<R>(statement, [...values])).rows
  } finally {
    await client.query('rollback')
    client.release()
  }
}

test('the service does not query as the owner of the tables, nor past their policies', async () => {
  const [role] = await asService<{ name: string; bypass: boolean; super: boolean; owned: string }>(
    null,
    `select rolname as name, rolbypassrls as bypass, rolsuper as super,
            (select count(*) from pg_tables where tableowner = current_user) as owned
     from pg_roles where rolname = current_user`,
  )
  expect(role).toEqual({ name: 'caracal_service', bypass: false, super: false, owned: 0 })
})

describe.each([...zoned, 'events'])('%s', (table) => {
  test('shows the rows of the transaction’s zone, and no others', async () => {
    const zones = async (zone: string | null) =>
      (await asService<{ zone_id: string }>(zone, `select distinct zone_id from ${table}`)).map(
        (row) => row.zone_id,
      )
    expect(await zones(mine.zone)).toEqual([mine.zone])
    expect(await zones(other.zone)).toEqual([other.zone])
    expect(await zones(null)).toEqual([])
    expect(await zones('')).toEqual([])
    expect(await zones(`${mine.zone.slice(0, -1)}%`)).toEqual([])
    expect((await zones('*')).length).toBeGreaterThan(1)
  })

  test('shows nothing on a connection whose last transaction was of a zone', async () => {
    const client = await db.pool.connect()
    try {
      await client.query('begin')
      await client.query("select set_config('caracal.zone', $1, true)", [mine.zone])
      await client.query('commit')
      const { rows } = await client.query(`select 1 from ${table} limit 1`)
      expect(rows).toEqual([])
    } finally {
      client.release()
    }
  })
})

describe.each(zoned)('%s', (table) => {
  test('lets no row of another zone in, or be moved there', async () => {
    const columns = await world.sql<{ name: string }>(
      `select column_name as name from information_schema.columns
       where table_name = $1 and identity_generation is null order by ordinal_position`,
      [table],
    )
    const names = columns.map(({ name }) => name)
    const [row] = await world.sql(`select * from ${table} where zone_id = $1 limit 1`, [other.zone])
    const insert = `insert into ${table} (${names.join(', ')})
      values (${names.map((_, i) => `$${i + 1}`).join(', ')})`
    const values = names.map((name) => asParameter(row?.[name]))
    await expect(asService(mine.zone, insert, values)).rejects.toMatchObject({ code: '42501' })
    const move = `update ${table} set zone_id = $1`
    await expect(asService(mine.zone, move, [other.zone])).rejects.toMatchObject({ code: '42501' })
  })

  test('loses no row to another zone', async () => {
    if (unchangeable.has(table)) return
    const deleted = await asService(
      mine.zone,
      `delete from ${table} where zone_id = $1 returning zone_id`,
      [other.zone],
    )
    expect(deleted).toEqual([])
  })
})

/** Tables from which the service may not delete at all. */
const unchangeable: ReadonlySet<string> = new Set([
  'events_logged',
  'events_pending',
  'log_tiles',
  'logs',
  'policy_activations',
  'policy_modules',
])

/** What `pg` has read as an object goes back as JSON. */
function asParameter(value: unknown): unknown {
  const json = typeof value === 'object' && value !== null
  if (!json || value instanceof Date || Buffer.isBuffer(value) || isTextList(value)) return value
  return JSON.stringify(value)
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

describe('what has been recorded', () => {
  test.each([
    "update events_logged set outcome = 'allow'",
    "update events_pending set entry = '{}'",
    'insert into events_logged select * from events_logged',
    'delete from events_logged',
    'delete from events_pending',
    'delete from log_tiles',
    'truncate events_logged',
    'drop table events_logged',
    'drop view events',
    'alter table events_logged disable row level security',
    'create or replace rule r as on insert to events_pending do instead nothing',
    "update settings set value = 'x'",
    'delete from policy_activations',
  ])('withstands the service: %s', async (statement) => {
    await expect(asService('*', statement)).rejects.toMatchObject({ code: '42501' })
  })

  test('stands as it was after everything above', async () => {
    const [row] = await world.sql<{ count: number }>('select count(*) as count from events')
    expect(Number(row?.count)).toBeGreaterThan(20)
  })
})
