import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OutputOf, RequestOf } from '../../tools/catalogue.ts'
import { limits } from '../../src/kernel/limits.ts'
import { newZone, scopes, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

async function decideBy(make: ZoneMaker, documents: object): Promise<void> {
  const source = JSON.stringify(documents)
  const policy = await make.call('policies.create', { name: 'documents', language: 'json', source })
  const { id } = await make.policySet()
  const manifest = [{ policy_version_id: policy.latest_version.id }]
  const version = await make.call('policy_sets.add_version', { policy_set_id: id, manifest })
  await make.call('policy_sets.activate', { policy_set_id: id, version_id: version.id })
}

async function pagesOf(make: ZoneMaker, filters: RequestOf<'access.list'>) {
  const pages = []
  let cursor: string | undefined
  do {
    const page = await make.call('access.list', { ...filters, ...(cursor && { cursor }) })
    pages.push(page.items)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return pages
}

async function walk(make: ZoneMaker, filters: RequestOf<'access.list'> = {}): Promise<string[]> {
  return (await pagesOf(make, filters)).flat().map(keyOf)
}

function keyOf(tuple: OutputOf<'access.list'>['items'][number]): string {
  return [tuple.application_id, tuple.resource_id, tuple.user_id ?? '', tuple.scope].join(' ')
}

describe('a page of access', () => {
  test('of any size gives every tuple once, in one order, with every filter', async () => {
    const make = await newZone(world)
    const pairs = [await make.grant(), await make.grant(), await make.grant()]
    for (const [index, { application_id, resource_id }] of pairs.entries())
      for (const user_id of ['ann', 'bob', 'Zoe'].slice(index))
        await make.call('grants.create', { application_id, resource_id, user_id, scopes })
    const ends = pairs.map(({ resource_id }) => ({ resource_id }))
    for (const filters of [{}, { user_id: 'ann' }, { scope: 'invoices:write' }, ...ends]) {
      const all = await walk(make, filters)
      expect(all).toEqual([...all].sort())
      expect(new Set(all).size).toBe(all.length)
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 8 }), async (limit) => {
          const pages = await pagesOf(make, { ...filters, limit })
          expect(pages.flat().map(keyOf)).toEqual(all)
          expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true)
          expect(pages.at(-1)?.length).toBeGreaterThan(0)
        }),
        { numRuns: 4 },
      )
    }
  })

  test('is not moved by what comes and goes before its cursor', async () => {
    const make = await newZone(world)
    const made = []
    for (let index = 0; index < 4; index += 1) made.push(await make.grant())
    made.sort((a, b) => (a.application_id < b.application_id ? -1 : 1))
    const first = await make.call('access.list', { limit: 2 })
    await make.call('grants.delete', { grant_id: made[0]?.id ?? '' })
    const cursor = first.next_cursor ?? ''
    const rest = await make.call('access.list', { cursor })
    expect([...first.items, ...rest.items].map((one) => one.application_id)).toEqual(
      made.map((one) => one.application_id),
    )
  })

  test('holds what roles give, beside what grants give', async () => {
    const make = await newZone(world)
    const { application_id, resource_id } = await make.grant()
    const [resource] = (await make.call('resources.list', {})).items
    const clerk = await make.application()
    await make.call('applications.patch', { application_id: clerk.id, labels: ['clerk'] })
    await decideBy(make, {
      app_ids: { billing: application_id },
      grants: {
        [resource?.identifier ?? '']: { roles: { clerk: ['invoices:*'], nobody: ['*'] } },
      },
    })
    const expected = [
      ...scopes.map((scope) => [clerk.id, resource_id, '', scope].join(' ')),
      [application_id, resource_id, '', 'invoices:read'].join(' '),
    ]
    for (const limit of [1, 500]) expect(await walk(make, { limit })).toEqual(expected.sort())
  })

  test('ends early where almost nothing is allowed, and its cursor goes on', async () => {
    const make = await newZone(world)
    await make.grant()
    const allowed = await make.grant()
    await decideBy(make, {
      conditions: [
        {
          ...{ id: 'never', effect: 'deny', reason: 'not these' },
          when: { labels: ['made*'] },
        },
      ],
    })
    await fill(make, 30, 100)
    const pages = await pagesOf(make, {})
    expect(pages.length).toBe(2)
    expect(pages[0]?.length).toBeLessThan(limits.pageItems)
    expect(pages.flat().map((one) => one.application_id)).toContain(allowed.application_id)
    expect(pages.flat()).toHaveLength(2)
  })

  test('of a zone with 20,000 grants is like any other', async () => {
    const make = await newZone(world)
    await fill(make, 200, 100)
    const all = await walk(make, { limit: limits.pageItemsMax })
    expect(all).toHaveLength(20_000)
    expect(all).toEqual([...new Set(all)].sort())
  })
})

