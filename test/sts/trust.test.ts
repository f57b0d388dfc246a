import { decodeJwt } from 'jose'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { newId } from '../../src/kernel/ids.ts'
import { listenerName } from '../../src/store/notifications.ts'
import { endOfMandatesAt, insertRevocations } from '../../src/store/revocations.ts'
import type { Tx } from '../../src/store/tx.ts'
import { createZoneKey } from '../../src/store/zone-keys.ts'
import type { MandateClaims } from '../../src/sts/claims.ts'
import { createTrust, type Trust } from '../../src/sts/trust.ts'
import { asOwner, freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { own, post, startWorld, tenant, type StsWorld, type Tenant } from './sts-world.ts'

let database: FreshDatabase
let world: StsWorld
let replica: StsWorld
let t: Tenant

beforeAll(async () => {
  database = await freshDatabase()
  world = await startWorld(database.connection)
  replica = await startWorld(database.connection, world.masterKey)
  t = await tenant(world)
})
afterAll(async () => {
  await replica[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

/** Asks nobody by itself: what it learns, a notification has told it. */
const deaf = { checkAfterMs: Infinity, readAfterMs: Infinity }
const patience = { timeout: 10_000, interval: 10 }

async function mandate(): Promise<MandateClaims> {
  const { body } = await post(`${t.issuer}/oauth2/token`, own(t))
  return decodeJwt(body.access_token)
}

function revoke({ jti }: MandateClaims): Promise<void> {
  return world.change(t.zone, (tx) =>
    insertRevocations(tx.queries, t.zone, tx.now, [
      { anchor: 'jti', value: jti, expiresAt: endOfMandatesAt(tx.nowMs) },
    ]),
  )
}

/** Ends the listening connection of every process on the database. */
function cutListeners(): Promise<unknown> {
  return asOwner(
    database.connection,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = '${listenerName}' and datname = current_database()`,
  )
}

function listeners(): Promise<{ pid: number }[]> {
  return asOwner<{ pid: number }>(
    database.connection,
    `select pid from pg_stat_activity
     where application_name = '${listenerName}' and datname = current_database() and state = 'idle'
       and query like 'listen %' order by pid`,
  )
}

async function untilRevoked(trust: Trust, claims: MandateClaims): Promise<void> {
  await vi.waitFor(async () => expect(await trust.isRevoked(t.zone, claims)).toBe(true), patience)
}

describe('what another replica changes', () => {
  test('is known here by its notification', async () => {
    using trust = createTrust(replica.context, deaf)
    const claims = await mandate()
    await vi.waitFor(async () => expect(await listeners()).toHaveLength(2), patience)
    expect(await trust.isRevoked(t.zone, claims)).toBe(false)
    await revoke(claims)
    await untilRevoked(trust, claims)
  })

  test('a new key too', async () => {
    using trust = createTrust(replica.context, deaf)
    const before = await trust.publicKeys(t.zone)
    const { kid } = await world.change(t.zone, (tx) =>
      createZoneKey(tx.queries, world.vault, t.zone, tx.now),
    )
    await vi.waitFor(async () => {
      const keys = await trust.publicKeys(t.zone)
      expect(keys.map((key) => key.kid)).toEqual([kid, ...before.map((key) => key.kid)])
    }, patience)
  })

  test('is known where the listening connection broke meanwhile', async () => {
    using trust = createTrust(replica.context, deaf)
    const [during, after] = [await mandate(), await mandate()]
    expect(await trust.isRevoked(t.zone, during)).toBe(false)
    const broken = await listeners()
    await cutListeners()
    await revoke(during)
    await untilRevoked(trust, during)
    await vi.waitFor(async () => {
      const now = await listeners()
      expect(now).toHaveLength(2)
      expect(now).not.toEqual(broken)
    }, patience)
    await revoke(after)
    await untilRevoked(trust, after)
  })

  test('is known where the notification was lost', async () => {
    const claims = await mandate()
    using waiting = createTrust(replica.context, deaf)
    using trust = createTrust(replica.context)
    for (const one of [waiting, trust]) expect(await one.isRevoked(t.zone, claims)).toBe(false)
    await replica.rows(
      `with moved as (update trust_sequences set sequence = sequence + 1 where zone_id = $1
         returning sequence)
       insert into revocations
       select $1, 'jti', $2, now(), now() + interval '15 minutes', sequence from moved`,
      [t.zone, claims.jti],
    )
    await untilRevoked(trust, claims)
    expect(await waiting.isRevoked(t.zone, claims)).toBe(false)
  })

  test('in another zone says nothing here', async () => {
    const other = await tenant(world)
    const claims = await mandate()
    using trust = createTrust(replica.context)
    await world.change(other.zone, (tx) =>
      insertRevocations(tx.queries, other.zone, tx.now, [
        { anchor: 'jti', value: claims.jti, expiresAt: endOfMandatesAt(tx.nowMs) },
      ]),
    )
    expect((await trust.revocations(other.zone)).revocations).toHaveLength(1)
    expect(await trust.isRevoked(t.zone, claims)).toBe(false)
  })
})

describe('the numbers of changes', () => {
  test('are given to one transaction at a time, so that they become visible in their order', async () => {
    const { zone } = await tenant(world)
    const add = (tx: Tx): Promise<void> =>
      insertRevocations(tx.queries, zone, tx.now, [
        { anchor: 'session', value: newId('session', 0), expiresAt: endOfMandatesAt(tx.nowMs) },
      ])
    const [added, release] = [Promise.withResolvers<null>(), Promise.withResolvers<null>()]
    const first = world.change(zone, async (tx) => {
      await add(tx)
      added.resolve(null)
      await release.promise
    })
    await added.promise
    const second = world.change(zone, async (tx) => {
      await sql`set local lock_timeout = '50ms'`.execute(tx.queries)
      await add(tx)
    })
    await expect(second).rejects.toMatchObject({ code: '55P03' })
    release.resolve(null)
    await first
  })

  test('are taken for each of many at once, without a gap or a double', async () => {
    const { zone } = await tenant(world)
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        world.change(zone, (tx) =>
          insertRevocations(
            tx.queries,
            zone,
            tx.now,
            ['session', 'root_session', 'edge'].map((anchor) => ({
              anchor: anchor as 'session',
              value: String(n),
              expiresAt: endOfMandatesAt(tx.nowMs),
            })),
          ),
        ),
      ),
    )
    const rows = await world.rows<{ sequence: number }>(
      'select sequence from revocations where zone_id = $1 order by sequence',
      [zone],
    )
    const from = rows[0]?.sequence ?? 0
    expect(rows.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 120 }, (_, n) => from + n),
    )
  })

  test('move on where a revocation is said again, which lasts for the longer', async () => {
    const { zone } = await tenant(world)
    const say = (ms: number): Promise<void> =>
      world.change(zone, (tx) =>
        insertRevocations(tx.queries, zone, tx.now, [
          { anchor: 'client', value: 'app_x', expiresAt: new Date(tx.nowMs + ms) },
          { anchor: 'client', value: 'app_x', expiresAt: new Date(tx.nowMs + ms) },
        ]),
      )
    const read = () =>
      world.rows<{ sequence: number; expires_at: Date }>(
        'select sequence, expires_at from revocations where zone_id = $1',
        [zone],
      )
    await say(600_000)
    const [long] = await read()
    await say(60_000)
    expect(await read()).toEqual([
      { sequence: (long?.sequence ?? 0) + 1, expires_at: long?.expires_at },
    ])
  })
})
