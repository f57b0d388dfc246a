import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  access,
  application,
  apply,
  approve,
  approved,
  expectApplyRefused,
  onPlan,
  propose,
  readPlan,
  type Applied,
  type Plan,
} from '../../support/plans.ts'
import { expectError } from '../../support/refused.ts'
import { freshName, newZone } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World
let replica: World

beforeAll(async () => {
  world = await startWorld()
  replica = await startWorld({ sharing: world })
})

afterAll(async () => {
  await replica[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

function someAccess(): Promise<Plan> {
  return approved(world, access(freshName()))
}

/** Every row of every table that holds a text somewhere: bytes as hex too. */
async function rowsWith(text: string): Promise<string[]> {
  const tables = await world.sql<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const hex = Buffer.from(text).toString('hex')
    const rows = await world.sql(
      `select 1 from ${name} t where strpos(t::text, $1) > 0 or strpos(t::text, $2) > 0`,
      [text, hex],
    )
    if (rows.length > 0) found.push(name)
  }
  return found
}

describe('one-time secrets', () => {
  test('go to the response of an approver who applies, and stay nowhere', async () => {
    const plan = await someAccess()
    const applied = await apply(world, plan)
    expect(applied.secrets).toEqual([
      { step: 'app', field: 'client_secret', value: expect.stringMatching(/^cs_/) },
    ])
    const secret = applied.secrets[0]?.value ?? ''
    expect(await rowsWith(secret)).toEqual([])
    const read = JSON.stringify([await readPlan(world, plan), await world.call('GET', 'plans')])
    expect(read).not.toContain(secret)
    expect(read).toContain('generated at apply')
  })

  test('are shown by no second apply, and by the same Idempotency-Key alone', async () => {
    const plan = await someAccess()
    const path = `plans/${plan.id}/apply`
    const keyed = { headers: { 'idempotency-key': plan.id } }
    const first: Applied = (await world.call('POST', path, {}, keyed)).body
    const again = await world.call('POST', path, {}, keyed)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(again.body).toEqual(first)
    expect(await rowsWith(first.secrets[0]?.value ?? '')).toEqual([])
    expect(await apply(world, plan)).toMatchObject({ replayed: true, secrets: [], events: [] })
  })

  test('go to nobody who has not approved exactly this', async () => {
    const writer = await world.person('writer', ['read', 'write'])
    expect((await apply(world, await someAccess(), { token: writer })).secrets).toEqual([])

    const robot = await world.automation('robot', ['read', 'write', 'approve'])
    expect((await apply(world, await someAccess(), { token: robot })).secrets).toEqual([])

    const first = await propose(world, access(freshName()))
    const bob = await world.person('bob', ['read', 'write', 'approve'], first.zone_id)
    await approve(world, first, { token: bob })
    const second: Plan = (await onPlan(world, first, 'preview')).body
    await approve(world, second)
    expect((await apply(world, second, { token: bob })).secrets).toEqual([])
  })

  test('of a rotation is shown like that of a creation', async () => {
    const make = await newZone(world)
    const { id } = await make.application()
    const input = { application_id: id }
    const steps = [{ id: 'turn', operation: 'applications.rotate_secret', input }]
    const plan = await propose(world, steps, { zone: make.zone })
    const applied = await apply(world, await approve(world, plan, { reason: 'it leaked' }))
    expect(applied.secrets).toMatchObject([{ step: 'turn', field: 'client_secret' }])
  })
})

describe('once', () => {
  test('applied again, it answers the first result and does nothing', async () => {
    const plan = await someAccess()
    const first = await apply(world, plan)
    const [state, mark] = [await world.state(), await world.eventCount()]
    const again = await apply(world, plan)
    expect(again).toEqual({ plan: first.plan, replayed: true, events: [], secrets: [] })
    expect(await world.state()).toBe(state)
    expect((await world.events(mark)).map(({ type }) => type)).toEqual(['plans.apply'])
  })

  test('of many applies at the same time on two replicas exactly one runs', async () => {
    for (let round = 0; round < 5; round += 1) {
      const plan = await someAccess()
      const mark = await world.eventCount()
      const answers = await Promise.all(
        [world, replica, world, replica].map((one) => onPlan(one, plan, 'apply')),
      )
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      const results = answers.map(({ body }) => body as Applied)
      expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1)
      expect(results.flatMap(({ secrets }) => secrets)).toHaveLength(1)
      const events = (await world.events(mark)).map(({ type }) => type)
      expect(events.filter((type) => type === 'applications.create')).toHaveLength(1)
    }
  })

  test('of two plans on one state, applied at the same time, one is stale', async () => {
    const plans = [
      await propose(world, [application(freshName('agent'))]),
      await propose(world, [application(freshName('agent'))]),
    ]
    for (const plan of plans) await approve(world, plan)
    const answers = await Promise.all(
      plans.map((plan, i) => onPlan(i === 0 ? world : replica, plan, 'apply')),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    const states = await Promise.all(plans.map(async (plan) => (await readPlan(world, plan)).state))
    expect(states.sort()).toEqual(['applied', 'stale'])
  })

  test('a call that is refused meanwhile does not undo what another one does', async () => {
    const requester = await world.admin.adminTokens.create({
      principal_name: freshName('requester'),
      principal_kind: 'person',
      capabilities: ['read', 'write'],
    })
    const plan = await propose(world, access(freshName()), { token: requester.token })
    await approve(world, plan)
    const holder = new pg.Client(world.connection)
    await holder.connect()
    try {
      await holder.query('begin; lock table grants in share mode')
      const first = onPlan(world, plan, 'apply')
      await waiting('%insert into "grants"%')
      await world.admin.adminTokens.delete({ admin_token_id: requester.id })
      const second = onPlan(replica, plan, 'apply')
      await waiting('%from "plans"%for update%')
      await holder.query('commit')
      expect((await first).body).toMatchObject({ replayed: false, plan: { state: 'applied' } })
      expectError(await second, 'access_denied')
    } finally {
      await holder.end()
    }
    expect(await readPlan(world, plan)).toMatchObject({ state: 'applied', failure: null })
  })

  test('an approval and a rejection at the same time: whatever comes second sees the first', async () => {
    const plan = await propose(world, [application(freshName('agent'))])
    const [given, refused] = await Promise.all([
      onPlan(world, plan, 'approve', { digest: plan.digest }),
      onPlan(replica, plan, 'reject', { reason: 'no' }),
    ])
    expect(refused.status).toBe(200)
    expect([200, 409]).toContain(given.status)
    expect((await readPlan(world, plan)).state).toBe('rejected')
    await expectApplyRefused(world, plan, 'plan_state', 'not asked for')
  })
})

describe('what the caller says of the plan', () => {
  test('another digest than the plan’s applies nothing, and the plan stays approved', async () => {
    const plan = await someAccess()
    const other = oneByteOff(plan.digest ?? '')
    await expectApplyRefused(world, plan, 'approval_mismatch', 'not asked for', { digest: other })
    const digest = plan.digest ?? ''
    expect((await onPlan(world, plan, 'apply', { digest })).body.plan.state).toBe('applied')
  })

  test.each([
    ['an If-Match that has moved', { 'if-match': '"99"' }, 'revision_conflict'],
    ['a key that came before', { 'idempotency-key': 'worn' }, 'idempotency_key_reused'],
  ] as const)('%s refuses the call and not the plan', async (_, headers, code) => {
    const named = { name: freshName('agent') }
    if (code === 'idempotency_key_reused')
      await world.call('POST', 'applications', named, { headers })
    const plan = await someAccess()
    const before = await world.state()
    expectError(await world.call('POST', `plans/${plan.id}/apply`, {}, { headers }), code)
    expect(await world.state()).toBe(before)
    expect((await apply(world, plan)).replayed).toBe(false)
  })
})

describe('the database', () => {
  test('ends the connection in the middle of the steps: nothing is written, and it can be tried again', async () => {
    const plan = await someAccess()
    const [before, mark] = [await world.state(), await world.eventCount()]
    const holder = new pg.Client(world.connection)
    await holder.connect()
    try {
      // The plan's third step waits for this, with the first two done in its transaction.
      await holder.query('begin; lock table grants in share mode')
      const answer = onPlan(world, plan, 'apply')
      const pid = await waiting('%insert into "grants"%')
      await world.sql('select pg_terminate_backend($1)', [pid])
      expectError(await answer, 'not_ready')
    } finally {
      await holder.end()
    }
    expect(await world.state()).toBe(before)
    const left = (await world.events(mark)).map(({ type, outcome }) => `${type} ${outcome}`)
    expect(left).toEqual(['token.plan_mandate allow', 'plans.apply refused'])
    expect(await readPlan(world, plan)).toMatchObject({ state: 'approved', failure: null })
    expect((await apply(world, plan)).replayed).toBe(false)
  })

  test('ends every connection at some moment: all or nothing, and the state says which', async () => {
    let cut = 0
    for (let round = 0; round < 12; round += 1) {
      const plan = await someAccess()
      const before = await world.state()
      const answer = onPlan(world, plan, 'apply').catch(() => null)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 25))
      await terminateAll()
      const status = (await answer)?.status
      const { state } = await readOnceBack(plan)
      expect(['approved', 'applied']).toContain(state)
      if (status === 200) expect(state).toBe('applied')
      if (state === 'approved') {
        cut += 1
        expect(await world.state()).toBe(before)
        expect((await apply(world, plan)).replayed).toBe(false)
      }
      const events = await world.sql(
        `select type from events where plan_id = $1 and type = 'grants.create'`,
        [plan.id],
      )
      expect(events).toHaveLength(1)
    }
    expect(cut).toBeGreaterThan(0)
  })
})

/** Reads a plan; until the lost connections are replaced the service says that it is not ready. */
async function readOnceBack(plan: Plan): Promise<Plan> {
  for (;;) {
    const answer = await world.call('GET', `plans/${plan.id}`)
    if (answer.status !== 503) {
      expect(answer.status).toBe(200)
      return answer.body as Plan
    }
    expect(answer.body.error).toBe('not_ready')
  }
}

/** Ends all connections of the services. */
async function terminateAll(): Promise<void> {
  await world.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and usename = current_user`,
  )
}

/** The connection that waits for a lock in a query like this, once there is one. */
async function waiting(query: string): Promise<number> {
  const deadline = Date.now() + 5_000
  for (;;) {
    const [row] = await world.sql<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database()
         and wait_event_type = 'Lock' and query ilike $1`,
      [query],
    )
    if (row !== undefined) return row.pid
    if (Date.now() > deadline) throw new Error(`nothing waits in ${query}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function oneByteOff(digest: string): string {
  return digest.slice(0, -1) + (digest.endsWith('0') ? '1' : '0')
}
