import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { catalogue, type OperationId } from '../../tools/catalogue.ts'
import { pathFields, type Operation } from '../../tools/operation.ts'
import { limits } from '../../src/kernel/limits.ts'
import { absentIds } from '../support/any-input.ts'
import { examples } from '../support/examples.ts'
import { expectError, expectRefused } from '../support/refused.ts'
import { requestOf, textOf } from '../support/requests.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

/**
 * Guarantee (security.md): whatever a caller sends is answered with a clear error, in bounded time
 * and memory; never with a failure of the service, and never by reaching a prototype.
 */
let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
})

afterAll(() => world[Symbol.asyncDispose]())

const operations = (catalogue as readonly Operation[]).filter(
  // Archiving the zone would end the test, and a stream is not one answer.
  ({ id, streams }) => !streams && id !== 'zones.delete',
)

function operationOf(id: string): Operation {
  const found = operations.find((operation) => operation.id === id)
  if (found === undefined) throw new Error(`no operation ${id}`)
  return found
}

/** Text that breaks what is careless. */
const hostileText = fc.oneof(
  fc.constantFrom(
    ...['', ' ', '\u0000', 'a\u0000b', '\ud800', 'a\udfff', '\u202e', '\uffff', '\u{10ffff}'],
    ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'null', 'undefined'],
    ...["' or 1=1 --", '"; drop table zones; --', '$1', '%s%n', '${x}', '{{steps.a.output.id}}'],
    ...['../../etc/passwd', '%00', '%2e%2e%2f', 'http://169.254.169.254/', '-1', '1e309', 'NaN'],
    ...['<script>alert(1)</script>', '9999-12-31T23:59:59-23:59', '0000-01-01T00:00:00Z'],
    'x'.repeat(5_000),
    `${'a'.repeat(300)}!`,
    '(a+)+$'.repeat(50),
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { maxDepth: 3 },
  hostileText,
  fc.constantFrom(null, true, 0, -1, 2 ** 53, -(2 ** 63), 1e308, 1.5, [], {}, [[]], [null]),
  fc.array(hostileText, { maxLength: 3 }),
  fc.dictionary(
    fc.oneof(fc.constantFrom('kind', 'keys', 'id', '__proto__'), hostileText),
    hostileText,
    {
      maxKeys: 3,
    },
  ),
)

/** A valid request of which some fields are replaced, or to which some are added. */
function mutated(operation: Operation, valid: Record<string, unknown>) {
  const fields = [...new Set([...Object.keys(operation.input.shape), ...Object.keys(valid)])]
  const known = fields.length === 0 ? hostileText : fc.constantFrom(...fields)
  const field = fc.oneof({ weight: 5, arbitrary: known }, { weight: 1, arbitrary: hostileText })
  return fc
    .array(fc.tuple(field, fc.oneof(hostileValue, nested(valid))), { minLength: 1, maxLength: 2 })
    .map((changes) => Object.fromEntries([...Object.entries(valid), ...changes]))
}

/** A value of the valid request with something hostile deep inside it. */
function nested(valid: Record<string, unknown>): fc.Arbitrary<unknown> {
  const values = Object.values(valid).filter((value) => typeof value === 'object')
  if (values.length === 0) return hostileValue
  return fc
    .tuple(fc.constantFrom(...values), hostileValue, fc.nat())
    .map(([value, inner, at]) => replaceLeaf(structuredClone(value), inner, at))
}

function replaceLeaf(value: unknown, by: unknown, at: number): unknown {
  if (typeof value !== 'object' || value === null) return by
  const keys = Object.keys(value)
  const key = keys[at % Math.max(keys.length, 1)]
  if (key === undefined) return by
  const holder = value as Record<string, unknown>
  holder[key] = replaceLeaf(holder[key], by, at >> 1)
  return holder
}

const fuzzMs = 15_000

