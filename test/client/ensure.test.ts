import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ensureApplication,
  ensureGrant,
  ensurePolicy,
  ensurePolicySet,
  ensureProvider,
  ensureResource,
  ensureZone,
  type Ensured,
} from '../../src/client/ensure.ts'
import { startWorld, type World } from '../world.ts'

let world: World
const zone = 'default'

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

/** Makes a wish, repeats it, changes it, and repeats that. */
async function outcomes<W>(
  ensure: (wish: W) => Promise<Ensured<{ readonly id: string }>>,
  first: W,
  second: W,
): Promise<readonly string[]> {
  const results: Ensured<{ readonly id: string }>[] = []
  for (const wish of [first, first, second, second]) results.push(await ensure(wish))
  expect(new Set(results.map(({ object }) => object.id)).size).toBe(1)
  return results.map(({ outcome }) => outcome)
}

const converged = ['created', 'unchanged', 'updated', 'unchanged']

function source(tier: string): string {
  return JSON.stringify({ risk: [{ scope: 'a:write', tier }] })
}

describe('an object is created, left alone, updated, left alone', () => {
  test('zone', async () => {
    const ensure = (dcr_enabled: boolean) =>
      ensureZone(world.admin, { name: 'Staging', slug: 'staging', baseline: true, dcr_enabled })
    expect(await outcomes(ensure, false, true)).toEqual(converged)
  })

  test('application, whatever the order of its labels', async () => {
    const ensure = (labels: string[]) =>
      ensureApplication(world.admin, zone, { name: 'ledger', labels })
    expect(await outcomes(ensure, ['team:a', 'team:b'], ['team:b'])).toEqual(converged)
    expect((await ensure(['team:b'])).outcome).toBe('unchanged')
  })

  test('resource, by its identifier', async () => {
    const ensure = (name: string) =>
      ensureResource(world.admin, zone, {
        name,
        identifier: 'urn:x',
        scopes: ['a:read', 'a:write'],
      })
    expect(await outcomes(ensure, 'X', 'Y')).toEqual(converged)
  })

  test('provider', async () => {
    const ensure = (headerName: string) =>
      ensureProvider(world.admin, zone, {
        name: 'keys',
        settings: { kind: 'api_key', in: 'header', name: headerName },
      })
    expect(await outcomes(ensure, 'x-key', 'x-api')).toEqual(converged)
  })

  test('policy and the set that holds it', async () => {
    const policy = (tier: string) =>
      ensurePolicy(world.admin, zone, { name: 'risk', language: 'json', source: source(tier) })
    expect(await outcomes(policy, 'high', 'low')).toEqual(converged)
    const { object } = await policy('low')
    const set = (policy_version_ids: string[]) =>
      ensurePolicySet(world.admin, zone, { name: 'strict', policy_version_ids })
    expect(await outcomes(set, [], [object.latest_version.id])).toEqual(converged)
  })

  test('grant, its time in any offset', async () => {
    const application_id = (await ensureApplication(world.admin, zone, { name: 'g' })).object.id
    const wanted = { name: 'G', scopes: ['g:read', 'g:write'] }
    const resource_id = (await ensureResource(world.admin, zone, wanted)).object.id
    const pair = { application_id, resource_id }
    const ensure = (scopes: string[]) => ensureGrant(world.admin, zone, { ...pair, scopes })
    expect(await outcomes(ensure, ['g:read'], ['g:write', 'g:read'])).toEqual(converged)

    const timed = { ...pair, scopes: ['g:read'], expires_at: '2099-01-01T00:00:00Z' }
    const first = await ensureGrant(world.admin, zone, timed)
    const again = { ...timed, expires_at: '2099-01-01T02:00:00+02:00' }
    expect(first.outcome).toBe('created')
    expect((await ensureGrant(world.admin, zone, again)).outcome).toBe('unchanged')

    await world.admin.grants.create(zone, { ...timed, scopes: ['g:write'] })
    const other = { ...timed, scopes: ['g:read', 'g:write'] }
    await expect(ensureGrant(world.admin, zone, other)).rejects.toMatchObject({
      code: 'ambiguous_reference',
    })
  })
})

test('a new application comes with its secret, an existing one without', async () => {
  const ensure = () => ensureApplication(world.admin, zone, { name: 'secretive' })
  expect((await ensure()).object.client_secret).toMatch(/^cs_/)
  expect((await ensure()).object.client_secret).toBeUndefined()
})

test('what cannot be changed is refused and left as it is', async () => {
  const before = (await ensureApplication(world.admin, zone, { name: 'fixed' })).object
  const wish = { name: 'fixed', auth_method: 'private_key_jwt', labels: ['a:b'] } as const
  const refused = ensureApplication(world.admin, zone, { ...wish, labels: [...wish.labels] })
  await expect(refused).rejects.toMatchObject({
    code: 'conflict',
    details: { field: 'auth_method' },
  })
  const after = await world.admin.applications.get(zone, { application_id: before.id })
  expect(after.revision).toBe(before.revision)
})

test('two at once make one object', async () => {
  const ensure = () => ensureApplication(world.admin, zone, { name: 'raced' })
  const both = await Promise.all([ensure(), ensure(), ensure()])
  expect(both.map(({ outcome }) => outcome).sort()).toEqual(['created', 'unchanged', 'unchanged'])
})
