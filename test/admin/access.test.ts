import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectError } from '../support/refused.ts'
import { newZone, scopes, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

/** Makes documents decide in the zone. */
async function decideBy(make: ZoneMaker, documents: object): Promise<void> {
  const source = JSON.stringify(documents)
  const policy = await make.call('policies.create', { name: 'documents', language: 'json', source })
  const { id } = await make.policySet()
  const manifest = [{ policy_version_id: policy.latest_version.id }]
  const version = await make.call('policy_sets.add_version', { policy_set_id: id, manifest })
  await make.call('policy_sets.activate', { policy_set_id: id, version_id: version.id })
}

describe('access.list', () => {
  test('names every tuple that a grant gives, with the grant', async () => {
    const make = await newZone(world)
    const [one, two] = [await make.grant(), await make.grant()]
    await make.call('grants.create', {
      ...{ application_id: one.application_id, resource_id: two.resource_id },
      ...{ scopes, user_id: 'user-1' },
    })
    const { items } = await make.call('access.list', {})
    const shown = items.map(({ application_id, user_id, resource_id, scope, verdict, rules }) => [
      ...[application_id, resource_id, user_id, scope, verdict],
      rules.every((rule) => rule.startsWith('grant:grt_')),
    ])
    const [a, b] = [one.application_id, two.application_id]
    expect(shown.sort()).toEqual(
      [
        [a, one.resource_id, null, 'invoices:read', 'allow', true],
        [a, two.resource_id, 'user-1', 'invoices:read', 'allow', true],
        [a, two.resource_id, 'user-1', 'invoices:write', 'allow', true],
        [b, two.resource_id, null, 'invoices:read', 'allow', true],
      ].sort(),
    )
  })

  test('agrees with access.check on every application, resource and scope', async () => {
    const make = await newZone(world)
    const grants = [await make.grant(), await make.grant(), await make.grant()]
    await decideBy(make, {
      restrict: [],
      risk: [{ scope: 'invoices:write', tier: 'high' }],
      confinement: [],
      conditions: [
        {
          ...{ id: 'gate', effect: 'approval', reason: 'a person decides' },
          when: { applications: [grants[0]?.application_id], scopes: ['invoices:read'] },
        },
        {
          ...{ id: 'never', effect: 'deny', reason: 'not this one' },
          when: { applications: [grants[1]?.application_id] },
        },
      ],
    })
    const { items } = await make.call('access.list', {})
    for (const { application_id } of grants)
      for (const { resource_id } of grants)
        for (const scope of scopes) {
          const asked = { application_id, resource_id, scopes: [scope] }
          const checked = await make.call('access.check', asked)
          const listed = items.find(
            (item) =>
              item.application_id === application_id &&
              item.resource_id === resource_id &&
              item.scope === scope,
          )
          expect(listed?.verdict ?? 'deny', scope).toBe(checked.scopes[scope]?.verdict)
        }
    expect(items.map(({ verdict }) => verdict).sort()).toEqual(['allow', 'approval'])
  })

  test('is filtered by application, resource and scope', async () => {
    const make = await newZone(world)
    const [one, two] = [await make.grant(), await make.grant()]
    const apps = async (input: object) =>
      (await make.call('access.list', input)).items.map((item) => item.application_id)
    expect(await apps({ application_id: one.application_id })).toEqual([one.application_id])
    expect(await apps({ resource_id: two.resource_id })).toEqual([two.application_id])
    expect(await apps({ scope: 'invoices:write' })).toEqual([])
    expect(
      await apps({ application_id: one.application_id, resource_id: two.resource_id }),
    ).toEqual([])
  })
})

describe('access.check', () => {
  test('says what is missing and the smallest change that would give it', async () => {
    const make = await newZone(world)
    const { application_id, resource_id } = await make.grant()
    const checked = await make.call('access.check', { application_id, resource_id, scopes })
    expect(checked).toMatchObject({
      allow: false,
      missing: ['invoices:write'],
      scopes: { 'invoices:read': { verdict: 'allow' }, 'invoices:write': { verdict: 'deny' } },
    })
    expect(checked.smallest_change).toContain('invoices:write')
    await make.call('grants.create', { application_id, resource_id, scopes: ['invoices:write'] })
    expect(await make.call('access.check', { application_id, resource_id, scopes })).toMatchObject({
      ...{ allow: true, reason: 'ok', missing: [], smallest_change: null },
    })
  })

  test('tells a user from the application itself', async () => {
    const make = await newZone(world)
    const [application, resource] = [await make.application(), await make.resource()]
    const pair = { application_id: application.id, resource_id: resource.id }
    await make.call('grants.create', { ...pair, scopes: ['invoices:read'], user_id: 'user-1' })
    const allowed = async (user_id?: string) =>
      (
        await make.call('access.check', {
          ...{ ...pair, scopes: ['invoices:read'] },
          ...(user_id !== undefined && { user_id }),
        })
      ).allow
    expect([await allowed('user-1'), await allowed('user-2'), await allowed()]).toEqual([
      true,
      false,
      false,
    ])
  })

  test('denies what is archived, and a scope that the resource has not', async () => {
    const make = await newZone(world)
    const { application_id, resource_id } = await make.grant()
    const asked = { application_id, resource_id, scopes: ['constructor'] }
    expect((await make.call('access.check', asked)).allow).toBe(false)
    await make.call('applications.delete', { application_id })
    const after = await make.call('access.check', { ...asked, scopes: ['invoices:read'] })
    expect(after.allow).toBe(false)
  })

  test('of what is not there is refused', async () => {
    const make = await newZone(world)
    const { application_id, resource_id } = await make.grant()
    const path = `/v1/zones/${make.zone}/access/check`
    for (const wrong of [
      { application_id: 'app_01h455vb4pex5vsknk084sn02q' },
      { resource_id: 'res_01h455vb4pex5vsknk084sn02q' },
    ])
      expectError(
        await world.call('POST', path, { application_id, resource_id, scopes, ...wrong }),
        'not_found',
      )
  })
})

test('access can be listed for one user, and marks what depends on the situation', async () => {
  const make = await newZone(world)
  const application = await make.application()
  const resource = await make.resource()
  const target = { application_id: application.id, resource_id: resource.id }
  await make.call('grants.create', { ...target, scopes: ['invoices:read'] })
  await make.call('grants.create', { ...target, scopes: ['invoices:write'], user_id: 'alice' })
  const policy = await make.call('policies.create', {
    name: 'never on monday at noon',
    language: 'json',
    source: JSON.stringify({
      conditions: [
        {
          id: 'far',
          effect: 'deny',
          when: { scopes: ['invoices:write'], max_hops: 3 },
          reason: 'too many hops',
        },
      ],
    }),
  })
  const { id } = await make.policySet()
  const version = await make.call('policy_sets.add_version', {
    policy_set_id: id,
    manifest: [{ policy_version_id: policy.latest_version.id }],
  })
  await make.call('policy_sets.activate', { policy_set_id: id, version_id: version.id })
  const listed = async (user_id: string) =>
    (await make.call('access.list', { user_id })).items.map((one) => [
      one.user_id,
      one.scope,
      one.depends_on,
    ])
  expect(await listed('alice')).toEqual([
    ['alice', 'invoices:read', undefined],
    ['alice', 'invoices:write', ['condition:far']],
  ])
  expect(await listed('bob')).toEqual([['bob', 'invoices:read', undefined]])
})
