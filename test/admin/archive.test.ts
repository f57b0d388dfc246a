import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue, findOperation, type OperationId } from '../../tools/catalogue.ts'
import { objectOf, pathFields, type Operation } from '../../tools/operation.ts'
import { examples } from '../support/examples.ts'
import { expectRefused } from '../support/refused.ts'
import { callOperation } from '../support/requests.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

const operations: readonly Operation[] = catalogue

/** The objects of a zone that archive, by the operation that does it. */
const deletes = operations.filter(
  ({ id, effect }) => effect === 'delete' && !/^(zones|admin_tokens)\./.test(id),
)

function sibling(operation: Operation, verb: string): Operation {
  const found = findOperation(`${objectOf(operation)}.${verb}`)
  if (found === undefined) throw new Error(`${operation.id} has no ${verb}`)
  return found
}

async function archivedBy(remove: Operation, make: ZoneMaker): Promise<Record<string, unknown>> {
  const input = { ...(await examples[remove.id as OperationId](make)) }
  const { status } = await callOperation(world, remove, make.zone, input)
  expect(status).toBe(204)
  return input
}

describe.each(deletes.map((operation) => [operation.id, operation] as const))(
  'after %s',
  (_, remove) => {
    test('the object says so when it is read, and stands in no list that does not ask', async () => {
      const make = await newZone(world)
      const input = await archivedBy(remove, make)
      const [field = ''] = pathFields(remove)
      const { status, body } = await callOperation(world, sibling(remove, 'get'), make.zone, input)
      expect([status, body.id]).toEqual([200, input[field]])
      expect(Date.parse(body.archived_at)).toBeLessThanOrEqual(world.now())
      const ids = async (asked: Record<string, string>) => {
        const list = await callOperation(world, sibling(remove, 'list'), make.zone, asked)
        const items: { id: string }[] = list.body.items
        return items.map(({ id }) => id)
      }
      expect(await ids({})).not.toContain(input[field])
      expect(await ids({ include_archived: 'true' })).toContain(input[field])
    })

    test('every change of the object is refused', async () => {
      const [field = ''] = pathFields(remove)
      const changes = operations.filter(
        (operation) => operation.versioned && pathFields(operation)[0] === field,
      )
      expect(changes.length).toBeGreaterThan(0)
      for (const change of changes) {
        const make = await newZone(world)
        const archived = await archivedBy(remove, make)
        const input = {
          ...(await examples[change.id as OperationId](make)),
          [field]: archived[field],
        }
        await expectRefused(world, 'archived', () => callOperation(world, change, make.zone, input))
      }
    })
  },
)

describe('what refers to an archived object is refused', () => {
  test.each([
    ['grants.create', 'applications.delete', 'application_id'],
    ['grants.create', 'resources.delete', 'resource_id'],
    ['resources.create', 'providers.delete', 'credential_provider_id'],
    ['resources.patch', 'providers.delete', 'credential_provider_id'],
  ] as const)('%s after %s', async (id, removal, field) => {
    const make = await newZone(world)
    const [operation, remove] = [findOperation(id), findOperation(removal)]
    if (operation === undefined || remove === undefined) throw new Error(id)
    const [gone] = Object.values(await archivedBy(remove, make))
    const input = { ...(await examples[id](make)), [field]: gone }
    await expectRefused(world, 'archived', () => callOperation(world, operation, make.zone, input))
  })

  test('a version of a set that holds an archived policy', async () => {
    const make = await newZone(world)
    const policy = await make.policy()
    const set = await make.policySet()
    await make.call('policies.delete', { policy_id: policy.id })
    const path = `/v1/zones/${make.zone}/policy-sets/${set.id}/versions`
    const manifest = [{ policy_version_id: policy.latest_version.id }]
    await expectRefused(world, 'archived', () => world.call('POST', path, { manifest }))
  })
})

describe('an archive', () => {
  test.each(['application', 'resource'] as const)('of a %s ends its grants', async (kind) => {
    const make = await newZone(world)
    const [gone, kept] = [await make.grant(), await make.grant()]
    if (kind === 'application')
      await make.call('applications.delete', { application_id: gone.application_id })
    else await make.call('resources.delete', { resource_id: gone.resource_id })
    expect((await make.call('grants.get', { grant_id: gone.id })).archived_at).not.toBeNull()
    expect((await make.call('grants.get', { grant_id: kept.id })).archived_at).toBeNull()
    expect((await make.call('access.list', {})).items.map((one) => one.application_id)).toEqual([
      kept.application_id,
    ])
  })

  test('of a provider that a resource uses is refused, with the resource', async () => {
    const make = await newZone(world)
    const input = await examples['resources.create'](make)
    const resource = await make.call('resources.create', input)
    const path = `/v1/zones/${make.zone}/providers/${input.credential_provider_id ?? ''}`
    const { body } = await expectRefused(world, 'in_use', () => world.call('DELETE', path))
    expect(body.details).toEqual({ resources: [resource.id] })
    await make.call('resources.patch', { resource_id: resource.id, credential_provider_id: null })
    expect((await world.call('DELETE', path)).status).toBe(204)
  })

  test('of a zone leaves it readable, refuses every change in it and mints nothing', async () => {
    const make = await newZone(world)
    const application = await make.application()
    await make.agent()
    await make.call('zones.delete', {})
    const { body } = await world.call('GET', `/v1/zones/${make.zone}`)
    expect(body.archived_at).not.toBeNull()
    for (const operation of operations.filter(
      ({ place, effect }) => place === 'zone' && effect !== 'read',
    )) {
      const caller = await make.caller(operation)
      await expectRefused(world, 'zone_archived', () =>
        callOperation(world, operation, make.zone, { application_id: application.id }, caller),
      )
    }
    const has = async (query: string) => {
      const list = await world.call('GET', `/v1/zones?limit=500${query}`)
      const items: { id: string }[] = list.body.items
      return items.some(({ id }) => id === make.zone)
    }
    expect([await has(''), await has('&include_archived=true')]).toEqual([false, true])
    const token = await world.oauth(
      'token',
      {
        ...{ grant_type: 'client_credentials', resource: 'resource://any', scope: 'any' },
        client_id: application.id,
        client_secret: application.client_secret ?? '',
      },
      make.zone,
    )
    expect(token.status).toBeGreaterThanOrEqual(400)
  })
})
