import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expireApprovals } from '../../src/sts/upkeep.ts'
import { activateDocuments, clientIn, gatedClient, gateOnWrites } from '../support/gated.ts'
import { requestIdOf } from '../support/requests.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** Lets the client poll again. */
function wait(answer: Answer): void {
  world.pass(Number(answer.body.interval) * 1_000)
}

function approve(make: ZoneMaker, held: Answer, token?: string) {
  const input = { approval_id: String(held.body.approval_id) }
  return make.call('approvals.approve', input, token === undefined ? {} : { token })
}

async function typesSince(make: ZoneMaker, mark: number) {
  const events = (await world.events(mark)).filter(({ zone_id }) => zone_id === make.zone)
  return events.map(({ type, outcome, reason }) => [type, outcome, reason])
}

describe('a gated scope', () => {
  test('is held, approved by a person, and given once', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    let mark = await world.eventCount()
    const held = await client.ask()
    expect(held.status).toBe(400)
    expect(held.body).toMatchObject({
      error: 'interaction_required',
      reason: 'approval_required',
      approval_id: expect.stringMatching(/^apr_/),
      tier: 'high',
      missing: ['invoices:write'],
      interval: 5,
      expires_in: 600,
      request_id: requestIdOf(held),
    })
    expect(held.body.expires_at).toBe(new Date(Date.parse(held.body.expires_at)).toISOString())
    expect(await typesSince(make, mark)).toEqual([
      ['approval.issued', 'applied', null],
      ['token.client_credentials', 'deny', 'approval_required'],
    ])

    wait(held)
    const polled = await client.ask({ approval_id: held.body.approval_id })
    expect(polled.body).toMatchObject({
      error: 'interaction_required',
      reason: 'approval_pending',
      approval_id: held.body.approval_id,
    })

    mark = await world.eventCount()
    const approved = await approve(make, held)
    expect(approved).toMatchObject({ state: 'approved', tiers: [{ tier: 'high', approvals: 1 }] })
    expect(await typesSince(make, mark)).toEqual([
      ['approval.decided', 'applied', null],
      ['approvals.approve', 'applied', null],
    ])

    mark = await world.eventCount()
    const given = await client.ask()
    expect(given.status, JSON.stringify(given.body)).toBe(200)
    expect(given.body.scope).toBe('invoices:write')
    expect(await typesSince(make, mark)).toEqual([
      ['token.client_credentials', 'allow', null],
      ['approval.consumed', 'applied', null],
    ])
    const [minted] = await world.sql<{ body: { approval_ids: string[]; rules: string[] } }>(
      `select entry as body from events where request_id = $1 and outcome = 'allow'`,
      [requestIdOf(given)],
    )
    expect(minted?.body.approval_ids).toEqual([held.body.approval_id])
    expect(await make.call('approvals.get', { approval_id: held.body.approval_id })).toMatchObject({
      state: 'consumed',
      mandate_jti: decodeJwt(given.body.access_token).jti,
    })

    const again = await client.ask()
    expect(again.body).toMatchObject({ reason: 'approval_required' })
    expect(again.body.approval_id).not.toBe(held.body.approval_id)
    const used = await client.ask({ approval_id: held.body.approval_id })
    expect(used.body).toMatchObject({ error: 'invalid_grant', reason: 'approval_consumed' })
  })

  test('asked for again and again has one hold, and who asks too soon waits longer', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    const held = await client.ask()
    const soon = await client.ask()
    expect(soon).toMatchObject({
      status: 400,
      body: { error: 'slow_down', approval_id: held.body.approval_id, interval: 10 },
    })
    world.pass(5_000)
    expect((await client.ask()).body).toMatchObject({ error: 'slow_down', interval: 15 })
    world.pass(15_000)
    expect((await client.ask()).body).toMatchObject({ reason: 'approval_pending', interval: 15 })
    for (let n = 0; n < 12; n += 1) await client.ask()
    expect((await client.ask()).body.interval).toBe(60)
    expect((await make.call('approvals.list', {})).items).toHaveLength(1)
  })

  test('is one hold for requests that arrive together', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.ask()))
    expect(new Set(answers.map(({ body }) => String(body.approval_id))).size).toBe(1)
    expect((await make.call('approvals.list', {})).items).toHaveLength(1)
  })

  test('is held for a session exchange too, and for that session alone', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    const [mine, other] = [await client.session(), await client.session()]
    const held = await client.exchange(mine)
    expect(held.body).toMatchObject({ error: 'interaction_required', tier: 'high' })
    await approve(make, held)
    const elsewhere = await client.exchange(other, { approval_id: held.body.approval_id })
    expect(elsewhere.body).toMatchObject({ error: 'invalid_grant', reason: 'approval_mismatch' })
    const given = await client.exchange(mine, { approval_id: held.body.approval_id })
    expect(given.body).toMatchObject({ scope: 'invoices:write' })
    expect(decodeJwt(given.body.access_token)['sid']).toBe(decodeJwt(mine)['sid'])
  })
})

