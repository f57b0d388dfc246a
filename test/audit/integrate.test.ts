import { randomBytes } from 'node:crypto'
import type { KyselyPlugin } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseCheckpoint, type Checkpoint } from '../../src/audit/checkpoint.ts'
import type { AuditEvent } from '../../src/audit/event.ts'
import { createIntegrator, type Integrator } from '../../src/audit/integrate.ts'
import { leafHash } from '../../src/audit/merkle.ts'
import { parseNote } from '../../src/audit/note.ts'
import { consistencyProof } from '../../src/audit/proofs.ts'
import { provesConsistency } from '../../src/audit/verify-proof.ts'
import { createEventWriter } from '../../src/audit/writer.ts'
import { newId, type ZoneId } from '../../src/kernel/ids.ts'
import { openVault } from '../../src/kernel/vault.ts'
import { readTiles } from '../../src/store/audit-log.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'

let database: FreshDatabase
let db: Database
let owner: pg.Client

const clock = { now: (): number => Date.now() }
const vault = openVault(randomBytes(32))

beforeAll(async () => {
  database = await freshDatabase()
  db = openDatabase(database.connection)
  owner = new pg.Client(database.connection)
  await owner.connect()
})
afterAll(async () => {
  await owner.end()
  await db[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

async function newZoneId(): Promise<ZoneId> {
  const zone = newId('zone', clock.now())
  await owner.query(
    `insert into zones (id, name, name_key, slug, system, dcr_enabled, revision, created_at, updated_at)
     values ($1, $1, $1, $2, false, false, 1, now(), now())`,
    [zone, zone.replace('_', '-')],
  )
  return zone
}

function event(zone: ZoneId, reason: string): AuditEvent {
  return {
    zone,
    type: 'token.exchange',
    outcome: 'allow',
    actor: { kind: 'anonymous', id: 'anonymous', name: '' },
    requestId: newId('request', clock.now()),
    reason,
  }
}

function integrator(on: Pick<Database, 'transaction'> = db): {
  readonly one: Integrator
  readonly errors: object[]
} {
  const errors: object[] = []
  const log = { error: (facts: object) => void errors.push(facts) }
  const originBase = (): string => 'https://caracal.example'
  return { one: createIntegrator({ db: on, clock, vault, log, originBase }), errors }
}

async function checkpoints(zone: ZoneId): Promise<Checkpoint[]> {
  const { rows } = await owner.query<{ note: string }>(
    'select note from log_checkpoints where zone_id = $1 order by size',
    [zone],
  )
  return rows.map(({ note }) => {
    const read = parseCheckpoint(parseNote(note)?.text ?? '')
    if (read === null) throw new Error('not a checkpoint')
    return read
  })
}

interface LoggedRow {
  readonly sequence: number
  readonly reason: string
  readonly entry: string
}

async function logged(zone: ZoneId): Promise<LoggedRow[]> {
  const { rows } = await owner.query<LoggedRow>(
    `select sequence::int, entry->>'reason' as reason, entry::text as entry from events_logged
     where zone_id = $1 order by sequence`,
    [zone],
  )
  return rows
}

/** Everything of the log holds together: places, leaves, and each checkpoint continues the last. */
async function expectWhole(zone: ZoneId): Promise<void> {
  const rows = await logged(zone)
  expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => i))
  const all = await checkpoints(zone)
  expect(all.at(-1)?.size).toBe(rows.length)
  await db.transaction(zone, async (queries) => {
    const read = (places: Parameters<typeof readTiles>[2]) => readTiles(queries, zone, places)
    for (const [i, later] of all.entries()) {
      const earlier = all[i - 1]
      if (earlier === undefined) continue
      const proof = await consistencyProof(earlier.size, later.size, read)
      expect(provesConsistency(earlier, later, proof)).toBe(true)
    }
    const tiles = await read(
      Array.from({ length: Math.ceil(rows.length / 256) }, (_, index) => ({ level: 0, index })),
    )
    const ordered = tiles.toSorted((a, b) => a.index - b.index).map(({ hashes }) => hashes)
    expect(Buffer.concat(ordered)).toEqual(Buffer.concat(rows.map(({ entry }) => leafHash(entry))))
  })
}

describe('a round', () => {
  test('gives every event of every zone its place, and does nothing where there is none', async () => {
    const zones = await Promise.all([newZoneId(), newZoneId(), newZoneId()])
    await using writer = createEventWriter(db, clock)
    const { one, errors } = integrator()
    for (const count of [1, 300, 5]) {
      await Promise.all(
        zones.flatMap((zone) =>
          Array.from({ length: count }, (_, n) => writer.append(event(zone, String(n)))),
        ),
      )
      while (await one.round());
    }
    for (const zone of zones) {
      await expectWhole(zone)
      expect(await logged(zone)).toHaveLength(306)
    }
    const before = await checkpoints(zones[0])
    await one.round()
    expect(await checkpoints(zones[0])).toEqual(before)
    expect(errors).toEqual([])
  })

  test('by several processes at once leaves one log that each continues', async () => {
    const zone = await newZoneId()
    await using writer = createEventWriter(db, clock)
    const replicas = Array.from({ length: 4 }, () => integrator().one)
    const done = { writing: true }
    const rounds = replicas.map(async (replica) => {
      while (done.writing) await replica.round()
    })
    for (let n = 0; n < 60; n += 1)
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => writer.append(event(zone, String(20 * n + i)))),
      )
    done.writing = false
    await Promise.all(rounds)
    while (await replicas[0]?.round());
    await expectWhole(zone)
    const reasons = (await logged(zone)).map(({ reason }) => reason)
    expect(reasons).toHaveLength(1_200)
    expect(new Set(reasons).size).toBe(1_200)
    expect((await checkpoints(zone)).length).toBeGreaterThan(1)
  })

  test('that fails at any statement leaves nothing, and the next one does it all', async () => {
    const zone = await newZoneId()
    await using writer = createEventWriter(db, clock)
    await writer.append(event(zone, 'first'))
    await integrator().one.round()
    let fails = 0
    for (let at = 1; fails === at - 1; at += 1) {
      await writer.append(event(zone, `failing at ${at}`))
      const before = [await logged(zone), await checkpoints(zone)]
      const failing = integrator(failAt(at)).one
      const failed = await failing.round().then(
        () => false,
        () => true,
      )
      if (failed) {
        fails += 1
        expect([await logged(zone), await checkpoints(zone)]).toEqual(before)
      }
      // The same process goes on where the database is, not where it believed to be.
      await failing.round()
      await expectWhole(zone)
    }
    expect(fails).toBeGreaterThan(6)
  })

  test('signs nothing on a tree that is not what was signed, and goes on with other zones', async () => {
    const [zone, other] = [await newZoneId(), await newZoneId()]
    await using writer = createEventWriter(db, clock)
    await writer.append(event(zone, 'one'))
    await integrator().one.round()
    await owner.query('update log_tiles set hashes = $2 where zone_id = $1', [
      zone,
      leafHash('another'),
    ])
    await writer.append(event(zone, 'two'))
    await writer.append(event(other, 'three'))
    const { one, errors } = integrator()
    await one.round()
    await one.round()
    expect(errors).toEqual([expect.objectContaining({ zone })])
    expect(await checkpoints(zone)).toHaveLength(1)
    expect(await logged(other)).toHaveLength(1)
    await expectWhole(other)
  })
})

/** A database on which the n-th statement of the first transaction fails. */
function failAt(n: number): Pick<Database, 'transaction'> {
  let left = n
  return {
    async transaction(zone, work) {
      const plugin: KyselyPlugin = {
        transformQuery: ({ node }) => {
          left -= 1
          if (left === 0) throw new Error('the statement failed')
          return node
        },
        transformResult: ({ result }) => Promise.resolve(result),
      }
      const done = db.transaction(zone, (queries) => work(queries.withPlugin(plugin)))
      await done.catch(() => undefined)
      left = Infinity
      return done
    },
  }
}
