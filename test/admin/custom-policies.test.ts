import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/kernel/limits.ts'
import { endless } from '../support/endless-rego.ts'
import { opa } from '../support/opa.ts'
import { expectRefused } from '../support/refused.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld({ config: { opaBin: opa } })
})

afterAll(() => world[Symbol.asyncDispose]())

const noWrites = `package caracal.authz

deny contains "no writes" if "invoices:write" in input.scopes
`
/** A zone in which one application holds both scopes of one resource. */
async function granted() {
  const make = await newZone(world)
  const application = await make.application()
  const resource = await make.resource()
  const scopes = ['invoices:read', 'invoices:write']
  await make.call('grants.create', {
    application_id: application.id,
    resource_id: resource.id,
    scopes,
  })
  const ask = (scope: string) =>
    world.oauth(
      'token',
      {
        grant_type: 'client_credentials',
        client_id: application.id,
        client_secret: application.client_secret ?? '',
        resource: resource.identifier,
        scope,
      },
      make.zone,
    )
  return { make, application, resource, ask }
}

/** Makes a policy set of these sources, and says its version. */
async function bundle(
  make: ZoneMaker,
  sources: readonly { language: 'rego' | 'json'; source: string }[],
) {
  const policies = await Promise.all(
    sources.map((one) => make.call('policies.create', { name: freshName('policy'), ...one })),
  )
  const { id } = await make.policySet()
  const version = await make.call('policy_sets.add_version', {
    policy_set_id: id,
    manifest: policies.map(({ latest_version }) => ({ policy_version_id: latest_version.id })),
  })
  return { policies, version: { policy_set_id: id, version_id: version.id } }
}

function rego(source: string) {
  return { language: 'rego', source } as const
}