describe('any request to any route', () => {
  test('is answered, and never by a failure of the service', { timeout: 60_000 }, async () => {
    // A zone of its own, as anything may come of it.
    const victim = await newZone(world)
    const counted = new Map<number, number>()
    const prepared = []
    for (const { id } of operations)
      prepared.push([id, { ...(await examples[id as OperationId](victim)) }] as const)
    const request = fc
      .constantFrom(...prepared)
      .chain(([id, valid]) => fc.tuple(fc.constant(id), mutated(operationOf(id), valid)))
    await fc.assert(
      fc.asyncProperty(request, fc.boolean(), async ([id, input], keyed) => {
        const operation = operationOf(id)
        const answer = await sendRaw(operation, victim, input, keyed)
        counted.set(answer.status, (counted.get(answer.status) ?? 0) + 1)
        expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(500)
        if (answer.status >= 400) expectError(answer, answer.body.error)
        else if (answer.status !== 204)
          expect(operation.output.safeParse(answer.body).error).toBeUndefined()
      }),
      { numRuns: 5_000, interruptAfterTimeLimit: fuzzMs },
    )
    expect([...counted.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(100)
    expect((await world.call('GET', '/ready')).status).toBe(200)
  })
})

/** Sends fields as they are, where a client library would refuse to. */
async function sendRaw(
  operation: Operation,
  victim: ZoneMaker,
  input: Record<string, unknown>,
  keyed: boolean,
): Promise<Answer> {
  const wellFormed = Object.fromEntries(
    Object.entries(input).map(([field, value]) => [
      field,
      pathFields(operation).includes(field)
        ? textOf(value).slice(0, 400).toWellFormed() || 'x'
        : value,
    ]),
  )
  for (const field of pathFields(operation))
    if (wellFormed[field] === '.' || wellFormed[field] === '..') wellFormed[field] = 'x'
  const { method, path, body } = requestOf(operation, victim.zone, wellFormed)
  const headers = keyed ? { 'idempotency-key': `fuzz-${JSON.stringify(input).length}` } : {}
  return world.call(method, path.slice(0, 8_000), body, {
    ...(await victim.caller(operation)),
    headers,
  })
}

describe('names that every object has', () => {
  const prototypes = ['__proto__', 'constructor', 'prototype']

  test.each(prototypes)('%s is no field of any operation', async (key) => {
    for (const operation of operations) {
      const own: object = JSON.parse(`{${JSON.stringify(key)}:{"admin":true}}`)
      const { method, path } = requestOf(operation, make.zone, absentIds(operation))
      const read = method === 'GET'
      const answer = await world.call(
        method,
        read ? `${path}?${key}=a&${key}=b` : path,
        read ? undefined : JSON.stringify(own),
        {
          ...(await make.caller(operation)),
          ...(!read && { headers: { 'content-type': 'application/json' } }),
        },
      )
      expectError(answer, read ? 'invalid_query' : 'invalid_body')
    }
    expect({}).not.toHaveProperty('admin')
  })

  test.each([...prototypes, 'toString', 'hasOwnProperty', '__defineGetter__', 'valueOf'])(
    '%s is an ordinary name',
    async (name) => {
      const made = await make.call('applications.create', { name, labels: ['constructor'] })
      expect(made).toMatchObject({ name, labels: ['constructor'] })
      const resource = await make.call('resources.create', {
        ...{ name, identifier: `resource://${name}`, scopes: ['constructor', 'toString'] },
      })
      const asked = { application_id: made.id, resource_id: resource.id, scopes: ['constructor'] }
      expect((await make.call('access.check', asked)).allow).toBe(false)
      const listed = await make.call('applications.list', { name })
      expect(listed.items.map(({ id }) => id)).toEqual([made.id])
    },
  )

  test.each([...prototypes, 'toString', 'zones', 'zones.nothing', ''])(
    '%j is no operation of a plan',
    async (operation) => {
      const { status, body } = await world.call('POST', `/v1/zones/${make.zone}/plans`, {
        steps: [{ id: 'one', operation }],
      })
      expect(status).toBe(201)
      expect(body.preview.steps).toMatchObject([{ blocked: { code: 'unknown_operation' } }])
    },
  )

  test('none of them is a zone that nobody has made', async () => {
    await using fresh = await startWorld()
    for (const zone of prototypes)
      expectError(await fresh.call('GET', `/v1/zones/${zone}`), 'zone_not_found')
  })
})

describe('a body', () => {
  const path = () => `/v1/zones/${make.zone}/plans`

  test('may be nested no deeper than its limit', async () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    const body = (levels: number) =>
      `{"steps":[{"id":"a","operation":"zones.get","input":${deep(levels)}}]}`
    const headers = { 'content-type': 'application/json' }
    for (const levels of [limits.jsonDepth, 1_000, 100_000])
      await expectRefused(world, 'invalid_body', () =>
        world.call('POST', path(), body(levels), { headers }),
      )
    for (const open of ['[', '{"a":'])
      await expectRefused(world, 'invalid_json', () =>
        world.call('POST', path(), open.repeat(50_000), { headers }),
      )
  })

  test('of 10 MB is refused while it is sent, and its sender is not waited for', async () => {
    const headers = { 'content-type': 'application/json' }
    const mark = await world.eventCount()
    const big = JSON.stringify({ name: 'x'.repeat(10 * 1_048_576) })
    const answer = await world.call('POST', '/v1/zones', big, { headers })
    expectError(answer, 'payload_too_large')
    expect(await world.events(mark)).toMatchObject([{ reason: 'payload_too_large' }])
  })

  test(
    'of many fields, long lists and numbers without end is refused',
    { timeout: 20_000 },
    async () => {
      const fields = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, i]))
      const bodies = [
        JSON.stringify(fields),
        JSON.stringify({ name: 'a', labels: Array.from({ length: 50_000 }, (_, i) => `l${i}`) }),
        `{"name":${'9'.repeat(500_000)}}`,
        `{"name":1e999999}`,
        JSON.stringify({ name: 'a '.repeat(100_000) }),
        JSON.stringify({ name: 'ﷺ'.repeat(120) }),
      ]
      const headers = { 'content-type': 'application/json' }
      for (const body of bodies) {
        const answer = await world.call('POST', `/v1/zones/${make.zone}/applications`, body, {
          headers,
        })
        expect(answer.status).toBeLessThan(500)
        if (answer.status >= 400) expectError(answer, 'invalid_body')
        expect(JSON.stringify(answer.body).length).toBeLessThan(20_000)
      }
    },
  )

  test('with a text that cannot be stored is refused, wherever the text stands', async () => {
    const places = operations.filter(
      ({ route }) => route.method === 'POST' || route.method === 'PATCH',
    )
    for (const operation of places)
      for (const text of ['a\u0000', '\ud800a'])
        for (const body of [{ plan_id: text }, { [text]: 1 }, { name: { deep: [text] } }]) {
          const { method, path: to } = requestOf(operation, make.zone, absentIds(operation))
          const answer = await world.call(method, to, body, await make.caller(operation))
          expect([operation.id, answer.body.error]).toEqual([operation.id, 'invalid_body'])
        }
  })
})

