import { afterAll, beforeAll, expect, test } from 'vitest'
import { propose, approve, onPlan, type Plan } from '../support/plans.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * A preview takes the zone's recorded decisions again on its outcome, and says which of them would
 * come out otherwise.
 */

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

interface Ground {
  readonly zone: ZoneMaker
  readonly clerk: Agent
  readonly porter: Agent
  readonly resource: { readonly id: string; readonly identifier: string }
  readonly grant: string
}

type Agent = Awaited<ReturnType<ZoneMaker['application']>>

function asking({ id, client_secret }: Agent, resource: string, scope: string) {
  return {
    grant_type: 'client_credentials',
    client_id: id,
    client_secret: client_secret ?? '',
    ...{ resource, scope },
  }
}

/** A clerk that may read and has asked three times, a porter that may not and has asked once. */
async function ground(): Promise<Ground> {
  const zone = await newZone(world)
  const [clerk, porter] = [await zone.application(), await zone.application()]
  const resource = await zone.resource()
  const { id: grant } = await zone.call('grants.create', {
    application_id: clerk.id,
    resource_id: resource.id,
    scopes: ['invoices:read', 'invoices:write'],
  })
  const ask = (agent: Agent, scope: string) =>
    world.oauth('token', asking(agent, resource.identifier, scope), zone.zone)
  for (const agent of [clerk, clerk, clerk, porter]) await ask(agent, 'invoices:read')
  await ask(clerk, 'invoices:read invoices:write')
  return { zone, clerk, porter, resource, grant }
}

async function replayOf(
  zone: string,
  operation: string,
  input: Record<string, unknown>,
): Promise<Plan> {
  return propose(world, [{ id: 'one', operation, input }], { zone })
}

test('a revoked grant turns what was asked under it, each request once with its number', async () => {
  const { zone, clerk, resource, grant } = await ground()
  const { preview } = await replayOf(zone.zone, 'grants.delete', { grant_id: grant })
  const on = { application_id: clerk.id, user_id: null, resource_identifier: resource.identifier }
  expect(preview?.replay).toMatchObject({
    ...{ decisions: 5, allow_to_deny: 4, deny_to_allow: 0, narrowed: 0, widened: 0 },
    flips: [
      { change: 'allow_to_deny', ...on, lost: ['invoices:read', 'invoices:write'], times: 1 },
      { change: 'allow_to_deny', ...on, lost: ['invoices:read'], gained: [], times: 3 },
    ],
  })
})

test('a grant to whoever was refused turns the refusal, and nobody else’s decision', async () => {
  const { zone, porter, resource } = await ground()
  const { preview } = await replayOf(zone.zone, 'grants.create', {
    ...{ application_id: porter.id, resource_id: resource.id, scopes: ['invoices:read'] },
  })
  expect(preview?.replay).toMatchObject({
    ...{ decisions: 5, allow_to_deny: 0, deny_to_allow: 1 },
    flips: [{ change: 'deny_to_allow', application_id: porter.id, gained: ['invoices:read'] }],
  })
})

test('a scope less turns the request for both scopes alone', async () => {
  const { zone, grant } = await ground()
  const { preview } = await replayOf(zone.zone, 'grants.patch', {
    ...{ grant_id: grant, scopes: ['invoices:read'] },
  })
  expect(preview?.replay).toMatchObject({ allow_to_deny: 1, flips: [{ times: 1, gained: [] }] })
})

test('an archived resource turns everything that was allowed on it', async () => {
  const { zone, resource } = await ground()
  const { preview } = await replayOf(zone.zone, 'resources.delete', { resource_id: resource.id })
  expect(preview?.replay).toMatchObject({ decisions: 5, allow_to_deny: 4, deny_to_allow: 0 })
})

test('what decides nothing turns nothing, and no decision is read for it', async () => {
  const { zone } = await ground()
  const { preview } = await replayOf(zone.zone, 'applications.create', { name: 'newcomer' })
  expect(preview?.replay).toMatchObject({ allow_to_deny: 0, deny_to_allow: 0, flips: [] })
})

test('the replay is of what was shown: it is in the digest, and later decisions do not make a plan stale', async () => {
  const { zone, clerk, resource, grant } = await ground()
  const plan = await replayOf(zone.zone, 'grants.delete', { grant_id: grant })
  await world.oauth('token', asking(clerk, resource.identifier, 'invoices:read'), zone.zone)
  await approve(world, plan)
  expect((await onPlan(world, plan, 'apply')).status).toBe(200)
  const again = await onPlan(world, plan, 'preview')
  expect(again.status).toBe(409)
})
