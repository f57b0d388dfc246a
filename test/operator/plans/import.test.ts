import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaultCode } from '../../../src/kernel/faults.ts'
import { limits } from '../../../src/kernel/limits.ts'
import { access, application, propose } from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import {
  bringTo,
  exportZone,
  importFile,
  sendFile,
  type ZoneFile,
} from '../../support/zone-files.ts'
import { freshName, newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const format = 'caracal-zone/1'
const first = JSON.stringify({ risk: [{ scope: 'books:write', tier: 'high' }] })
const second = JSON.stringify({ risk: [{ scope: 'books:read', tier: 'high' }] })

/** A zone with one of everything, as a file. */
const whole = {
  format,
  settings: { dcr_enabled: false, audit_retention_days: null },
  providers: [{ name: 'login', settings: { kind: 'bearer_token' } }],
  resources: [
    {
      name: 'Books',
      identifier: 'resource://books',
      scopes: ['books:read', 'books:write'],
      operations: [{ method: 'GET', path: '/books/{id}', scope: 'books:read' }],
      upstream_url: 'https://books.example/',
      credential_provider: 'login',
    },
  ],
  applications: [
    {
      name: 'clerk',
      auth_method: 'client_secret',
      labels: ['team:books'],
      dpop_required: false,
      redirect_uris: [],
    },
  ],
  policies: [{ name: 'risk', description: 'what is grave', language: 'json', source: first }],
  policy_sets: [{ name: 'rules', description: '', policies: ['risk'] }],
  active_policy_set: { name: 'rules' },
  grants: [
    {
      application: 'clerk',
      resource: 'Books',
      user_id: null,
      scopes: ['books:read'],
      expires_at: '2099-01-01T00:00:00.000Z',
    },
  ],
} as const satisfies ZoneFile

async function filled(): Promise<ZoneMaker> {
  const make = await newZone(world, false)
  await bringTo(world, make.zone, whole)
  return make
}

test('an empty zone is filled in one plan, each step after what it needs', async () => {
  const { zone } = await newZone(world, false)
  const plan = await importFile(world, zone, whole)
  expect(plan).toMatchObject({ state: 'pending_approval', origin: 'file' })
  expect(plan?.steps.map(({ operation }) => operation)).toEqual([
    'providers.create',
    'resources.create',
    'applications.create',
    'policies.create',
    'policy_sets.create',
    'policy_sets.add_version',
    'grants.create',
    'policy_sets.activate',
  ])
  expect(plan?.preview?.warnings[0]).toContain('The provider login has no secret')
  await bringTo(world, zone, whole)
  expect(await exportZone(world, zone)).toEqual(whole)
})

test('a zone that says so already has nothing to change, and no plan is kept', async () => {
  const { zone } = await filled()
  const before = await world.state()
  expect(await importFile(world, zone, await exportZone(world, zone))).toBeNull()
  expect(await importFile(world, zone, { ...whole, prune: true })).toBeNull()
  expect(await world.state()).toBe(before)
})

const [resource, clerk, policy, grant] = [
  whole.resources[0],
  whole.applications[0],
  whole.policies[0],
  whole.grants[0],
]

const edits: readonly (readonly [string, object, readonly string[]])[] = [
  ['a label', { applications: [{ ...clerk, labels: ['team:new'] }] }, ['applications.patch']],
  [
    'a name by its identifier',
    { resources: [{ ...resource, name: 'Library' }] },
    ['resources.patch'],
  ],
  ['no upstream', { resources: [{ ...resource, upstream_url: null }] }, ['resources.patch']],
  [
    'settings of a provider',
    { providers: [{ name: 'login', settings: { kind: 'none' } }] },
    ['providers.patch'],
  ],
  [
    'an earlier end',
    { grants: [{ ...grant, expires_at: '2098-01-01T00:00:00Z' }] },
    ['grants.patch'],
  ],
  ['a second grant', { grants: [grant, { ...grant, user_id: 'bob' }] }, ['grants.create']],
  ['a setting', { settings: { dcr_enabled: true } }, ['zones.patch']],
  [
    'another text of a policy, which then decides',
    {
      policies: [{ ...policy, source: second }],
      policy_sets: [whole.policy_sets[0]],
      active_policy_set: { name: 'rules' },
    },
    ['policies.add_version', 'policy_sets.add_version', 'policy_sets.activate'],
  ],
  ['another text alone', { policies: [{ ...policy, source: second }] }, ['policies.add_version']],
  [
    'a set without policies',
    { policy_sets: [{ name: 'rules', policies: [] }] },
    ['policy_sets.add_version'],
  ],
  ['no grant, which is left alone', { grants: [] }, []],
  ['no grant, with prune', { grants: [], prune: true }, ['grants.delete']],
  [
    'no application, with prune',
    { applications: [], grants: [], prune: true },
    ['grants.delete', 'applications.delete'],
  ],
  ['prune of kinds that it does not list', { prune: true }, []],
]

test.each(edits)('a file with %s takes just that', async (_, edit, operations) => {
  const { zone } = await filled()
  const before = await exportZone(world, zone)
  const plan = await bringTo(world, zone, { format, ...edit })
  expect(plan?.steps.map(({ operation }) => operation) ?? []).toEqual(operations)
  expect(await importFile(world, zone, { format, ...edit })).toBeNull()
  const after = await exportZone(world, zone)
  if (operations.length === 0) expect(after).toEqual(before)
  else expect(after).not.toEqual(before)
})

test('an export names older versions, and those of archived policies, so that they stay', async () => {
  const make = await filled()
  const id = (await make.call('policies.list', {})).items[0]?.id ?? ''
  await make.call('policies.add_version', { policy_id: id, language: 'json', source: second })
  const old = await make.policy()
  const set = await make.policySet()
  const manifest = [{ policy_version_id: old.latest_version.id }]
  await make.call('policy_sets.add_version', { policy_set_id: set.id, manifest })
  await make.call('policies.delete', { policy_id: old.id })
  const file = await exportZone(world, make.zone)
  expect(file.policy_sets).toEqual(
    expect.arrayContaining([
      { name: 'rules', description: '', policies: [{ policy: 'risk', version: 1 }] },
      { name: set.name, description: '', policies: manifest },
    ]),
  )
  expect(await importFile(world, make.zone, file)).toBeNull()
})

test('no secret, no workload that registered itself and no expired grant is in an export', async () => {
  await using own = await startWorld({ still: true })
  const make = await newZone(own)
  await make.call('zones.patch', { dcr_enabled: true })
  await make.call('applications.register', { name: 'guest', expires_in: 600 })
  const { client_secret } = await make.application()
  const { id } = await make.grant()
  const soon = new Date(own.now() + 60_000).toISOString()
  await make.call('grants.patch', { grant_id: id, expires_at: soon })
  own.pass(120_000)
  const text = JSON.stringify(await exportZone(own, make.zone))
  expect(text).not.toContain('guest')
  expect(text).not.toContain(client_secret)
  expect(JSON.parse(text)).toMatchObject({ grants: [] })
})

describe('a file is refused', () => {
  const many = Array.from({ length: limits.planSteps + 1 }, (_, i) => ({ name: `a${String(i)}` }))
  const cases: readonly (readonly [string, object, FaultCode, string | null])[] = [
    ['a field that there is not', { owner: 'me' }, 'invalid_body', 'file'],
    ['another format', { format: 'caracal-zone/9' }, 'invalid_body', null],
    [
      'a name twice',
      { applications: [{ name: 'a' }, { name: 'A' }] },
      'invalid_body',
      'applications.1.name',
    ],
    [
      'a grant of nobody',
      { grants: [{ ...grant, application: 'x' }] },
      'invalid_body',
      'grants.0.application',
    ],
    [
      'a grant on what it prunes',
      { prune: true, resources: [], grants: [{ ...grant, scopes: ['books:write'] }, grant] },
      'invalid_body',
      'grants.0.resource',
    ],
    [
      'a provider that is none',
      { resources: [{ ...resource, credential_provider: 'x' }] },
      'invalid_body',
      'resources.0.credential_provider',
    ],
    [
      'a set of no policy',
      { policy_sets: [{ name: 'rules', policies: ['x'] }] },
      'invalid_body',
      'policy_sets.0.policies.0',
    ],
    [
      'a version that is none',
      { policy_sets: [{ name: 'rules', policies: [{ policy: 'risk', version: 7 }] }] },
      'invalid_body',
      'policy_sets.0.policies.0',
    ],
    [
      'an active set that is none',
      { active_policy_set: { name: 'x' } },
      'invalid_body',
      'active_policy_set',
    ],
    [
      'another identifier',
      { resources: [{ ...resource, identifier: 'urn:x' }] },
      'invalid_body',
      'resources.0.identifier',
    ],
    [
      'another proof of who it is',
      { applications: [{ ...clerk, auth_method: 'none' }] },
      'invalid_body',
      'applications.0.auth_method',
    ],
    [
      'another description',
      { policies: [{ ...policy, description: 'x' }] },
      'invalid_body',
      'policies.0.description',
    ],
    [
      'a secret in it',
      { applications: [{ name: 'a', labels: [`cat_${'x'.repeat(43)}`] }] },
      'secret_in_message',
      null,
    ],
    ['more than a plan holds', { applications: many }, 'limit_reached', null],
  ]
  test.each(cases)('with %s', async (_, edit, code, path) => {
    const { zone } = await filled()
    const { body } = await expectRefused(world, code, () =>
      sendFile(world, zone, { format, ...edit }),
    )
    if (path !== null) expect(body.details.issues[0].path).toBe(path)
  })

  test('from whoever may not write', async () => {
    const { zone } = await filled()
    const token = await world.person(freshName('reader'), ['read'], zone)
    await expectRefused(world, 'admin_token_read_only', () =>
      sendFile(world, zone, whole, { token }),
    )
  })
})

test('a plan as a file is the same plan in another zone', async () => {
  const [{ zone }, other] = [await newZone(world), await newZone(world)]
  const { steps, intent } = await propose(world, access('moved'), { zone })
  const plan = await importFile(world, other.zone, { format: 'caracal-plan/1', intent, steps })
  expect(plan).toMatchObject({ origin: 'file', steps, zone_id: other.zone })
  expect(plan?.preview?.access.gained).toHaveLength(1)
  const empty = { format: 'caracal-plan/1', steps: [] }
  await expectRefused(world, 'invalid_body', () => sendFile(world, zone, empty))
  const blocked = {
    format: 'caracal-plan/1',
    steps: [{ ...application('x'), operation: 'no.such' }],
  }
  expect((await importFile(world, zone, blocked))?.preview?.steps[0]?.blocked?.code).toBe(
    'unknown_operation',
  )
})
