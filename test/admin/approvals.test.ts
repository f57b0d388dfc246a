import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gatedClient, waitingApproval } from '../support/gated.ts'
import { expectRefused } from '../support/refused.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World
let ada: string
let bob: string

beforeAll(async () => {
  world = await startWorld()
  ada = await world.person('ada', ['approve'])
  bob = await world.person('bob', ['approve'])
})
afterAll(() => world[Symbol.asyncDispose]())

async function heldBy(tier: object) {
  const make = await newZone(world)
  const client = await gatedClient(make, {
    risk: [{ scope: 'invoices:write', tier: 'high' }],
    approval_tiers: [{ tier: 'high', approver: 'approve', ttl_seconds: 600, ...tier }],
  })
  return { make, approval_id: String((await client.ask()).body.approval_id) }
}

function decide(make: ZoneMaker, approval_id: string, token: string, verb: 'approve' | 'reject') {
  const path = `/v1/zones/${make.zone}/approvals/${approval_id}/${verb}`
  return world.call('POST', path, { reason: 'seen' }, { token })
}

describe('deciding', () => {
  test('twice the same is once; otherwise it is a conflict', async () => {
    const { make, approval_id } = await heldBy({ quorum: 2 })
    const first = await decide(make, approval_id, ada, 'approve')
    expect(first.body).toMatchObject({ state: 'pending', tiers: [{ quorum: 2, approvals: 1 }] })
    const again = await decide(make, approval_id, ada, 'approve')
    expect(again).toMatchObject({ status: 200, body: first.body })
    await expectRefused(world, 'approval_state', () => decide(make, approval_id, ada, 'reject'))
    const second = await decide(make, approval_id, bob, 'approve')
    expect(second.body).toMatchObject({ state: 'approved', tiers: [{ approvals: 2 }] })
    await expectRefused(world, 'approval_state', () => decide(make, approval_id, bob, 'reject'))
    await expectRefused(world, 'approval_state', () =>
      decide(make, approval_id, world.token, 'approve'),
    )
    expect((await decide(make, approval_id, ada, 'approve')).body.state).toBe('approved')
  })

  test('by one person with two tokens counts once', async () => {
    const { make, approval_id } = await heldBy({ quorum: 2 })
    const other = await world.person('Ada', ['approve', 'read'])
    await decide(make, approval_id, ada, 'approve')
    expect((await decide(make, approval_id, other, 'approve')).body.state).toBe('pending')
  })

  test('by people at once reaches the quorum exactly', async () => {
    const { make, approval_id } = await heldBy({ quorum: 2 })
    const answers = await Promise.all(
      [ada, bob, ada, bob].map((token) => decide(make, approval_id, token, 'approve')),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const { decisions, state } = await make.call('approvals.get', { approval_id })
    expect([state, decisions.length]).toEqual(['approved', 2])
    const decided = (await world.events()).filter(
      ({ type, zone_id }) => type === 'approval.decided' && zone_id === make.zone,
    )
    expect(decided).toHaveLength(1)
  })

  test('one rejection outweighs approvals', async () => {
    const { make, approval_id } = await heldBy({ quorum: 2 })
    await decide(make, approval_id, ada, 'approve')
    const rejected = await decide(make, approval_id, bob, 'reject')
    expect(rejected.body).toMatchObject({ state: 'rejected', reason: 'seen' })
    await expectRefused(world, 'approval_state', () =>
      decide(make, approval_id, world.token, 'approve'),
    )
  })

  test.each([
    ['another person', 'bob'],
    ['nobody', 'finance'],
    ['a capability that one lacks', 'owner'],
  ])('for a tier of %s is refused', async (_name, approver) => {
    const { make, approval_id } = await heldBy({ approver })
    await expectRefused(world, 'approver_required', () => decide(make, approval_id, ada, 'approve'))
  })

  test('too late is refused', async () => {
    const { make, approval_id } = await heldBy({})
    world.pass(600_000)
    for (const verb of ['approve', 'reject'] as const)
      await expectRefused(world, 'approval_expired', () => decide(make, approval_id, ada, verb))
  })
})

describe('what waits', () => {
  test('is listed by state, newest first, and counted', async () => {
    const make = await newZone(world)
    const ids = [await waitingApproval(make), await waitingApproval(make)]
    await make.call('approvals.reject', { approval_id: ids[0] ?? '', reason: 'no' })
    const { items } = await make.call('approvals.list', {})
    expect(items.map(({ id }) => id)).toEqual(ids.toReversed())
    const pending = await make.call('approvals.list', { state: 'pending' })
    expect(pending.items.map(({ id }) => id)).toEqual([ids[1]])
    expect(await make.call('approvals.counts', {})).toEqual({
      ...{ pending: 1, approved: 0, rejected: 1, expired: 0, consumed: 0, superseded: 0 },
    })
    world.pass(600_000)
    expect(await make.call('approvals.counts', {})).toMatchObject({ pending: 0, expired: 1 })
    expect((await make.call('approvals.list', { state: 'expired' })).items).toHaveLength(1)
  })
})
