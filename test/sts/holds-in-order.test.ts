import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientIn, gatedClient, gateOnWrites } from '../support/gated.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/** Guarantee: requests that are held together never wait for each other in a circle. */
let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

async function typesSince(make: ZoneMaker, mark: number) {
  const events = (await world.events(mark)).filter(({ zone_id }) => zone_id === make.zone)
  return events.map(({ type, outcome }) => `${type} ${outcome}`)
}

/** How many statements wait for a row's lock. */
async function waiting(): Promise<number> {
  const [row] = await world.sql<{ count: string }>(
    `select count(*) from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`,
  )
  return Number(row?.count)
}

async function isWaiting(count: number): Promise<void> {
  await expect.poll(waiting, { timeout: 10_000, interval: 20 }).toBe(count)
}

/** A policy set with one version that gates the writing of invoices. */
async function gate(make: ZoneMaker) {
  const { id: policy_set_id } = await make.policySet()
  const policy = await make.call('policies.create', {
    ...{ name: freshName('gate'), language: 'json', source: JSON.stringify(gateOnWrites) },
  })
  const { id: version_id } = await make.call('policy_sets.add_version', {
    policy_set_id,
    manifest: [{ policy_version_id: policy.latest_version.id }],
  })
  return () => make.call('policy_sets.activate', { policy_set_id, version_id })
}

test('a request under two policies, one of which is activated in between', async () => {
  const make = await newZone(world)
  const [activateFirst, activateSecond] = [await gate(make), await gate(make)]
  await activateFirst()
  const client = await clientIn(make)
  const first = String((await client.ask()).body.approval_id)
  await activateSecond()
  const second = String((await client.ask()).body.approval_id)
  // Both are open, and past their time: each request ends its own, and then that of the other.
  await world.sql(`update holds set state = 'pending' where id = $1`, [first])
  world.pass(600_000)
  await activateFirst()
  const locker = new pg.Client(world.connection)
  await locker.connect()
  await locker.query('begin')
  await locker.query('select 1 from holds where id in ($1, $2) for update', [first, second])
  const underFirst = client.ask()
  await isWaiting(1)
  await activateSecond()
  const underSecond = client.ask()
  await isWaiting(2)
  await locker.query('commit')
  await locker.end()
  for (const answer of await Promise.all([underFirst, underSecond]))
    expect(answer).toMatchObject({ status: 400, body: { error: 'interaction_required' } })
  const [stat] = await world.sql<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  expect(Number(stat?.deadlocks)).toBe(0)
  const { items } = await make.call('approvals.list', { state: 'pending' })
  expect(items).toHaveLength(1)
})

describe('a transaction that PostgreSQL ends for the sake of another', () => {
  const codes = ['40P01', '40001']

  /** Lets the next statements of a kind on the holds of a zone fail, and says how to end that. */
  async function failing(make: ZoneMaker, when: string, code: string, times: number) {
    await world.sql('create sequence failures')
    await world.sql('grant all on sequence failures to public')
    await world.sql(`
      create function fail() returns trigger language plpgsql as $$ begin
        if nextval('failures') <= ${String(times)} then
          raise exception 'others first' using errcode = '${code}';
        end if;
        return new;
      end $$`)
    await world.sql(`
      create trigger fail before insert or update on holds for each row
      when (new.zone_id = '${make.zone}' and new.state = '${when}') execute function fail()`)
    return async () => {
      await world.sql('drop trigger fail on holds')
      await world.sql('drop function fail')
      await world.sql('drop sequence failures')
    }
  }

  test.each(codes)('with %s, is tried once more', async (code) => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    let mark = await world.eventCount()
    let end = await failing(make, 'pending', code, 1)
    const held = await client.ask().finally(end)
    expect(held.body).toMatchObject({ error: 'interaction_required', reason: 'approval_required' })
    expect(await typesSince(make, mark)).toEqual([
      'approval.issued applied',
      'token.client_credentials deny',
    ])
    await make.call('approvals.approve', { approval_id: String(held.body.approval_id) })
    mark = await world.eventCount()
    end = await failing(make, 'consumed', code, 1)
    expect((await client.ask().finally(end)).status).toBe(200)
    expect(await typesSince(make, mark)).toEqual([
      'token.client_credentials allow',
      'approval.consumed applied',
    ])
  })

  test.each(codes)('with %s, and the second time too, is told to come back', async (code) => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    for (const state of ['pending', 'consumed']) {
      const [mark, before] = [await world.eventCount(), await world.state()]
      const end = await failing(make, state, code, 2)
      const answer = await client.ask().finally(end)
      expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } })
      expect(await world.state()).toBe(before)
      expect(await typesSince(make, mark)).toEqual(['token.client_credentials deny'])
      const held = await client.ask()
      if (state === 'consumed') expect(held.status).toBe(200)
      else await make.call('approvals.approve', { approval_id: String(held.body.approval_id) })
    }
  })
})