describe('a path and a query', () => {
  test('with a NUL are refused, and leave their event', async () => {
    for (const path of [
      'plans/%00',
      'applications/%00',
      'audit/by-request/%00',
      'applications?name=%00',
    ])
      await expectRefused(world, 'invalid_query', () => world.call('GET', path))
    const answer = await world.call('GET', '/v1/zones/%00')
    expectError(answer, 'zone_not_found')
  })

  test('of many parameters is answered', async () => {
    const query = Array.from({ length: 1_500 }, (_, i) => `p${i}=1`).join('&')
    expectError(await world.call('GET', `applications?${query}`), 'invalid_query')
  })
})

describe('the schemas', () => {
  test('take only bounded text, lists and numbers from whoever writes', () => {
    const unbounded = operations
      .filter(({ route }) => route.method !== 'GET')
      .flatMap(({ id, input }) =>
        unboundedIn(z.toJSONSchema(input, { io: 'input' }), id).map((path) => path),
      )
    expect(unbounded).toEqual([])
  })
})

/** Open records and keys are bounded by the size of the body alone; each is named here. */
const boundedElsewhere = /^plans\.create\.steps\[\]\.input\.|\.jwks\.keys\[\]/

function unboundedIn(schema: z.core.JSONSchema.BaseSchema, path: string): readonly string[] {
  if (boundedElsewhere.test(`${path}.`)) return []
  const inner = [
    ...Object.entries(schema.properties ?? {}).map(
      ([key, one]) => [one, `${path}.${key}`] as const,
    ),
    ...[schema.items ?? []].flat().map((one) => [one, `${path}[]`] as const),
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map((one) => [one, path] as const),
  ].flatMap(([one, to]) => (typeof one === 'object' ? unboundedIn(one, to) : []))
  const free =
    (schema.type === 'string' &&
      schema.maxLength === undefined &&
      schema.pattern === undefined &&
      schema.enum === undefined &&
      schema.const === undefined &&
      schema.format === undefined) ||
    (schema.type === 'array' && schema.maxItems === undefined && !/capabilities$/.test(path))
  return free ? [path, ...inner] : inner
}
