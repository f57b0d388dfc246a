import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mcpTools } from '../../src/mcp/tools.ts'
import { catalogue } from '../../tools/catalogue.ts'
import { executor, operator } from '../../system-zone/identities.ts'
import { gatedClient, waitingApproval, type GatedClient } from '../support/gated.ts'
import { expectRefused } from '../support/refused.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/**
 * Guarantee (security.md): an approval releases one request, once. It cannot be replayed, carried to
 * another zone, person or client, or used twice by racing replicas; and people alone give it.
 */
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

async function approvedClient(): Promise<{
  make: ZoneMaker
  client: GatedClient
  approval_id: string
}> {
  const make = await newZone(world)
  const client = await gatedClient(make)
  const approval_id = String((await client.ask()).body.approval_id)
  await make.call('approvals.approve', { approval_id })
  return { make, client, approval_id }
}

function decide(make: ZoneMaker, approval_id: string, token: string, verb = 'approve') {
  const path = `/v1/zones/${make.zone}/approvals/${approval_id}/${verb}`
  return world.call('POST', path, { reason: 'seen' }, { token })
}

describe('an approval is used once', () => {
  test('by racing requests on two replicas', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { make, client, approval_id } = await approvedClient()
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, n) => client.ask({ approval_id }, n % 2 ? world : replica)),
      )
      const given = answers.filter(({ status }) => status === 200)
      expect(given).toHaveLength(1)
      for (const { status, body } of answers.filter((answer) => !given.includes(answer)))
        expect({ status, reason: body.reason }).toEqual({
          status: 400,
          reason: 'approval_consumed',
        })
      const events = await world.sql<{ type: string; outcome: string; jti: string | null }>(
        `select type, outcome, entry->>'mandate_jti' as jti from events where zone_id = $1
         and type in ('approval.consumed', 'token.client_credentials') order by position`,
        [make.zone],
      )
      expect(events.filter(({ type }) => type === 'approval.consumed')).toHaveLength(1)
      expect(events.filter(({ outcome }) => outcome === 'allow')).toHaveLength(1)
      expect(events.filter(({ outcome }) => outcome === 'deny')).toHaveLength(1 + 7)
      expect(events.filter(({ outcome, jti }) => outcome === 'deny' && jti !== null)).toEqual([])
    }
  })

  test('and not again, however it is asked for', async () => {
    const { client, approval_id } = await approvedClient()
    expect((await client.ask({ approval_id })).status).toBe(200)
    for (const other of [world, replica]) {
      const replayed = await client.ask({ approval_id }, other)
      expect(replayed.body).toMatchObject({ error: 'invalid_grant', reason: 'approval_consumed' })
    }
  })
})

describe('an approval of one zone', () => {
  test('releases nothing in another', async () => {
    const { approval_id } = await approvedClient()
    const make = await newZone(world)
    const client = await gatedClient(make)
    const answer = await client.ask({ approval_id })
    expect(answer.body).toMatchObject({ error: 'invalid_grant', reason: 'approval_unknown' })
  })

  test.each(['approve', 'reject'])('is not there to %s in another', async (verb) => {
    const [make, other] = [await newZone(world), await newZone(world)]
    const approval_id = await waitingApproval(other)
    const token = await world.person(`zone-bound-${verb}`, ['approve'], make.zone)
    await expectRefused(world, 'not_found', () => decide(make, approval_id, token, verb))
    await expectRefused(world, 'admin_token_zone_mismatch', () =>
      decide(other, approval_id, token, verb),
    )
  })
})

describe('a decision is a person’s own', () => {
  let make: ZoneMaker
  let approval_id: string

  beforeAll(async () => {
    make = await newZone(world)
    approval_id = await waitingApproval(make)
  })

  test('and no automation’s', async () => {
    const token = await world.automation('approve-bot', ['approve'])
    for (const verb of ['approve', 'reject'])
      await expectRefused(world, 'person_required', () => decide(make, approval_id, token, verb))
  })

  test('and takes the capability', async () => {
    const token = await world.person('wendy', ['owner', 'write', 'audit'])
    for (const verb of ['approve', 'reject'])
      await expectRefused(world, 'approve_capability_required', () =>
        decide(make, approval_id, token, verb),
      )
  })

  test('and never that of a mandate: of the Operator, or of a plan', async () => {
    const conversation = await make.call('conversations.create', {})
    const token = await world.service.context.sts.readMandate({
      conversationId: conversation.id as never,
      requestId: 'req_test',
      traceId: undefined,
    })
    for (const verb of ['approve', 'reject'])
      await expectRefused(world, 'control_cannot_approve', () =>
        decide(make, approval_id, token, verb),
      )
  })

  test('and no tool, plan or identity of the Operator reaches one', () => {
    const deciding = catalogue.filter(({ capability }) => capability === 'approve')
    expect(deciding.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['approvals.approve', 'approvals.reject']),
    )
    const ids: readonly string[] = deciding.map(({ id }) => id)
    expect(mcpTools.filter(({ operation }) => ids.includes(operation.id))).toEqual([])
    expect(deciding.filter(({ plannable }) => plannable)).toEqual([])
    const held: readonly string[] = [...operator.scopes, ...executor.scopes]
    expect(deciding.filter(({ scope }) => held.includes(scope))).toEqual([])
  })
})
