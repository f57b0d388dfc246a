import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/kernel/ids.ts'
import { authorityQuery, findAuthority, type AuthorityRow } from '../../src/store/authority.ts'
import { createZoneReader } from '../../src/store/zone-reader.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { startWorld, tenant, type StsWorld } from '../sts/sts-world.ts'

let database: FreshDatabase
let world: StsWorld

beforeAll(async () => {
  database = await freshDatabase()
  world = await startWorld(database.connection, randomBytes(32))
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

const everything = { name: 'all_applications', text: 'select * from applications', values: [] }
const setting = {
  name: 'setting',
  text: `select current_setting('caracal.zone', true) as zone`,
  values: [],
}

describe('reads that share a round trip', () => {
  test('see the rows of their own zone only, without asking for it in the statement', async () => {
    const tenants = await Promise.all(Array.from({ length: 5 }, () => tenant(world)))
    const reader = createZoneReader(world.db.pool)
    const reads = Array.from({ length: 400 }, (_, n) => tenants[n % tenants.length]!)
    const answers = await Promise.all(reads.map(({ zone }) => reader.read(zone, everything)))
    for (const [n, rows] of answers.entries())
      expect(rows.map((row): unknown => row['zone_id'])).toEqual([reads[n]!.zone])
  })

  test('leave no zone behind on the connection', async () => {
    const { zone } = await tenant(world)
    const reader = createZoneReader(world.db.pool)
    await Promise.all(Array.from({ length: 50 }, () => reader.read(zone, everything)))
    const left = await Promise.all(
      Array.from({ length: 20 }, () => world.db.pool.query<{ zone: string | null }>(setting.text)),
    )
    expect(left.every(({ rows }) => (rows[0]?.zone ?? '') === '')).toBe(true)
    const bare = await world.db.pool.query('select * from applications')
    expect(bare.rows).toEqual([])
  })

  test('fail by themselves', async () => {
    const { zone } = await tenant(world)
    const reader = createZoneReader(world.db.pool)
    const broken = { name: 'broken', text: 'select 1 / (length($1) - 1) as one', values: ['x'] }
    const outcomes = await Promise.allSettled([
      reader.read(zone, setting),
      reader.read(zone, broken),
      reader.read(zone, setting),
      reader.read('*', setting),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    expect(await reader.read(zone, setting)).toEqual([{ zone }])
  })

  test('answer each of those who share a statement, in the order they asked', async () => {
    const tenants = await Promise.all(Array.from({ length: 4 }, () => tenant(world)))
    const reader = createZoneReader(world.db.pool)
    const named = fc.constantFrom(...tenants)
    const question = fc.record({
      zone: named,
      application: named,
      resource: fc.option(named),
      byId: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(question, { maxLength: 30 }), async (questions) => {
        const asked = questions.map(({ zone: { zone }, application, resource, byId }) => {
          const { id, identifier } = resource?.resource ?? {}
          const by = byId ? { id: String(id) } : { identifier: String(identifier) }
          const { application: applicationId } = application
          return { zone, subject: { applicationId, resource: resource === null ? null : by } }
        })
        const [together, alone] = await Promise.all([
          Promise.all(
            asked.map((one) => reader.read(one.zone, authorityQuery(one.zone, one.subject))),
          ),
          Promise.all(
            asked.map((one) =>
              world.db.transaction(one.zone, (q) => findAuthority(q, one.zone, one.subject)),
            ),
          ),
        ])
        const unplaced = together.map((rows) => rows.map(({ place: _, ...row }) => row))
        expect(unplaced).toEqual(alone.map((row) => [{ ...row, place: undefined }]))
      }),
      { numRuns: 40 },
    )
  })

  test('fail by themselves where they share a statement too', async () => {
    const { zone } = await tenant(world)
    const reader = createZoneReader(world.db.pool)
    const halves = (number: string) => ({
      name: 'halves',
      text: `select place, 10 / number::int as half
        from unnest($1::text[]) with ordinality as asked (number, place)`,
      asked: [number],
    })
    const outcomes = await Promise.allSettled([
      reader.read(zone, halves('2')),
      reader.read(zone, halves('0')),
      reader.read(zone, halves('5')),
    ])
    expect(outcomes).toMatchObject([
      { value: [{ half: 5 }] },
      { status: 'rejected', reason: { code: '22012' } },
      { value: [{ half: 2 }] },
    ])
  })

  test('refuse what is no zone', async () => {
    const reader = createZoneReader(world.db.pool)
    await expect(reader.read(`'; drop table zones` as never, setting)).rejects.toThrow(TypeError)
  })
})

describe('the facts of authority', () => {
  test('of another zone’s application or resource are nobody’s', async () => {
    const [mine, other] = [await tenant(world), await tenant(world)]
    const subject = { applicationId: other.application, resource: { id: other.resource.id } }
    const inMine = await world.db.transaction(mine.zone, (q) =>
      findAuthority(q, mine.zone, subject),
    )
    expect(inMine).toMatchObject({ application: null, resource: null, grants: [] })
    // Even where the statement names the other zone, the setting of the transaction decides.
    const [asked] = await createZoneReader(world.db.pool).read<AuthorityRow>(
      mine.zone,
      authorityQuery(other.zone, subject),
    )
    expect(asked).toMatchObject({ application: null, resource: null, grants: [], key_id: null })
  })

  test('hold an archived resource by its id, and not by its identifier', async () => {
    const { zone, application, resource } = await tenant(world)
    await world.rows('update resources set archived_at = now() where id = $1', [resource.id])
    const find = (named: { id: string } | { identifier: string }) =>
      world.db.transaction(zone, (q) =>
        findAuthority(q, zone, { applicationId: application, resource: named }),
      )
    expect((await find({ id: resource.id }))?.resource).toMatchObject({ archived: true })
    expect((await find({ identifier: resource.identifier }))?.resource).toBeNull()
  })

  test('do not exist for a zone that does not', async () => {
    const zone = newId('zone', world.now())
    const row = await world.db.transaction(zone, (q) =>
      findAuthority(q, zone, { applicationId: 'x', resource: null }),
    )
    expect(row).toBeUndefined()
  })
})
