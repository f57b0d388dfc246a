import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { catalogue, findOperation, type OperationId } from '../../tools/catalogue.ts'
import type { Operation } from '../../tools/operation.ts'
import { limits } from '../../src/kernel/limits.ts'
import { witnessKey } from '../support/audit-log.ts'
import { waitingApproval } from '../support/gated.ts'
import { noteModelCall } from '../support/model-calls.ts'
import { expectError } from '../support/refused.ts'
import { callOperation } from '../support/requests.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

let world: World
let make: ZoneMaker

/** How many objects of each kind there are at least. */
const made = 5

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  for (let i = 0; i < made; i += 1) {
    await newZone(world)
    await make.grant()
    await make.provider()
    await make.policy()
    await make.policySetVersion()
    await make.plan()
    await make.conversation()
    await make.session()
    await make.delegation()
    await make.subjectIssuer()
    await make.subject()
    await waitingApproval(make)
    await delivery()
    await make.adminToken()
    await noteModelCall(world, make.zone)
    await make.call('witnesses.create', { name: `watch ${i}`, verifier_key: witnessKey() })
  }
})

afterAll(() => world[Symbol.asyncDispose]())

const lists = (catalogue as readonly Operation[]).filter(
  ({ input, effect }) => effect === 'read' && 'cursor' in input.shape,
)

let webhook: string | undefined

/** A delivery to one webhook of the zone. */
async function delivery(): Promise<void> {
  const { id } = await make.webhook()
  webhook ??= id
  await waitingApproval(make)
}

/** What a list is asked for so that reading it does not make it longer. */
const filters: Partial<Record<OperationId, Record<string, string>>> = {
  'audit.list': { type: 'applications.create' },
  'audit.platform': { type: 'admin_tokens.create' },
}

type Input = Readonly<Record<string, string | number | boolean>>

function list(operation: Operation, input: Input = {}): Promise<Answer> {
  const filter = filters[operation.id as OperationId]
  const about = 'webhook_id' in operation.input.shape ? { webhook_id: webhook } : {}
  return callOperation(world, operation, make.zone, { ...filter, ...about, ...input })
}

/** What of an item stays the same while it is read: a delivery is tried again meanwhile. */
function settled(operation: Operation, items: unknown[]): unknown[] {
  const isMoving = operation.id === 'webhooks.deliveries'
  return isMoving ? items.map((item) => (item as { readonly id: string }).id) : items
}

async function pagesOf(operation: Operation, limit: number): Promise<unknown[][]> {
  const pages: unknown[][] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body } = await list(operation, { limit, ...(cursor !== '' && { cursor }) })
    pages.push(settled(operation, body.items))
    cursor = body.next_cursor as string | null
  }
  return pages
}

describe.each(lists.map((operation) => [operation.id, operation] as const))(
  '%s',
  (_, operation) => {
    test('gives the same in pages of any size, the last of them never empty', async () => {
      const { body } = await list(operation, { limit: limits.pageItemsMax })
      const all = settled(operation, body.items)
      expect(all.length).toBeGreaterThanOrEqual(made)
      for (const limit of [1, 2, made, all.length - 1, all.length, all.length + 1]) {
        const pages = await pagesOf(operation, limit)
        expect(pages.flat()).toEqual(all)
        expect(pages.length).toBe(Math.ceil(all.length / limit))
        expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true)
      }
    })

    test('refuses a cursor that it has not given', async () => {
      const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const next_cursor: string = (await list(operation, { limit: 1 })).body.next_cursor
      const tampered = [
        ...[
          '',
          'x',
          '%',
          '\u0000',
          'null',
          `${next_cursor}A`,
          next_cursor.slice(1),
          next_cursor.slice(0, -2),
        ],
        ...[null, 1, 'a', [], {}, ['a'], [1], [[]], ['__proto__', 1], { length: 2 }].map(text),
        text(['applications', 'zone_\u0000']),
        text(['events', 1.5]),
        text(['events', '1']),
        text(['access', 0]),
        text(['access', -1]),
      ]
      for (const cursor of tampered) {
        const answer = await list(operation, { cursor })
        expect([400, cursor], JSON.stringify(answer.body)).toEqual([answer.status, cursor])
        expect(['invalid_cursor', 'invalid_query']).toContain(answer.body.error)
      }
    })

    test('refuses the cursor of every other list', async () => {
      for (const other of lists) {
        if (other === operation || other.id.split('.')[0] === operation.id.split('.')[0]) continue
        const { next_cursor } = (await list(other, { limit: 1 })).body
        expectError(await list(operation, { cursor: next_cursor }), 'invalid_cursor')
      }
    })

    test.each([0, -1, limits.pageItemsMax + 1, 1.5, 1e30, Number.NaN])(
      'refuses a limit of %d',
      async (limit) => {
        expectError(await list(operation, { limit }), 'invalid_query')
      },
    )
  },
)

