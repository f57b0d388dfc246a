import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'
import { everythingLogged } from '../support/audit-log.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

/** A zone in which an application may read invoices, and may not write them. */
async function reading() {
  const make = await newZone(world)
  const application = await make.application()
  const resource = await make.resource()
  await make.call('grants.create', {
    application_id: application.id,
    resource_id: resource.id,
    scopes: ['invoices:read'],
  })
  const ask = (more: Record<string, string>): Promise<Answer> =>
    world.oauth(
      'token',
      {
        grant_type: 'client_credentials',
        client_id: application.id,
        client_secret: application.client_secret ?? '',
        ...more,
      },
      make.zone,
    )
  return { make, application, resource: resource.identifier, ask }
}

/** A version of a policy set with these documents; nothing is activated. */
async function candidate(make: ZoneMaker, documents: object) {
  const policy = await make.call('policies.create', {
    name: freshName('policy'),
    language: 'json',
    source: JSON.stringify(documents),
  })
  const set = await make.policySet()
  const version = await make.call('policy_sets.add_version', {
    policy_set_id: set.id,
    manifest: [{ policy_version_id: policy.latest_version.id }],
  })
  return { policy_set_id: set.id, version_id: version.id }
}

describe('a replay', () => {
  test('of the version that decided flips nothing', async () => {
    const { make, resource, ask } = await reading()
    await ask({ resource, scope: 'invoices:read' })
    await ask({ resource, scope: 'invoices:write' })
    await ask({ resource })
    await ask({ resource: 'https://nowhere.example', scope: 'invoices:read' })
    await ask({})
    const same = await candidate(make, { risk: [] })
    const state = await world.state()
    const replay = await make.call('policy_sets.replay', same)
    expect(replay).toEqual({
      version_id: same.version_id,
      replayed: 5,
      unreplayable: 0,
      allow_to_deny: 0,
      deny_to_allow: 0,
      narrowed: 0,
      widened: 0,
      flips: [],
    })
    expect(await world.state()).toBe(state)
  })

  test('lists what a candidate would have refused and allowed, with why', async () => {
    const { make, application, resource, ask } = await reading()
    const refused = await ask({ resource, scope: 'invoices:write' })
    await ask({ resource, scope: 'invoices:read' })
    const opening = await candidate(make, {
      grants: { [resource]: { roles: { 'kind:managed': ['invoices:write'] } } },
      conditions: [
        { id: 'no-reads', effect: 'deny', when: { scopes: ['invoices:read'] }, reason: 'closed' },
      ],
    })
    const replay = await make.call('policy_sets.replay', opening)
    expect(replay).toMatchObject({ replayed: 2, allow_to_deny: 1, deny_to_allow: 1 })
    expect(replay.flips).toMatchObject([
      {
        change: 'allow_to_deny',
        application_id: application.id,
        resource_identifier: resource,
        scopes: ['invoices:read'],
        lost: ['invoices:read'],
        gained: [],
        reason_before: 'ok',
        reason: 'condition_denied',
        rules: ['condition:no-reads'],
      },
      {
        change: 'deny_to_allow',
        request_id: refused.body.request_id,
        gained: ['invoices:write'],
        reason_before: 'no_grant',
        reason: 'ok',
      },
    ])
    expect(replay.flips[0]?.explanation).toContain('closed')
  })

  test('sees what a request for whatever is held would have got', async () => {
    const { make, resource, ask } = await reading()
    expect((await ask({ resource })).body.scope).toBe('invoices:read')
    const wider = await candidate(make, {
      grants: { [resource]: { roles: { 'kind:managed': ['invoices:*'] } } },
    })
    expect(await make.call('policy_sets.replay', wider)).toMatchObject({
      widened: 1,
      flips: [{ change: 'widened', gained: ['invoices:write'], lost: [] }],
    })
    const frozen = await candidate(make, { restrict: ['incident'] })
    await ask({})
    expect(await make.call('policy_sets.replay', frozen)).toMatchObject({
      replayed: 2,
      allow_to_deny: 2,
      flips: [
        { reason: 'zone_restricted', resource_identifier: null },
        { lost: ['invoices:read'] },
      ],
    })
  })

  test('decides on the facts of the time, and not on those of today', async () => {
    const { make, application, resource, ask } = await reading()
    await ask({ resource, scope: 'invoices:read' })
    const [grant] = (await make.call('grants.list', {})).items
    await make.call('grants.delete', { grant_id: grant?.id ?? '' })
    await make.call('applications.patch', { application_id: application.id, labels: ['late'] })
    const same = await candidate(make, {
      confinement: [{ label_prefix: 'late', scopes: [] }],
    })
    expect(await make.call('policy_sets.replay', same)).toMatchObject({ replayed: 1, flips: [] })
  })

  test('takes the newest, or those of a time, and counts what holds no facts', async () => {
    const { make, resource, ask } = await reading()
    for (let i = 0; i < 3; i += 1) await ask({ resource, scope: 'invoices:read' })
    const frozen = await candidate(make, { restrict: ['incident'] })
    expect(await make.call('policy_sets.replay', { ...frozen, last: 2 })).toMatchObject({
      replayed: 2,
    })
    const later = new Date(world.now() + 3_600_000).toISOString()
    expect(await make.call('policy_sets.replay', { ...frozen, from: later })).toMatchObject({
      replayed: 0,
    })
    expect(await make.call('policy_sets.replay', { ...frozen, to: later })).toMatchObject({
      replayed: 3,
    })
    await everythingLogged(world)
    await world.sql(
      `update events_logged set facts = null
       where id = (select max(id) from events where zone_id = $1 and type like 'token.%')`,
      [make.zone],
    )
    expect(await make.call('policy_sets.replay', frozen)).toMatchObject({
      replayed: 2,
      unreplayable: 1,
      allow_to_deny: 2,
    })
  })

  test('knows nothing of another zone', async () => {
    const { resource, ask } = await reading()
    await ask({ resource, scope: 'invoices:read' })
    const other = await newZone(world)
    const frozen = await candidate(other, { restrict: ['incident'] })
    expect(await other.call('policy_sets.replay', frozen)).toMatchObject({ replayed: 0 })
  })
})

test('the facts of a decision are a few hundred bytes and hold no secret', async () => {
  const { make, application, resource, ask } = await reading()
  await ask({ resource, scope: 'invoices:read' })
  const [row] = await world.sql<{ facts: string; bytes: number }>(
    `select facts::text as facts, length(facts::text)::int as bytes
     from events where zone_id = $1 and facts is not null`,
    [make.zone],
  )
  expect(row?.bytes).toBeLessThan(400)
  expect(row?.facts).not.toContain(application.client_secret)
})
