import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { serverEvents, type ServerEvent } from '../../src/client/event-stream.ts'
import { newId } from '../../src/kernel/ids.ts'
import { endOfMandatesAt, insertRevocations, type Anchor } from '../../src/store/revocations.ts'
import { followZone, type FeedEvent } from '../../src/sts/followed-zone.ts'
import { createRevocationFeed } from '../../src/sts/revocation-feed.ts'
import { createTrust } from '../../src/sts/trust.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { startWorld, tenant, type StsWorld, type Tenant } from './sts-world.ts'

/** Nobody waits for a heartbeat of two seconds, or opens two hundred streams. */
vi.mock('../../src/kernel/limits.ts', async (original) => {
  const { limits } = await original<{ limits: Record<string, number> }>()
  return { limits: { ...limits, feedHeartbeatMs: 10, feedStreamsPerSource: 12 } }
})

let database: FreshDatabase
let world: StsWorld
let replica: StsWorld

beforeAll(async () => {
  database = await freshDatabase()
  world = await startWorld(database.connection)
  replica = await startWorld(database.connection, world.masterKey)
})
afterAll(async () => {
  await replica[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

function revoke({ zone }: Tenant, value: string, anchor: Anchor = 'jti'): Promise<void> {
  return world.change(zone, (tx) =>
    insertRevocations(tx.queries, zone, tx.now, [
      { anchor, value, expiresAt: endOfMandatesAt(tx.nowMs) },
    ]),
  )
}

interface Stream extends Disposable {
  readonly status: number
  /** The values of the next event that has any; heartbeats are passed over. */
  next(): Promise<{ values: string[]; id: string }>
  heartbeat(): Promise<ServerEvent>
}

async function follow(at: StsWorld, { zone }: Tenant, after?: string): Promise<Stream> {
  const abort = new AbortController()
  const response = await fetch(`${at.url}/zones/${zone}/revocations`, {
    headers: {
      accept: 'text/event-stream',
      ...(after !== undefined && { 'last-event-id': after }),
    },
    signal: abort.signal,
  })
  const events = response.status === 200 ? serverEvents(response.body!) : null
  const until = async (wanted: (event: ServerEvent) => boolean): Promise<ServerEvent> => {
    for (;;) {
      const { value, done } = await events!.next()
      if (done === true) throw new Error('the stream has ended')
      if (wanted(value)) return value
    }
  }
  return {
    status: response.status,
    async next() {
      const { data, id } = await until(({ event, data: { revocations } }) => {
        return event === 'revocations' && (revocations as unknown[]).length > 0
      })
      const values = (data['revocations'] as { value: string }[]).map(({ value }) => value)
      return { values, id: id! }
    },
    heartbeat: () => until(({ event }) => event === 'heartbeat'),
    [Symbol.dispose]: () => abort.abort(),
  }
}

async function snapshot(at: StsWorld, { zone }: Tenant) {
  const response = await fetch(`${at.url}/zones/${zone}/revocations`)
  expect(response.headers.get('cache-control')).toBe('no-store')
  return (await response.json()) as {
    sequence: number
    revocations: { anchor: string; value: string; expires_at: number }[]
  }
}

describe('the snapshot', () => {
  test('holds everything revoked that is alive, with its end', async () => {
    const t = await tenant(world)
    const before = await snapshot(world, t)
    expect(before.revocations).toEqual([])
    await revoke(t, 'mdt_a')
    await revoke(t, 'edge_b', 'edge')
    await vi.waitFor(async () => {
      const { sequence, revocations } = await snapshot(replica, t)
      expect(sequence).toBe(before.sequence + 2)
      expect(revocations.map(({ anchor, value }) => [anchor, value])).toEqual([
        ['jti', 'mdt_a'],
        ['edge', 'edge_b'],
      ])
      for (const { expires_at } of revocations)
        expect(expires_at * 1_000).toBeGreaterThan(world.now())
    }, 10_000)
  })

  test('tells neither who a subject is nor which admin token was revoked', async () => {
    const t = await tenant(world)
    await revoke(t, 'ada@example.com', 'subject')
    await revoke(t, 'adm_secret', 'requester_token')
    await vi.waitFor(async () => {
      const { sequence, revocations } = await snapshot(world, t)
      expect(sequence).toBeGreaterThan(2)
      expect(revocations).toMatchObject([
        { anchor: 'subject', value: hash('sha256', 'ada@example.com', 'base64url') },
      ])
    }, 10_000)
  })

  test('forgets what has expired by itself', async () => {
    const t = await tenant(world)
    await world.change(t.zone, (tx) =>
      insertRevocations(tx.queries, t.zone, tx.now, [
        { anchor: 'jti', value: 'old', expiresAt: new Date(tx.nowMs - 1) },
        { anchor: 'jti', value: 'alive', expiresAt: endOfMandatesAt(tx.nowMs) },
      ]),
    )
    const { revocations } = await snapshot(replica, t)
    expect(revocations.map(({ value }) => value)).toEqual(['alive'])
  })

  test('of a zone with more revocations than one reading holds is whole', async () => {
    const t = await tenant(world)
    const values = Array.from({ length: 2_300 }, (_, n) => String(n))
    await world.change(t.zone, (tx) =>
      insertRevocations(
        tx.queries,
        t.zone,
        tx.now,
        values.map((value) => ({ anchor: 'jti', value, expiresAt: endOfMandatesAt(tx.nowMs) })),
      ),
    )
    const { revocations } = await snapshot(replica, t)
    expect(revocations.map(({ value }) => value)).toEqual(values)
  })
})

describe('the stream', () => {
  test('tells at once what is revoked, and then what another replica revokes', async () => {
    const t = await tenant(world)
    await revoke(t, 'before')
    using stream = await follow(replica, t)
    expect((await stream.next()).values).toEqual(['before'])
    await revoke(t, 'after')
    expect((await stream.next()).values).toEqual(['after'])
  })

  test('taken up again where it broke tells what came meanwhile, and nothing twice', async () => {
    const t = await tenant(world)
    const seen: string[] = []
    let at: string | undefined
    for (let round = 0; round < 5; round += 1) {
      await revoke(t, `${round}a`)
      await revoke(t, `${round}b`)
      using stream = await follow(round % 2 === 0 ? replica : world, t, at)
      const { values, id } = await stream.next()
      seen.push(...values)
      at = id
    }
    expect(seen).toEqual(['0a', '0b', '1a', '1b', '2a', '2b', '3a', '3b', '4a', '4b'])
  })

  test('loses nothing that is revoked while it is opened', async () => {
    const t = await tenant(world)
    const all = Array.from({ length: 60 }, (_, n) => `m${n}`)
    const revoking = Promise.all(all.map((value) => revoke(t, value)))
    const streams = await Promise.all(Array.from({ length: 5 }, () => follow(replica, t)))
    await revoking
    for (const stream of streams) {
      const seen = new Set<string>()
      while (seen.size < all.length)
        for (const value of (await stream.next()).values) seen.add(value)
      stream[Symbol.dispose]()
    }
  })

  test('tells of a revocation whose notification was lost', async () => {
    const t = await tenant(world)
    using stream = await follow(replica, t)
    await world.rows(
      `with moved as (update trust_sequences set sequence = sequence + 1 where zone_id = $1
         returning sequence)
       insert into revocations
       select $1, 'jti', 'unsaid', now(), now() + interval '15 minutes', sequence from moved`,
      [t.zone],
    )
    expect((await stream.next()).values).toEqual(['unsaid'])
  })

  test('that has seen more than there is, as after a restore, is told everything again', async () => {
    const t = await tenant(world)
    await revoke(t, 'kept')
    using stream = await follow(replica, t, '99999')
    expect((await stream.next()).values).toEqual(['kept'])
  })

  test('beats with the number that it has told', async () => {
    const t = await tenant(world)
    using stream = await follow(replica, t)
    const { data, id } = await stream.heartbeat()
    expect(data).toEqual({ sequence: Number(id) })
  })

  test('does not beat where the database cannot be asked', async () => {
    const t = await tenant(world)
    let unreachable = false
    const warned: string[] = []
    await using feed = createRevocationFeed(
      {
        ...world.context,
        log: { ...world.context.log, warn: (_, message) => warned.push(message) },
        db: {
          ...world.db,
          transaction: (zone, work) =>
            unreachable ? Promise.reject(new Error('gone')) : world.db.transaction(zone, work),
        },
      },
      createTrust(world.context),
    )
    const heard: FeedEvent[] = []
    await feed.of(t.zone).follow(0, null, (event) => heard.push(event))
    await vi.waitFor(() => expect(heard.at(-1)?.type).toBe('heartbeat'), 10_000)
    unreachable = true
    await vi.waitFor(() => expect(warned).toHaveLength(2), 10_000)
    const silentSince = heard.length
    await vi.waitFor(() => expect(warned).toHaveLength(4), 10_000)
    expect(heard).toHaveLength(silentSince)
    unreachable = false
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(silentSince), 10_000)
  })
})

describe('refusals', () => {
  test('a position that is none', async () => {
    const t = await tenant(world)
    for (const after of ['x', '-1', '1e3', '1'.repeat(20)]) {
      const response = await fetch(`${world.url}/zones/${t.zone}/revocations?after=${after}`, {
        headers: { accept: 'text/event-stream' },
      })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: 'invalid_request',
        reason: 'feed_position_malformed',
      })
    }
  })

  test('a zone that there is not', async () => {
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await fetch(`${world.url}/zones/nowhere/revocations`, {
        headers: { accept },
      })
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ error: 'zone_not_found' })
    }
  })

  test('more streams of one source than it may have, until one ends', async () => {
    const t = await tenant(world)
    await using crowded = await startWorld(database.connection, world.masterKey)
    const streams = await Promise.all(Array.from({ length: 12 }, () => follow(crowded, t)))
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200))
    const { status, headers } = await fetch(`${crowded.url}/zones/${t.zone}/revocations`, {
      headers: { accept: 'text/event-stream' },
    })
    expect([status, headers.get('retry-after')]).toEqual([429, '5'])
    expect((await snapshot(crowded, t)).revocations).toEqual([])
    streams[0]?.[Symbol.dispose]()
    await vi.waitFor(async () => expect((await follow(crowded, t)).status).toBe(200), 10_000)
  })
})

test('one reading tells all who follow a zone, and none is made for nobody', async () => {
  let [sequence, readings] = [0, 0]
  const followed = followZone(async (after) => {
    readings += 1
    const value = newId('mandate', 0)
    return {
      sequence,
      revocations: after < sequence ? [{ anchor: 'jti', value, expires_at: 1 }] : [],
    }
  })
  const heard = Array.from({ length: 300 }, (): FeedEvent[] => [])
  for (const events of heard)
    await followed.join({ source: null, hear: (event) => events.push(event) }, 0)
  readings = 0
  sequence = 1
  await followed.advance()
  // Found nothing to follow up: whoever asks during the reading is answered by one more.
  expect(readings).toBe(1)
  expect(new Set(heard.map((events) => events.at(-1)?.data)).size).toBe(1)
  await Promise.all(Array.from({ length: 50 }, () => followed.advance()))
  expect(readings).toBeLessThanOrEqual(3)
})