describe.skipIf(opa === null)('a policy of custom Rego', () => {
  test('is checked without being stored, and its errors have places', async () => {
    const state = await world.state()
    const good = await world.call('POST', '/v1/policies/validate', rego(noWrites))
    expect(good).toMatchObject({
      status: 200,
      body: { documents: {}, digest: expect.stringMatching(/^sha256:/) },
    })
    const { body } = await expectRefused(world, 'invalid_document', () =>
      world.call('POST', '/v1/policies/validate', rego(noWrites.replace('input.scopes', 'x.y'))),
    )
    expect(body.details.issues[0]).toMatchObject({ line: 3, message: /x/ })
    expect(await world.state()).toBe(state)
  })

  test('decides from the next exchange on once it is active, and takes away only', async () => {
    const { make, application, resource, ask } = await granted()
    expect((await ask('invoices:write')).status).toBe(200)
    const { policies, version } = await bundle(make, [rego(noWrites)])
    const simulated = await make.call('policy_sets.simulate', {
      ...version,
      input: {
        application_id: application.id,
        resource_id: resource.id,
        scopes: ['invoices:read', 'invoices:write'],
      },
    })
    const rule = `custom:${policies[0]?.latest_version.id ?? ''}/no writes`
    expect(simulated).toMatchObject({
      allow: false,
      reason: 'custom_denied',
      missing: ['invoices:write'],
      scopes: { 'invoices:write': { verdict: 'deny', rules: [rule] } },
    })
    expect((await ask('invoices:write')).status).toBe(200)

    await make.call('policy_sets.activate', version)
    expect((await ask('invoices:read')).status).toBe(200)
    const mark = await world.eventCount()
    const refused = await ask('invoices:write')
    expect(refused).toMatchObject({
      status: 403,
      body: { error: 'access_denied', reason: 'custom_denied' },
    })
    expect(await world.events(mark)).toMatchObject([{ outcome: 'deny', reason: 'custom_denied' }])
    const [row] = await world.sql<{ rules: string[]; explanation: string }>(
      `select entry->'rules' as rules, entry->'diagnostics'->>'explanation' as explanation
       from events order by position desc limit 1`,
    )
    expect(row?.rules).toEqual([rule])
    expect(row?.explanation).toContain('no writes')
    const listed = await make.call('access.list', {})
    expect(listed.items.map(({ scope }) => scope)).toEqual(['invoices:read'])
  })

  test('asks for the approval of a tier of the documents', async () => {
    const { make, ask } = await granted()
    const tiers = {
      approval_tiers: [{ tier: 'high', approver: 'finance', ttl_seconds: 60, quorum: 2 }],
    }
    const { version } = await bundle(make, [
      { language: 'json', source: JSON.stringify(tiers) },
      rego(noWrites.replace('deny contains "no writes"', 'require_approval contains "high"')),
    ])
    await make.call('policy_sets.activate', version)
    expect((await ask('invoices:write')).body).toMatchObject({
      reason: 'approval_required',
      obligations: [{ tier: 'high', approver: 'finance', quorum: 2, scopes: ['invoices:write'] }],
    })
  })

  test('that does not end refuses, and holds up no other zone', async () => {
    const looping = await granted()
    const { version } = await bundle(looping.make, [rego(`package caracal.authz\n${endless}\n`)])
    await looping.make.call('policy_sets.activate', version)
    const fine = await granted()
    const other = await bundle(fine.make, [rego(noWrites)])
    await fine.make.call('policy_sets.activate', other.version)
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => [
        looping.ask('invoices:read'),
        fine.ask('invoices:read'),
      ]).flat(),
    )
    expect(answers.map(({ status }) => status)).toEqual(
      Array.from({ length: 6 }, () => [403, 200]).flat(),
    )
    expect(answers[0]?.body.reason).toBe('custom_policy_timeout')
  })

  test('whose wasm is gone or damaged refuses', async () => {
    const { make, ask } = await granted()
    const { version, policies } = await bundle(make, [
      rego(noWrites.replace('no writes', `no writes in ${make.zone}`)),
    ])
    await world.sql('update policy_modules set wasm = $1 where digest = $2', [
      Buffer.from('damaged'),
      policies[0]?.latest_version.digest,
    ])
    await make.call('policy_sets.activate', version)
    expect((await ask('invoices:read')).body).toMatchObject({ reason: 'custom_policy_failed' })
  })

  test('can be a step of a plan, whose preview shows what it takes away', async () => {
    const { make } = await granted()
    const { policy_set_id } = (await bundle(make, [])).version
    const plan = await make.call('plans.create', {
      steps: [
        { id: 'policy', operation: 'policies.create', input: { name: 'guard', ...rego(noWrites) } },
        {
          id: 'bundle',
          operation: 'policy_sets.add_version',
          input: {
            policy_set_id,
            manifest: [{ policy_version_id: '{{steps.policy.output.latest_version.id}}' }],
          },
        },
        {
          id: 'activate',
          operation: 'policy_sets.activate',
          input: { policy_set_id, version_id: '{{steps.bundle.output.id}}' },
        },
      ],
    })
    expect(plan.preview?.access.lost.map(({ scope }) => scope)).toEqual(['invoices:write'])
  })

  test('shares a set with a few others only', async () => {
    const make = await newZone(world)
    const { latest_version } = await make.call('policies.create', {
      name: 'guard',
      ...rego(noWrites),
    })
    const { id } = await make.policySet()
    const manifest = Array.from({ length: limits.customPoliciesPerSet + 1 }, () => ({
      policy_version_id: latest_version.id,
    }))
    const path = `/v1/zones/${make.zone}/policy-sets/${id}/versions`
    await expectRefused(world, 'limit_reached', () => world.call('POST', path, { manifest }))
  })
})

test('without a compiler custom Rego is refused with the way to get one', async () => {
  await using bare = await startWorld({ sharing: world, config: { opaBin: null } })
  const { body } = await expectRefused(bare, 'rego_compiler_unavailable', () =>
    bare.call('POST', 'policies', { name: 'guard', ...rego(noWrites) }),
  )
  expect(body.error_description).toContain('OPA_BIN')
})
