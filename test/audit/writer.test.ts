import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AuditEvent } from '../../src/audit/event.ts'
import { createEventWriter, type EventWriter } from '../../src/audit/writer.ts'
import { newId } from '../../src/kernel/ids.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'

let database: FreshDatabase
let db: Database

beforeAll(async () => {
  database = await freshDatabase()
  db = openDatabase(database.connection)
})
afterAll(async () => {
  await db[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

const clock = { now: (): number => Date.now() }
const zone = newId('zone', clock.now())

function event(reason: string): AuditEvent {
  return {
    zone,
    type: 'token.exchange',
    outcome: 'allow',
    actor: { kind: 'anonymous', id: 'anonymous', name: '' },
    requestId: newId('request', clock.now()),
    reason,
  }
}

/** What an observer outside of the service sees, so that only what is committed counts. */
async function written(prefix: string): Promise<{ id: string; reason: string }[]> {
  const client = new pg.Client(database.connection)
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string; reason: string }>(
      `select id, entry->>'reason' as reason from events where entry->>'reason' like $1
       order by position`,
      [`${prefix}%`],
    )
    return rows
  } finally {
    await client.end()
  }
}

describe('an event writer', () => {
  test('has written an event when it says so', async () => {
    await using writer = createEventWriter(db, clock)
    const id = await writer.append(event('one'))
    expect(await written('one')).toEqual([{ id, reason: 'one' }])
  })

  test('writes a crowd in its order, each once', async () => {
    await using writer = createEventWriter(db, clock)
    const names = Array.from({ length: 1_700 }, (_, n) => `many ${String(n).padStart(4, '0')}`)
    const ids = await Promise.all(names.map((name) => writer.append(event(name))))
    const rows = await written('many')
    expect(rows.map((row) => row.reason)).toEqual(names)
    expect(rows.map((row) => row.id)).toEqual(ids)
  })

  test('writes what no database stores with a mark in its place', async () => {
    await using writer = createEventWriter(db, clock)
    const names = [
      'beside 1',
      'beside \u0000',
      'beside \ud800.',
      'beside \\u0000',
      'beside \ud83e\udda1',
    ]
    await Promise.all(names.map((name) => writer.append(event(name))))
    expect((await written('beside')).map((row) => row.reason)).toEqual([
      'beside 1',
      'beside \ufffd',
      'beside \ufffd.',
      'beside \\u0000',
      'beside \ud83e\udda1',
    ])
  })

  test('rejects rather than keeping more than it can hold, and goes on', async () => {
    await using writer = createEventWriter(db, clock)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10_050 }, (_, n) => writer.append(event(`flood ${n}`))),
    )
    const refused = outcomes.filter((one) => one.status === 'rejected')
    expect(refused).toHaveLength(50)
    expect(refused[0]?.reason).toMatchObject({ code: 'not_ready' })
    expect(await written('flood')).toHaveLength(10_000)
    await writer.append(event('after the flood'))
  })

  test('closes when everything is written, and takes nothing more', async () => {
    const writer: EventWriter = createEventWriter(db, clock)
    const pending = Array.from({ length: 30 }, (_, n) => writer.append(event(`last ${n}`)))
    await writer.close()
    expect(await written('last')).toHaveLength(30)
    await Promise.all(pending)
    await expect(writer.append(event('too late'))).rejects.toMatchObject({ code: 'not_ready' })
  })

  test('says that nothing was written when the database is gone, and goes on when it is back', async () => {
    await using own = openDatabase(database.connection)
    await using writer = createEventWriter(own, clock)
    await writer.append(event('before'))
    const owner = new pg.Client(database.connection)
    await owner.connect()
    const losing = Promise.allSettled(
      Array.from({ length: 200 }, (_, n) => writer.append(event(`cut ${n}`))),
    )
    await owner.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where pid <> pg_backend_pid() and datname = current_database() and usename = current_user`,
    )
    const outcomes = await losing
    const acknowledged = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const stored = new Set((await written('cut')).map((row) => row.id))
    expect(acknowledged.every((id) => stored.has(id))).toBe(true)
    await owner.end()
    const id = await writer.append(event('cut, back again'))
    expect((await written('cut, back')).map((row) => row.id)).toEqual([id])
  })
})
