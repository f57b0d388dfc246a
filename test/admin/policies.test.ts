import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/kernel/canonical.ts'
import { expectRefused } from '../support/refused.ts'
import { freshName, newZone, scopes } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

const freeze = { language: 'json', source: '{"restrict":["incident"]}' } as const
const open = { language: 'json', source: '{"risk":[]}' } as const

describe('a policy', () => {
  test('has versions that never change, and shows the latest', async () => {
    const make = await newZone(world)
    const policy = await make.call('policies.create', { name: 'guard', ...open })
    expect(policy.latest_version).toMatchObject({ number: 1, ...open, documents: { risk: [] } })
    const second = await make.call('policies.add_version', { policy_id: policy.id, ...freeze })
    expect(second).toMatchObject({ number: 2, policy_id: policy.id, ...freeze })
    expect(second.digest).toBe(digestOf({ restrict: ['incident'] }))
    const read = await make.call('policies.get', { policy_id: policy.id })
    expect(read.latest_version).toEqual(second)
    const rows = await world.sql<{ number: number; source: string }>(
      'select number, source from policy_versions where policy_id = $1 order by number',
      [policy.id],
    )
    expect(rows.map(({ source }) => source)).toEqual([open.source, freeze.source])
  })

  test('numbers the versions of ten writers one after the other', async () => {
    const make = await newZone(world)
    const { id } = await make.policy()
    const versions = await Promise.all(
      Array.from({ length: 10 }, () =>
        make.call('policies.add_version', { policy_id: id, ...open }),
      ),
    )
    expect(versions.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, i) => i + 2),
    )
  })

  test.each([
    ['json', '{"restrict":'],
    ['json', '{"unknown":[]}'],
    ['yaml', 'restrict: ['],
    ['rego', 'package other\n'],
    ['json', '{"__proto__":{}}'],
  ] as const)('in %s that says %j is refused with its place', async (language, source) => {
    const make = await newZone(world)
    const path = `/v1/zones/${make.zone}/policies`
    const { body } = await expectRefused(world, 'invalid_document', () =>
      world.call('POST', path, { name: 'broken', language, source }),
    )
    expect(JSON.stringify(body.details)).toContain('line')
    await expectRefused(world, 'invalid_document', () =>
      world.call('POST', '/v1/policies/validate', { language, source }),
    )
  })

  test('is checked without being stored', async () => {
    const state = await world.state()
    const answer = await world.call('POST', '/v1/policies/validate', freeze)
    const documents = { restrict: ['incident'] }
    expect(answer).toMatchObject({ status: 200, body: { documents, digest: digestOf(documents) } })
    expect(await world.state()).toBe(state)
  })

  test('can be made of every template that comes with the service', async () => {
    const make = await newZone(world)
    const { items } = await make.call('policies.templates', {})
    expect(items.length).toBeGreaterThan(3)
    for (const { id, language, source } of items) {
      const made = await make.call('policies.create', { name: id, language, source })
      expect(made.latest_version.source).toBe(source)
    }
  })
})

/** A zone with a set of two versions: grants decide in the first, the second denies everything. */
async function twoVersions() {
  const make = await newZone(world, false)
  const policy = await make.call('policies.create', { name: freshName('freeze'), ...freeze })
  const set = await make.policySet()
  const version = (manifest: { policy_version_id: string }[]) =>
    make.call('policy_sets.add_version', { policy_set_id: set.id, manifest })
  const first = await version([])
  const second = await version([{ policy_version_id: policy.latest_version.id }])
  const { application_id, resource_id } = await make.grant()
  const asked = { application_id, resource_id, scopes: ['invoices:read'] }
  const allowed = async () => (await make.call('access.check', asked)).allow
  const activate = (version_id: string) =>
    make.call('policy_sets.activate', { policy_set_id: set.id, version_id })
  const rollback = (version_id?: string) =>
    make.call('policy_sets.rollback', {
      policy_set_id: set.id,
      ...(version_id !== undefined && { version_id }),
    })
  const path = `/v1/zones/${make.zone}/policy-sets`
  return { make, policy, set, first, second, asked, allowed, activate, rollback, path }
}

