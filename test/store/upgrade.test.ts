import { randomBytes } from 'node:crypto'
import { Kysely, PostgresDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OutputOf } from '../../tools/catalogue.ts'
import { newSecret } from '../../src/kernel/bearer-secret.ts'
import { newId, type IdKind } from '../../src/kernel/ids.ts'
import { limits } from '../../src/kernel/limits.ts'
import { migrate, migrations } from '../../src/store/migrate.ts'
import type { PublishedRevocations } from '../../src/sts/published-revocations.ts'
import { emptyDatabase, type FreshDatabase } from '../support/databases.ts'
import { startWorld, type World } from '../world.ts'

/**
 * Guarantee: an installation of an older version is upgraded where it stands. What it had revoked or
 * archived is still refused, by verifiers that follow the feed as well, and what was alive goes on.
 */
const aliveSeconds = limits.mandateTtlSeconds + limits.clockSkewSeconds

let database: FreshDatabase
let owner: pg.Pool
let world: World

function id(kind: IdKind): string {
  return newId(kind, Date.now())
}
const zones = { system: id('zone'), busy: id('zone'), quiet: id('zone') }
const applications = { live: id('application'), fresh: id('application'), old: id('application') }
const elsewhere = id('application')
const tokens = { live: id('adminToken'), fresh: id('adminToken'), old: id('adminToken') }
const secrets = { live: newSecret('cat'), fresh: newSecret('cat'), old: newSecret('cat') }
const person = id('principal')
const [resource, grant, hold] = [id('resource'), id('grant'), id('approval')]

beforeAll(async () => {
  database = await emptyDatabase()
  owner = new pg.Pool({ ...database.connection, max: 2 })
  await migrateTo('0006-policy')
  await fill()
  await migrate(database.connection)
  world = await startWorld({
    sharing: {
      connection: database.connection,
      masterKey: randomBytes(32),
      token: secrets.live.secret,
    },
  })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await owner.end()
  await database[Symbol.asyncDispose]()
})

async function migrateTo(version: keyof typeof migrations): Promise<void> {
  const pool = new pg.Pool({ ...database.connection, max: 2 })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
  })
  const { error } = await migrator.migrateTo(version)
  await db.destroy()
  if (error !== undefined) throw new Error('the old schema cannot be made', { cause: error })
}

async function insert(table: string, row: Readonly<Record<string, unknown>>): Promise<void> {
  const columns = Object.keys(row)
  await owner.query(
    `insert into ${table} (${columns.join(', ')})
     values (${columns.map((_, index) => `$${String(index + 1)}`).join(', ')})`,
    Object.values(row),
  )
}

function secondsAgo(seconds: number): Date {
  return new Date(Date.now() - seconds * 1_000)
}
const born = secondsAgo(86_400)
const [justNow, longAgo] = [secondsAgo(60), secondsAgo(7_200)]

/** What an installation of version 0006 had in its tables. */
async function fill(): Promise<void> {
  const times = { created_at: born, updated_at: born }
  const governed = { ...times, zone_id: zones.busy, revision: 3 }
  for (const [slug, zone] of Object.entries(zones)) {
    const name = slug === 'system' ? 'caracal.sys' : slug
    await insert('zones', {
      ...{ id: zone, name, name_key: name, ...times, revision: 3, dcr_enabled: false },
      ...{ slug: slug === 'system' ? 'caracal-sys' : slug, system: slug === 'system' },
    })
  }
  const application = { kind: 'managed', auth_method: 'client_secret', labels: ['clerk'] }
  for (const [name, archived_at] of [
    ['live', null],
    ['fresh', justNow],
    ['old', longAgo],
  ] as const) {
    await insert('applications', {
      ...{ ...governed, ...application, id: applications[name], name, name_key: name, archived_at },
    })
    await insertToken(name, archived_at)
  }
  await insert('applications', {
    ...{ ...governed, ...application, zone_id: zones.quiet, id: elsewhere },
    ...{ name: 'elsewhere', name_key: 'elsewhere', archived_at: justNow },
  })
  await insert('resources', {
    ...{ ...governed, id: resource, name: 'Invoices', name_key: 'invoices' },
    ...{ identifier: 'resource://invoices', scopes: ['read'], operations: '[]' },
  })
  await insert('grants', {
    ...{ ...governed, id: grant, application_id: applications.live, resource_id: resource },
    scopes: ['read'],
  })
  for (const [zone_id, value, revoked_at] of [
    [zones.busy, 'second', secondsAgo(30)],
    [zones.busy, 'first', secondsAgo(300)],
    [zones.quiet, 'alone', secondsAgo(90)],
  ] as const)
    await insert('revocations', {
      ...{ zone_id, anchor: 'jti', value, revoked_at, expires_at: secondsAgo(-600) },
    })
  // Said by the old version itself too: the upgrade must not trip over it.
  await insert('revocations', {
    ...{ zone_id: zones.quiet, anchor: 'client', value: elsewhere },
    ...{ revoked_at: justNow, expires_at: secondsAgo(-500) },
  })
  await insertHold()
}

async function insertToken(name: keyof typeof tokens, revoked_at: Date | null): Promise<void> {
  if (name === 'live')
    await insert('principals', {
      ...{ id: person, name: 'ada', name_key: 'ada', kind: 'person', created_at: born },
    })
  await insert('admin_tokens', {
    ...{ id: tokens[name], principal_id: person, token_hash: secrets[name].hash },
    ...{ capabilities: ['read', 'write', 'approve', 'audit', 'owner'], revision: 1 },
    ...{ revoked_at, created_at: born },
  })
}