describe('what is denied only now', () => {
  const noon = {
    days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
    between: ['00:00', '23:59'],
  }
  const office = { source_cidrs: ['!10.0.0.0/8'] }
  const condition = (id: string, effect: string, when: object) => ({
    ...{ id, effect, when, reason: 'as said' },
  })
  const gate = {
    risk: [{ scope: 'invoices:read', tier: 'high' }],
    approval_tiers: [{ tier: 'high', approver: 'approve', ttl_seconds: 60 }],
  }

  test.each([
    ['by a time window', { conditions: [condition('hours', 'deny', noon)] }, ['condition:hours']],
    ['by a network', { conditions: [condition('office', 'deny', office)] }, ['condition:office']],
    [
      'by both',
      { conditions: [condition('hours', 'deny', noon), condition('office', 'deny', office)] },
      ['condition:hours', 'condition:office'],
    ],
    [
      'by a time window, and needs an approval otherwise',
      { conditions: [condition('hours', 'deny', noon)], ...gate },
      ['condition:hours', 'risk:invoices:read'],
    ],
    ['by a condition that never lifts', { conditions: [condition('no', 'deny', {})] }, null],
    [
      'by a time window and by a condition that never lifts',
      { conditions: [condition('hours', 'deny', noon), condition('no', 'deny', {})] },
      null,
    ],
    [
      'by a time window, on another resource',
      { conditions: [condition('hours', 'deny', { ...noon, resources: ['resource://else'] })] },
      undefined,
    ],
  ])('%s', async (_, documents, dependsOn) => {
    const make = await newZone(world)
    const { id, application_id, resource_id } = await make.grant()
    await decideBy(make, documents)
    const { items } = await make.call('access.list', {})
    const checked = await make.call('access.check', {
      ...{ application_id, resource_id, scopes: ['invoices:read'] },
    })
    expect(checked.allow).toBe(dependsOn === undefined)
    if (dependsOn === null) expect(items).toEqual([])
    else
      expect(items).toMatchObject([
        dependsOn === undefined
          ? { verdict: 'allow' }
          : { verdict: 'conditional', depends_on: dependsOn },
      ])
    if (dependsOn !== null) expect(items[0]?.rules).toContain(`grant:${id}`)
  })

  test('is gained and lost by the plans that give and take it', async () => {
    const make = await newZone(world)
    const { id } = await make.grant()
    await decideBy(make, { conditions: [condition('office', 'deny', office)] })
    const previewed = async (operation: 'create' | 'delete', input: Record<string, unknown>) =>
      (
        await make.call('plans.create', {
          steps: [{ id: 'one', operation: `grants.${operation}`, input }],
        })
      ).preview?.access
    const [application, resource] = [await make.application(), await make.resource()]
    const target = { application_id: application.id, resource_id: resource.id, scopes }
    const verdicts = (tuples: readonly { verdict: string }[] | undefined) =>
      tuples?.map((one) => one.verdict)
    const given = await previewed('create', target)
    expect(verdicts(given?.gained)).toEqual(['conditional', 'conditional'])
    const taken = await previewed('delete', { grant_id: id })
    expect([verdicts(taken?.lost), taken?.gained]).toEqual([['conditional'], []])
  })
})

/** Applications, each with a grant on each of the resources, written past the service. */
async function fill(make: ZoneMaker, applications: number, resources: number): Promise<void> {
  const { id, application_id, resource_id } = await make.grant()
  await copy('applications', application_id, 'app_', applications)
  await copy('resources', resource_id, 'res_', resources)
  const like = `${mark}%`
  await world.sql(
    `insert into grants select (jsonb_populate_record(g, jsonb_build_object(
        'id', 'grt_' || ${lettered}, 'application_id', a.id, 'resource_id', r.id))).*
     from (select a.id, row_number() over () * 1000 as place from applications a
           where a.zone_id = $2 and a.name like $3) a,
          (select r.id, row_number() over () as row from resources r
           where r.zone_id = $2 and r.name like $3) r,
          lateral (select a.place + r.row as number) n, grants g
     where g.id = $1`,
    [id, make.zone, like],
  )
  await make.call('grants.delete', { grant_id: id })
  // What the server does by itself within a minute.
  await world.sql('analyze applications, resources, grants')
}

const mark = 'made '

/** An id's last 26 characters, from a number that no other zone of this file has. */
const lettered = `lpad((n.number + (select count(*) from zones) * 1000000)::text, 26, '0')`

async function copy(
  table: 'applications' | 'resources',
  id: string,
  prefix: string,
  count: number,
): Promise<void> {
  await world.sql(
    `insert into ${table} select (jsonb_populate_record(t, jsonb_build_object(
        'id', $2 || ${lettered}, 'name', '${mark}' || n.number, 'name_key', '${mark}' || n.number
        ${table === 'applications' ? `, 'labels', jsonb_build_array('made')` : `, 'identifier', 'resource://made-' || n.number`}))).*
     from ${table} t, generate_series(1, $3::int) as n (number) where t.id = $1`,
    [id, prefix, count],
  )
}
