import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/kernel/limits.ts'
import { pruneFinished } from '../../src/sts/upkeep.ts'
import { agentsIn, type Agents, type RunningAgent, type Runner } from '../support/agents.ts'
import { clientIn, gatedClient } from '../support/gated.ts'
import { freshName, newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/**
 * Guarantee: what is finished is kept for thirty days and removed after that, in every zone; what is
 * live, or what something live rests upon, never is.
 */
const retentionMs = limits.finishedRetentionSeconds * 1_000
const hourMs = 3_600_000

let world: World
let zone: Agents
let runner: Runner

beforeAll(async () => {
  world = await startWorld({ still: true })
  zone = await agentsIn(world, await newZone(world))
  runner = await zone.granted(['invoices:read'])
})
afterAll(() => world[Symbol.asyncDispose]())

async function prune(): Promise<void> {
  await pruneFinished(world.service.context)
}

async function sessionIds(): Promise<string[]> {
  const { items } = await zone.make.call('sessions.list', { limit: 500 })
  return items.map(({ id }) => id)
}

async function edgeIds(): Promise<string[]> {
  const { items } = await zone.make.call('delegations.list', { limit: 500 })
  return items.map(({ id }) => id)
}

async function verb(name: 'suspend' | 'terminate', { session }: RunningAgent): Promise<void> {
  await zone.make.call(`sessions.${name}`, { session_id: session.id })
}

/** Both sides of the day on which something goes. */
async function expectKeptFor(ms: number, gone: () => Promise<string[]>): Promise<void> {
  const before = await gone()
  expect(before).not.toEqual([])
  world.pass(ms - hourMs)
  await prune()
  expect(await gone()).toEqual(before)
  world.pass(2 * hourMs)
  await prune()
  expect(await gone()).toEqual([])
}

test('sessions that were ended, have expired or lost their lease go, with what was lent', async () => {
  const [first, second, third] = [
    await zone.agent(runner, { ttl_seconds: 600 }),
    await zone.agent(runner, { lifecycle: 'service', lease_seconds: 600 }),
    await zone.agent(runner, { ttl_seconds: 600 }),
  ]
  await zone.start(first.token, { lifecycle: 'service', lease_seconds: 60 })
  const expires_at = new Date(world.now() + 600_000).toISOString()
  const lent = await zone.delegate(first, {
    ...{ target_session_id: second.session.id, max_hops: 2, expires_at },
  })
  await zone.delegate(second, {
    ...{ target_session_id: third.session.id, parent_edge_id: lent.id, max_hops: 1 },
    expires_at,
  })
  await verb('terminate', third)
  const kept = await zone.agent(runner, { lifecycle: 'service', lease_seconds: 600 })
  await verb('suspend', kept)
  const root = kept.session.root_id
  await expectKeptFor(retentionMs, async () =>
    [...(await sessionIds()), ...(await edgeIds())].filter(
      (id) => id !== kept.session.id && id !== root,
    ),
  )
  expect(await zone.make.call('sessions.get', { session_id: kept.session.id })).toMatchObject({
    state: 'suspended',
  })
  await zone.make.call('sessions.resume', { session_id: kept.session.id })
  expect(await zone.mandate(runner, kept.session.id)).toBeTruthy()
})

test('a session that a refresh token may still be used for stays', async () => {
  const agent = await zone.agent(runner, { ttl_seconds: 60 })
  const { root_id: root, id } = agent.session
  await world.sql(
    `insert into refresh_tokens (token_hash, zone_id, session_id, application_id, created_at, expires_at)
     values ('hash', $1, $2, $3, now(), $4)`,
    [zone.make.zone, root, runner.id, new Date(world.now() + 2 * retentionMs)],
  )
  world.pass(retentionMs + hourMs)
  await prune()
  const left = await sessionIds()
  expect([left.includes(root), left.includes(id)]).toEqual([true, false])
})

test('approvals that came to an end go with their decisions, and open ones stay', async () => {
  const make = await newZone(world)
  const clients = [await gatedClient(make), await clientIn(make), await clientIn(make)]
  const held = []
  for (const client of clients) held.push(String((await client.ask()).body.approval_id))
  const [approved = '', rejected = ''] = held
  await make.call('approvals.approve', { approval_id: approved })
  await make.call('approvals.reject', { approval_id: rejected, reason: 'no' })
  world.pass(60_000)
  expect((await clients[0]?.ask({ approval_id: approved }))?.status).toBe(200)
  const states = async () => {
    const { items } = await make.call('approvals.list', {})
    return items.map(({ state }) => state).sort()
  }
  expect(await states()).toEqual(['consumed', 'pending', 'rejected'])
  world.pass(retentionMs - hourMs)
  await prune()
  expect(await states()).toEqual(['consumed', 'expired', 'rejected'])
  const fresh = await (await clientIn(make)).ask()
  world.pass(2 * hourMs)
  // The one that nobody has said to be over is first ended, with its event, by the upkeep.
  await prune()
  const { items } = await make.call('approvals.list', {})
  expect(items.map(({ id }) => id).sort()).toEqual([held[2], fresh.body.approval_id].sort())
  expect(await world.sql('select 1 from hold_decisions where zone_id = $1', [make.zone])).toEqual(
    [],
  )
})

test('deliveries that are over go, however many, and pending ones stay', async () => {
  const hook = await zone.make.webhook()
  const insert = (state: string, times: number) =>
    world.sql(
      `insert into webhook_deliveries (id, zone_id, webhook_id, type, body, state, attempts,
         next_attempt_at, created_at, delivered_at)
       select $1 || n, $2, $3, 'approval.issued', '{}', $4, 1, $5, $6,
         case when $4 = 'delivered' then $6::timestamptz end
       from generate_series(1, $7::int) n`,
      [
        ...[freshName('delivery'), zone.make.zone, hook.id, state],
        ...[new Date(world.now() + (state === 'pending' ? 9 * retentionMs : 0))],
        ...[new Date(world.now()), times],
      ],
    )
  await insert('delivered', 2 * limits.prunedAtOnce + 7)
  await insert('dead', 2)
  await insert('pending', 3)
  const counts = () =>
    world.sql(
      `select state, count(*)::int as count from webhook_deliveries where webhook_id = $1
       group by state order by state`,
      [hook.id],
    )
  const all = await counts()
  world.pass(retentionMs - hourMs)
  await prune()
  expect(await counts()).toEqual(all)
  world.pass(2 * hourMs)
  const mark = await world.eventCount()
  await Promise.all([prune(), prune()])
  expect(await counts()).toEqual([{ state: 'pending', count: 3 }])
  expect(await world.eventCount()).toBe(mark)
})