describe('a list', () => {
  test(`has ${limits.pageItems} items on a page unless asked otherwise`, async () => {
    const zone = await newZone(world)
    await world.sql(
      `insert into policies (id, zone_id, revision, created_at, updated_at, name, name_key, description)
       select 'pol_01h455vb4pex5vsknk08' || to_char(i, 'FM000000'), $1, 1, now(), now(), 'p' || i, 'p' || i, ''
       from generate_series(1, 201) i`,
      [zone.zone],
    )
    await world.sql(
      `insert into policy_versions (id, zone_id, revision, created_at, updated_at, policy_id, number, language, source, documents, digest)
       select replace(id, 'pol_', 'polv_'), zone_id, 1, now(), now(), id, 1, 'json', '{}', '{}', 'sha256:' || repeat('0', 64)
       from policies where zone_id = $1`,
      [zone.zone],
    )
    const first = await zone.call('policies.list', {})
    expect([first.items.length, first.next_cursor === null]).toEqual([200, false])
    const last = await zone.call('policies.list', { cursor: first.next_cursor ?? '' })
    expect([last.items.length, last.next_cursor]).toEqual([1, null])
  })

  test('goes on where it was although objects come and go', async () => {
    const zone = await newZone(world)
    const names = []
    for (let i = 0; i < 6; i += 1) names.push((await zone.application()).name)
    const first = await zone.call('applications.list', { limit: 3 })
    await zone.call('applications.delete', { application_id: first.items[2]?.id ?? '' })
    const added = await zone.application()
    const rest = await zone.call('applications.list', {
      limit: 10,
      cursor: first.next_cursor ?? '',
    })
    expect(rest.items.map(({ name }) => name)).toEqual([...names.slice(3), added.name])
  })

  test('takes any text for a cursor without failing', async () => {
    const operation = findOperation('grants.list')
    if (operation === undefined) throw new Error('no such list')
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 100 }), async (cursor) => {
        fc.pre(cursor.isWellFormed())
        expect((await list(operation, { cursor })).status).toBe(400)
      }),
      { numRuns: 60 },
    )
  })
})

describe('a filter', () => {
  test('of applications is by name as it is compared, and by label', async () => {
    const zone = await newZone(world)
    const labelled = await zone.call('applications.create', { name: 'Straße', labels: ['team:a'] })
    await zone.application()
    const ids = async (input: object) =>
      (await zone.call('applications.list', input)).items.map(({ id }) => id)
    expect(await ids({ name: ' STRASSE' })).toEqual([labelled.id])
    expect(await ids({ label: 'team:a' })).toEqual([labelled.id])
    expect(await ids({ label: 'team:A' })).toEqual([])
    expect(await ids({ name: "' or true --" })).toEqual([])
    expect(await ids({ name: '' })).toEqual([])
  })

  test('of grants is by application, resource and user together', async () => {
    const zone = await newZone(world)
    const plain = await zone.grant()
    const { application_id, resource_id } = plain
    const bound = await zone.call('grants.create', {
      ...{ application_id, resource_id, scopes: ['invoices:read'] },
      user_id: 'user-1',
    })
    await zone.grant()
    const ids = async (input: object) =>
      (await zone.call('grants.list', input)).items.map(({ id }) => id)
    expect(await ids({ application_id })).toEqual([plain.id, bound.id])
    expect(await ids({ resource_id, user_id: 'user-1' })).toEqual([bound.id])
    expect(await ids({ user_id: 'user-2' })).toEqual([])
  })

  test('of resources is by identifier', async () => {
    const zone = await newZone(world)
    const { id, identifier } = await zone.resource()
    await zone.resource()
    expect((await zone.call('resources.list', { identifier })).items.map((one) => one.id)).toEqual([
      id,
    ])
  })

  test('of plans is by state', async () => {
    const zone = await newZone(world)
    const [waiting, rejected] = [await zone.plan(), await zone.plan()]
    await zone.call('plans.reject', { plan_id: rejected.id, reason: 'no' })
    const ids = async (state: 'rejected' | 'pending_approval' | 'applied') =>
      (await zone.call('plans.list', { state })).items.map(({ id }) => id)
    expect(await ids('pending_approval')).toEqual([waiting.id])
    expect(await ids('rejected')).toEqual([rejected.id])
    expect(await ids('applied')).toEqual([])
  })

  test('of events is by each of their facts, and by time', async () => {
    const zone = await newZone(world)
    const start = new Date(world.now()).toISOString()
    world.pass(1_000)
    const application = await zone.application()
    world.pass(1_000)
    const between = new Date(world.now()).toISOString()
    world.pass(1_000)
    const path = `/v1/zones/${zone.zone}/applications/${application.id}`
    await world.call('PATCH', path, { name: freshName('agent'), undeclared: 1 })
    const types = async (input: object) =>
      (await zone.call('audit.list', input)).items
        .filter(({ type }) => type.startsWith('applications.'))
        .map(({ type }) => type)
    expect(await types({ from: start })).toEqual(['applications.patch', 'applications.create'])
    expect(await types({ from: start, to: between })).toEqual(['applications.create'])
    expect(await types({ from: between })).toEqual(['applications.patch'])
    expect(await types({ outcome: 'refused' })).toEqual(['applications.patch'])
    expect(await types({ type: 'applications.create' })).toEqual(['applications.create'])
    expect(await types({ actor: 'prn_nobody' })).toEqual([])
    expect(await types({ from: '9999-12-31T23:59:59Z' })).toEqual([])
    expect(await types({ to: '0000-01-01T00:00:00+23:59' })).toEqual([])
  })

  test.each([
    ['applications', 'include_archived=maybe'],
    ['grants', 'application_id=res_01h455vb4pex5vsknk084sn02q'],
    ['plans', 'state=finished'],
    ['audit', 'outcome=maybe'],
    ['audit', 'from=yesterday'],
    ['audit', 'from=2026-01-01'],
    ['audit', 'from=9999-12-31T23:59:59-23:59'],
    ['audit', `type=${'t'.repeat(81)}`],
    ['access', 'scope=%20'],
  ])('of %s by %s is refused', async (path, query) => {
    expectError(await world.call('GET', `${path}?${query}`), 'invalid_query')
  })
})