describe('an approval ends', () => {
  test('with a rejection, whose reason the client is told until the hold would have ended', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    const held = await client.ask()
    const approval_id = String(held.body.approval_id)
    await make.call('approvals.reject', { approval_id, reason: 'not during the close' })
    for (const more of [{}, { approval_id }]) {
      const answer = await client.ask(more)
      expect(answer).toMatchObject({
        status: 403,
        body: {
          error: 'access_denied',
          reason: 'approval_rejected',
          rejection: 'not during the close',
        },
      })
    }
    world.pass(600_000)
    expect((await client.ask({ approval_id })).body.reason).toBe('approval_expired')
    expect((await client.ask()).body.reason).toBe('approval_required')
  })

  test.each(['pending', 'approved'])('with its time, while %s', async (state) => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    const held = await client.ask()
    const approval_id = String(held.body.approval_id)
    if (state === 'approved') await approve(make, held)
    world.pass(600_000)
    expect((await make.call('approvals.get', { approval_id })).state).toBe('expired')
    const mark = await world.eventCount()
    const late = await client.ask({ approval_id })
    expect(late.body).toMatchObject({ error: 'invalid_grant', reason: 'approval_expired' })
    expect((await typesSince(make, mark)).map(([type]) => type)).toEqual([
      'approval.expired',
      'token.client_credentials',
    ])
    const anew = await client.ask()
    expect(anew.body.reason).toBe('approval_required')
    expect(anew.body.approval_id).not.toBe(approval_id)
  })

  test('with its time, which the upkeep notes once', async () => {
    const make = await newZone(world)
    const held = await (await gatedClient(make)).ask()
    world.pass(600_000)
    const mark = await world.eventCount()
    await Promise.all([
      expireApprovals(world.service.context),
      expireApprovals(world.service.context),
    ])
    expect(await typesSince(make, mark)).toEqual([['approval.expired', 'applied', null]])
    const { items } = await make.call('approvals.list', { state: 'expired' })
    expect(items.map(({ id }) => id)).toEqual([held.body.approval_id])
  })

  test('with another policy, under which the request is held anew', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    const held = await client.ask()
    const approval_id = String(held.body.approval_id)
    await approve(make, held)
    await activateDocuments(make, { ...gateOnWrites, confinement: [] })
    const anew = await client.ask()
    expect(anew.body.reason).toBe('approval_required')
    expect((await make.call('approvals.get', { approval_id })).state).toBe('superseded')
    const named = await client.ask({ approval_id })
    expect(named.body).toMatchObject({ error: 'invalid_grant', reason: 'approval_superseded' })
  })
})

describe('an approval is for one request', () => {
  test.each<[string, Record<string, string>, string]>([
    ['other scopes', { scope: 'invoices:read invoices:write' }, 'approval_mismatch'],
    ['what is no approval', { approval_id: 'apr_x' }, 'approval_unknown'],
    ['one that nobody has', { approval_id: `apr_${'0'.repeat(26)}` }, 'approval_unknown'],
  ])('not for %s', async (_name, more, reason) => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    const held = await client.ask()
    await approve(make, held)
    const mark = await world.eventCount()
    const answer = await client.ask({ approval_id: held.body.approval_id, ...more })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant', reason } })
    expect(await typesSince(make, mark)).toEqual([['token.client_credentials', 'deny', reason]])
  })

  test('not for another client, another resource, or a session of the same client', async () => {
    const make = await newZone(world)
    const client = await gatedClient(make)
    const other = await clientIn(make)
    const held = await client.ask()
    await approve(make, held)
    const approval_id = String(held.body.approval_id)
    expect((await other.ask({ approval_id })).body.reason).toBe('approval_unknown')
    expect((await client.exchange(await client.session(), { approval_id })).body.reason).toBe(
      'approval_mismatch',
    )
    await make.call('grants.create', {
      application_id: client.application.id,
      resource_id: other.resource.id,
      scopes: ['invoices:write'],
    })
    const resource = other.resource.identifier
    expect((await client.ask({ approval_id, resource })).body.reason).toBe('approval_mismatch')
    expect((await client.ask({ approval_id })).status).toBe(200)
  })
})

test('a client cannot flood those who approve', async () => {
  const make = await newZone(world)
  const client = await gatedClient(make)
  await client.ask()
  await world.sql(
    `insert into holds select 'apr_' || n, zone_id, state, n::text, application_id, application_name,
       session_id, user_id, resource_id, resource_identifier, scopes, policy_set_version_id,
       requirements, request_id, reason, mandate_jti, revision, interval_seconds, polled_at, created_at,
       expires_at, decided_at, consumed_at
     from holds, generate_series(1, 99) n where zone_id = $1`,
    [make.zone],
  )
  const answer = await client.ask({ scope: 'invoices:read invoices:write' })
  expect(answer).toMatchObject({ status: 403, body: { reason: 'approvals_limit_reached' } })
})
