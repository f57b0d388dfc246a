import { afterAll, beforeAll, expect, test } from 'vitest'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

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

async function version(make: ZoneMaker, documents: object) {
  const policy = await make.policy()
  const next = await make.call('policies.add_version', {
    policy_id: policy.id,
    language: 'json',
    source: JSON.stringify(documents),
  })
  const set = await make.policySet()
  const made = await make.call('policy_sets.add_version', {
    policy_set_id: set.id,
    manifest: [{ policy_version_id: next.id }],
  })
  return { policy_set_id: set.id, version_id: made.id }
}

/** A zone whose one application may read, asked through either replica. */
async function asking() {
  const make = await newZone(world)
  const application = await make.application()
  const resource = await make.resource()
  await make.call('grants.create', {
    application_id: application.id,
    resource_id: resource.id,
    scopes: ['invoices:read'],
  })
  const form = {
    grant_type: 'client_credentials',
    client_id: application.id,
    client_secret: application.client_secret ?? '',
    resource: resource.identifier,
    scope: 'invoices:read',
  }
  const statuses = async () =>
    (await Promise.all([world, replica].map((one) => one.oauth('token', form, make.zone)))).map(
      ({ status }) => status,
    )
  return { make, statuses }
}

test('every replica decides by a version from the exchange after its activation on', async () => {
  const { make, statuses } = await asking()
  const open = await version(make, { risk: [] })
  const frozen = await version(make, { restrict: ['incident'] })
  for (let round = 0; round < 5; round += 1) {
    await make.call('policy_sets.activate', open)
    expect(await statuses()).toEqual([200, 200])
    await make.call('policy_sets.activate', frozen)
    expect(await statuses()).toEqual([403, 403])
    await make.call('policy_sets.rollback', { policy_set_id: frozen.policy_set_id })
    expect(await statuses()).toEqual([200, 200])
  }
})

test('activations on two replicas at once come one after the other, and the history says so', async () => {
  const { make } = await asking()
  const versions = [await version(make, { risk: [] }), await version(make, { restrict: ['x'] })]
  const calls = Array.from({ length: 10 }, (_, i) => {
    const { policy_set_id = '', version_id = '' } = versions[i % 2] ?? {}
    const path = `/v1/zones/${make.zone}/policy-sets/${policy_set_id}/activate`
    return (i % 3 === 0 ? replica : world).call('POST', path, { version_id })
  })
  expect(new Set((await Promise.all(calls)).map(({ status }) => status))).toEqual(new Set([200]))
  const rows = await world.sql<{ version_id: string; previous_version_id: string }>(
    'select version_id, previous_version_id from policy_activations where zone_id = $1 order by id',
    [make.zone],
  )
  for (const [index, row] of rows.entries())
    if (index > 0) expect(row.previous_version_id).toBe(rows[index - 1]?.version_id)
  const [zone] = await world.sql<{ active: string }>(
    'select active_policy_set_version_id as active from zones where id = $1',
    [make.zone],
  )
  expect(zone?.active).toBe(rows.at(-1)?.version_id)
})