describe('a policy set', () => {
  test('decides nothing until it is active, and then at once', async () => {
    const { make, set, first, second, asked, allowed, activate, rollback } = await twoVersions()
    expect([first.number, second.number]).toEqual([1, 2])
    expect(await make.call('access.check', asked)).toMatchObject({ allow: false })
    expect(await activate(first.id)).toMatchObject({
      version_id: first.id,
      previous_version_id: null,
    })
    expect(await allowed()).toBe(true)
    expect(await activate(second.id)).toMatchObject({ previous_version_id: first.id })
    expect(await allowed()).toBe(false)
    expect(await rollback()).toMatchObject({ version_id: first.id, previous_version_id: second.id })
    expect(await allowed()).toBe(true)
    const status = await make.call('policy_sets.activation_status', { policy_set_id: set.id })
    expect(status).toMatchObject({ active_version_id: first.id, active_in_this_set: true })
    expect(status.history.map(({ version_id }) => version_id)).toEqual([
      first.id,
      second.id,
      first.id,
    ])
  })

  test('made active twice leaves the way back as it was', async () => {
    const { make, set, first, second, activate, rollback } = await twoVersions()
    await activate(first.id)
    const once = await activate(second.id)
    expect(await activate(second.id)).toEqual(once)
    const { history } = await make.call('policy_sets.activation_status', { policy_set_id: set.id })
    expect(history).toHaveLength(2)
    expect(await rollback()).toMatchObject({ version_id: first.id })
  })

  test('goes back only to what decided before', async () => {
    const { set, first, second, activate, rollback, path } = await twoVersions()
    const post = (body: object) => () => world.call('POST', `${path}/${set.id}/rollback`, body)
    await expectRefused(world, 'conflict', post({}))
    await activate(first.id)
    await expectRefused(world, 'conflict', post({}))
    await expectRefused(world, 'conflict', post({ version_id: second.id }))
    await activate(second.id)
    expect(await rollback(first.id)).toMatchObject({ version_id: first.id })
  })

  test('does not go back to a set that has been archived', async () => {
    const { make, set, first, activate, path } = await twoVersions()
    await activate(first.id)
    const other = await make.policySetVersion()
    await make.call('policy_sets.activate', {
      policy_set_id: other.policy_set_id,
      version_id: other.id,
    })
    await make.call('policy_sets.delete', { policy_set_id: set.id })
    await expectRefused(world, 'archived', () =>
      world.call('POST', `${path}/${other.policy_set_id}/rollback`, {}),
    )
  })

  test('that decides cannot be archived, nor the policies in it', async () => {
    const { make, set, policy, first, second, activate, path } = await twoVersions()
    await activate(second.id)
    const policyPath = `/v1/zones/${make.zone}/policies/${policy.id}`
    await expectRefused(world, 'in_use', () => world.call('DELETE', `${path}/${set.id}`))
    await expectRefused(world, 'in_use', () => world.call('DELETE', policyPath))
    await activate(first.id)
    expect((await world.call('DELETE', policyPath)).status).toBe(204)
    await expectRefused(world, 'in_use', () => world.call('DELETE', `${path}/${set.id}`))
  })

  test('simulates any of its versions, active or not, and changes nothing', async () => {
    const { make, set, first, second, asked, activate } = await twoVersions()
    await activate(first.id)
    const state = await world.state()
    const simulate = async (input: object) =>
      make.call('policy_sets.simulate', { policy_set_id: set.id, input: asked, ...input })
    expect(await simulate({})).toMatchObject({ allow: false })
    expect(await simulate({ version_id: first.id })).toMatchObject({ allow: true, reason: 'ok' })
    const denied = await simulate({ version_id: second.id })
    expect(denied.allow).toBe(false)
    expect(denied.explanation).toContain('incident')
    expect(await world.state()).toBe(state)
  })

  test('simulates at a time and from an address', async () => {
    const make = await newZone(world)
    const hours = {
      conditions: [
        {
          id: 'night',
          effect: 'deny',
          when: { between: ['20:00', '06:00'], timezone: 'UTC' },
          reason: 'it is night',
        },
        {
          id: 'outside',
          effect: 'deny',
          when: { source_cidrs: ['!10.0.0.0/8'] },
          reason: 'it is outside',
        },
      ],
    }
    const source = JSON.stringify(hours)
    const policy = await make.call('policies.create', { name: 'hours', language: 'json', source })
    const { id } = await make.policySet()
    const manifest = [{ policy_version_id: policy.latest_version.id }]
    await make.call('policy_sets.add_version', { policy_set_id: id, manifest })
    const { application_id, resource_id } = await make.grant()
    const allowed = async (at: string, source_ip: string) => {
      const input = { application_id, resource_id, scopes: ['invoices:read'], at, source_ip }
      return (await make.call('policy_sets.simulate', { policy_set_id: id, input })).allow
    }
    expect(await allowed('2026-01-01T12:00:00Z', '10.1.2.3')).toBe(true)
    expect(await allowed('2026-01-01T22:00:00Z', '10.1.2.3')).toBe(false)
    expect(await allowed('2026-01-01T22:00:00+10:00', '10.1.2.3')).toBe(true)
    expect(await allowed('2026-01-01T12:00:00Z', '192.0.2.1')).toBe(false)
  })

  test('without a version has nothing to simulate or to return to', async () => {
    const make = await newZone(world)
    const { id } = await make.policySet()
    const { application_id, resource_id } = await make.grant()
    const input = { application_id, resource_id, scopes }
    await expectRefused(world, 'not_found', () =>
      world.call('POST', `/v1/zones/${make.zone}/policy-sets/${id}/simulate`, { input }),
    )
  })

  test('takes only versions of its own', async () => {
    const { make, first } = await twoVersions()
    const other = await make.policySet()
    const path = `/v1/zones/${make.zone}/policy-sets/${other.id}`
    await expectRefused(world, 'not_found', () =>
      world.call('POST', `${path}/activate`, { version_id: first.id }),
    )
    expect((await world.call('GET', `${path}/versions/${first.id}`)).status).toBe(404)
  })
})