async function insertHold(): Promise<void> {
  await insert('holds', {
    ...{ id: hold, zone_id: zones.busy, state: 'approved', binding: 'x', scopes: ['read'] },
    ...{ application_id: applications.live, application_name: 'live' },
    ...{ resource_id: resource, resource_identifier: 'resource://invoices' },
    ...{ policy_set_version_id: 'psetv_x', request_id: 'req_x', revision: 2 },
    requirements: JSON.stringify([
      { tier: 'high', approver: 'approve', quorum: 1, scopes: ['read'] },
    ]),
    ...{ interval_seconds: 5, polled_at: born, created_at: born, expires_at: secondsAgo(-600) },
    decided_at: justNow,
  })
  await insert('hold_decisions', {
    ...{ id: id('decision'), zone_id: zones.busy, hold_id: hold, approver_id: person },
    ...{ approver_name: 'ada', approver_token_id: tokens.live, decision: 'approve' },
    ...{ tiers: ['high'], created_at: justNow },
  })
}

describe('after the upgrade from 0006', () => {
  test('every revocation has a number, by zone and in the order in which it was made', async () => {
    const { rows } = await owner.query<{ zone_id: string; anchor: string; value: string }>(
      'select zone_id, anchor, value from revocations order by zone_id, sequence',
    )
    const ofZone = (zone: string) =>
      rows.filter(({ zone_id }) => zone_id === zone).map((one) => `${one.anchor} ${one.value}`)
    expect(ofZone(zones.busy)).toEqual(['jti first', `client ${applications.fresh}`, 'jti second'])
    expect(ofZone(zones.quiet)).toEqual(['jti alone', `client ${elsewhere}`])
    expect(ofZone(zones.system)).toEqual([`requester_token ${tokens.fresh}`])
  })

  test('each zone goes on counting where its revocations end', async () => {
    const { rows } = await owner.query<{ zone_id: string; last: number; sequence: number }>(
      `select t.zone_id, t.sequence::int, (select max(sequence)::int from revocations r
         where r.zone_id = t.zone_id) as last
       from trust_sequences t where zone_id = any($1)`,
      [[zones.busy, zones.quiet]],
    )
    const counts = new Map(rows.map((row) => [row.zone_id, [row.sequence, row.last]]))
    expect(counts.get(zones.busy)).toEqual([3, 3])
    expect(counts.get(zones.quiet)).toEqual([2, 2])
  })

  test('what was archived or revoked lately is refused for as long as a mandate may live', async () => {
    const { rows } = await owner.query<{ value: string; seconds: number }>(
      `select value, extract(epoch from expires_at - revoked_at)::float as seconds
       from revocations where anchor in ('client', 'requester_token') and value <> $1`,
      [elsewhere],
    )
    expect(rows.map(({ value }) => value).sort()).toEqual([applications.fresh, tokens.fresh].sort())
    for (const { seconds } of rows) expect(seconds).toBeCloseTo(aliveSeconds, 1)
  })

  test('whoever follows the feed reads it', async () => {
    const read = async (zone: string) => {
      const { body } = await world.call('GET', `/zones/${zone}/revocations`, undefined, {
        token: null,
      })
      const { sequence, revocations } = body as PublishedRevocations
      return [sequence, revocations.map(({ value }) => value)]
    }
    expect(await read(zones.busy)).toEqual([3, ['first', applications.fresh, 'second']])
    expect(await read(zones.quiet)).toEqual([2, ['alone', elsewhere]])
  })

  test('tokens are as good as they were', async () => {
    const status = async ({ secret }: { readonly secret: string }) =>
      (await world.call('GET', '/v1/zones', undefined, { token: secret })).status
    expect([
      ...[await status(secrets.live), await status(secrets.fresh), await status(secrets.old)],
    ]).toEqual([200, 401, 401])
  })

  test('objects are what they were, and can be changed', async () => {
    const path = `/v1/zones/${zones.busy}`
    const { body } = await world.call('GET', `${path}/applications?include_archived=true`)
    const { items } = body as OutputOf<'applications.list'>
    const shown = items.map((one) => [one.name, one.archived_at, ...one.labels].join(' '))
    expect(shown.sort()).toEqual([
      `fresh ${justNow.toISOString()} clerk`,
      'live  clerk',
      `old ${longAgo.toISOString()} clerk`,
    ])
    const grants = await world.call('GET', `${path}/grants`)
    expect(grants.body.items).toMatchObject([{ id: grant, scopes: ['read'], revision: 3 }])
    const changed = await world.call('PATCH', `${path}/applications/${applications.live}`, {
      labels: ['auditor'],
    })
    expect(changed).toMatchObject({ status: 200, body: { labels: ['auditor'], revision: 4 } })
  })

  test('an approval still counts, and its decision has not lapsed', async () => {
    const { body } = await world.call('GET', `/v1/zones/${zones.busy}/approvals/${hold}`)
    expect(body).toMatchObject({
      ...{ state: 'approved', tiers: [{ approvals: 1 }] },
      decisions: [{ approver: { id: person }, decision: 'approve', lapsed_at: null }],
    })
  })

  test('a second start has nothing left to do', async () => {
    const before = await world.state()
    await migrate(database.connection)
    expect(await world.state()).toBe(before)
  })
})
