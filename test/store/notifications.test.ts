import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openNotifications, listenerName } from '../../src/store/notifications.ts'
import { asOwner, freshDatabase, type FreshDatabase } from '../support/databases.ts'

let database: FreshDatabase

beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

const channel = 'test_channel'

function say(payload: string): Promise<unknown> {
  return asOwner(database.connection, `select pg_notify('${channel}', '${payload}')`)
}

async function listeners(): Promise<number> {
  const rows = await asOwner(
    database.connection,
    `select 1 from pg_stat_activity
     where application_name = '${listenerName}' and datname = current_database()`,
  )
  return rows.length
}

describe('notifications', () => {
  test('reach every hearer, and those who have left no more', async () => {
    await using notifications = openNotifications(database.connection, channel)
    const [stays, leaves]: [(string | null)[], (string | null)[]] = [[], []]
    notifications.hear((payload) => stays.push(payload))
    const leaving = notifications.hear((payload) => leaves.push(payload))
    await vi.waitFor(() => expect(stays).toEqual([null]), 10_000)
    await say('a')
    await vi.waitFor(() => expect(stays).toEqual([null, 'a']), 10_000)
    leaving[Symbol.dispose]()
    await say('b')
    await vi.waitFor(() => expect(stays).toEqual([null, 'a', 'b']), 10_000)
    expect(leaves).toEqual([null, 'a'])
  })

  test('come again after the connection broke, which hearers are told of', async () => {
    await using notifications = openNotifications(database.connection, channel)
    const heard: (string | null)[] = []
    notifications.hear((payload) => heard.push(payload))
    await vi.waitFor(() => expect(heard).toEqual([null]), 10_000)
    await asOwner(
      database.connection,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = '${listenerName}' and datname = current_database()`,
    )
    await vi.waitFor(() => expect(heard).toEqual([null, null]), 10_000)
    await say('after')
    await vi.waitFor(() => expect(heard).toEqual([null, null, 'after']), 10_000)
  })

  test('of a transaction that is rolled back come never', async () => {
    await using notifications = openNotifications(database.connection, channel)
    const heard: (string | null)[] = []
    notifications.hear((payload) => heard.push(payload))
    await vi.waitFor(() => expect(heard).toEqual([null]), 10_000)
    await asOwner(
      database.connection,
      `begin; select pg_notify('${channel}', 'undone'); rollback;
       select pg_notify('${channel}', 'done')`,
    )
    await vi.waitFor(() => expect(heard).toEqual([null, 'done']), 10_000)
  })

  test('need no connection before somebody hears, and leave none behind', async () => {
    await vi.waitFor(async () => expect(await listeners()).toBe(0), 10_000)
    const notifications = openNotifications(database.connection, channel)
    expect(await listeners()).toBe(0)
    notifications.hear(() => undefined)
    await vi.waitFor(async () => expect(await listeners()).toBe(1), 10_000)
    await notifications[Symbol.asyncDispose]()
    await vi.waitFor(async () => expect(await listeners()).toBe(0), 10_000)
  })

  test('end at once where the server cannot be reached', async () => {
    const notifications = openNotifications(
      { ...database.connection, port: 1, host: '127.0.0.1' },
      channel,
    )
    notifications.hear(() => undefined)
    await notifications[Symbol.asyncDispose]()
  })
})
