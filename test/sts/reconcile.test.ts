import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { executor, operator } from '../../system-zone/identities.ts'
import { lifetimes } from '../../system-zone/lifetimes.ts'
import { isReserved } from '../../src/kernel/names.ts'
import { openVault } from '../../src/kernel/vault.ts'
import { StartupError } from '../../src/kernel/startup-error.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { reconcileSystemZone } from '../../src/sts/reconcile.ts'
import { removeExpired } from '../../src/sts/upkeep.ts'
import { catalogue } from '../../tools/catalogue.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'

let database: FreshDatabase
let db: Database
let offsetMs = 0
const clock = { now: (): number => Date.now() + offsetMs }
const vault = openVault(randomBytes(32))

beforeAll(async () => {
  database = await freshDatabase()
  db = openDatabase(database.connection)
})
afterAll(async () => {
  await db[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

function reasons(): Promise<string[]> {
  return db.transaction('*', async (queries) => {
    const rows = await queries.selectFrom('events').selectAll().orderBy('position').execute()
    return rows.map((row) => String(row.entry['reason']))
  })
}

function state(): Promise<unknown> {
  return db.transaction('*', async (queries) => [
    await queries.selectFrom('zones').selectAll().execute(),
    await queries.selectFrom('applications').selectAll().orderBy('id').execute(),
    await queries.selectFrom('zone_keys').selectAll().orderBy('id').execute(),
    await queries.selectFrom('system_credentials').selectAll().orderBy('application_id').execute(),
  ])
}

describe('the system zone', () => {
  test('is made once by replicas that start together, with one event for each change', async () => {
    const replicas = Array.from({ length: 4 }, () => openDatabase(database.connection))
    const made = await Promise.all(
      replicas.map((replica) => reconcileSystemZone({ db: replica, vault, clock })),
    )
    await Promise.all(replicas.map((replica) => replica[Symbol.asyncDispose]()))
    expect(new Set(made.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(await reasons()).toEqual([
      'zone_created',
      'signing_key_created',
      'application_created',
      'credential_created',
      'application_created',
      'credential_created',
    ])
  })

  test('is left alone where nothing is to do', async () => {
    const before = await state()
    await reconcileSystemZone({ db, vault, clock })
    expect(await state()).toEqual(before)
    expect(await reasons()).toHaveLength(6)
  })

  test('keeps its private keys sealed', async () => {
    const text = JSON.stringify(await state())
    expect(text).not.toContain('"d"')
    expect(text).not.toContain('PRIVATE')
  })

  test('says which key is missing when another master key is given', async () => {
    const other = openVault(randomBytes(32))
    const failure = await reconcileSystemZone({ db, vault: other, clock }).catch(
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(StartupError)
    expect((failure as StartupError).hint).toContain('CARACAL_MASTER_KEY')
    expect(await reasons()).toHaveLength(6)
  })

  test('gets new keys when they are due, each by itself', async () => {
    offsetMs = (lifetimes.credentialDays + 1) * 24 * 3_600_000
    await reconcileSystemZone({ db, vault, clock })
    expect((await reasons()).slice(6)).toEqual(['credential_rotated', 'credential_rotated'])
    offsetMs = (lifetimes.signingKeyDays + 1) * 24 * 3_600_000
    await reconcileSystemZone({ db, vault, clock })
    expect((await reasons()).slice(8)).toEqual([
      'signing_key_rotated',
      'credential_rotated',
      'credential_rotated',
    ])
    const [, applications] = (await state()) as [unknown, { jwks: { keys: unknown[] } }[]]
    expect(applications.map(({ jwks }) => jwks.keys.length)).toEqual([1, 1])
  })
})

describe('the declared identities', () => {
  test('lie in the reserved namespace', () => {
    expect([operator.name, executor.name].every((name) => isReserved(name))).toBe(true)
  })

  test('the Operator reads everything but admin tokens, what runs and autopilot’s switch, and proposes', () => {
    const others = ['admin_tokens:read', 'sessions:read', 'delegations:read', 'autopilot:read']
    const reads = catalogue
      .map(({ scope }) => scope)
      .filter((scope) => scope.endsWith(':read') && !others.includes(scope))
    expect(operator.scopes).toEqual([...new Set([...reads, 'plans:propose'])].sort())
  })

  test('the executor holds what plans can need, and nothing that approves', () => {
    const plannable = catalogue.filter((one) => one.plannable).map(({ scope }) => scope)
    expect(executor.scopes).toEqual([...new Set(plannable)].sort())
    expect([...operator.scopes, ...executor.scopes].join(' ')).not.toContain('approve')
  })
})

test('upkeep removes what has expired and nothing else', async () => {
  const { zone } = await reconcileSystemZone({ db, vault, clock })
  const at = (ms: number): Date => new Date(clock.now() + ms)
  await db.transaction('*', async (queries) => {
    await queries
      .insertInto('used_once')
      .values(
        [at(-120_000), at(60_000)].map((expires_at, n) => ({
          zone_id: zone,
          purpose: 'client_assertion' as const,
          value: String(n),
          expires_at,
        })),
      )
      .execute()
    await queries
      .insertInto('revocations')
      .values(
        [at(-120_000), at(60_000)].map((expires_at, n) => ({
          zone_id: zone,
          anchor: 'jti' as const,
          value: String(n),
          revoked_at: at(-180_000),
          expires_at,
          sequence: n,
        })),
      )
      .execute()
  })
  await removeExpired({ db, clock })
  await db.transaction('*', async (queries) => {
    for (const table of ['used_once', 'revocations'] as const)
      expect(await queries.selectFrom(table).select('value').execute()).toEqual([{ value: '1' }])
  })
})
