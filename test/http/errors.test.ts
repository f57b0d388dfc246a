import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultStatus, type FaultCode } from '../../src/kernel/faults.ts'
import { limits } from '../../src/kernel/limits.ts'
import { expectError, expectRefused } from '../support/refused.ts'
import { requestIdOf } from '../support/requests.ts'
import { freshName } from '../support/zone-maker.ts'
import { startWorld, type CallOptions, type World } from '../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

const json = { 'content-type': 'application/json' }
const zones = '/v1/zones'
const apps = '/v1/zones/default/applications'

interface BadRequest {
  readonly why: string
  readonly code: FaultCode
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly options?: CallOptions
}

const badRequests: readonly BadRequest[] = [
  { why: 'malformed JSON', code: 'invalid_json', method: 'POST', path: zones, body: '{"name":' },
  { why: 'two JSON values', code: 'invalid_json', method: 'POST', path: zones, body: '{} {}' },
  { why: 'an empty JSON body', code: 'invalid_json', method: 'POST', path: zones, body: '' },
  { why: 'a list as the body', code: 'invalid_body', method: 'POST', path: zones, body: [] },
  { why: 'a text as the body', code: 'invalid_body', method: 'POST', path: zones, body: '"name"' },
  {
    why: 'a body over the limit',
    code: 'payload_too_large',
    method: 'POST',
    path: zones,
    body: JSON.stringify({ name: 'x'.repeat(limits.bodyBytes) }),
  },
  ...['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/json5'].map(
    (type): BadRequest => ({
      why: `a body of type ${type}`,
      code: 'unsupported_media_type',
      method: 'POST',
      path: zones,
      body: '{"name":"typed"}',
      options: { headers: { 'content-type': type } },
    }),
  ),
  {
    why: 'an undeclared field',
    code: 'invalid_body',
    method: 'POST',
    path: zones,
    body: { name: 'a', nam: 1 },
  },
  { why: 'a wrong type', code: 'invalid_body', method: 'POST', path: zones, body: { name: 5 } },
  { why: 'an undeclared filter', code: 'invalid_query', method: 'GET', path: `${apps}?nam=a` },
  {
    why: 'a wrong boolean',
    code: 'invalid_query',
    method: 'GET',
    path: `${apps}?include_archived=1`,
  },
  { why: 'limit 0', code: 'invalid_query', method: 'GET', path: `${apps}?limit=0` },
  { why: 'limit 501', code: 'invalid_query', method: 'GET', path: `${apps}?limit=501` },
  { why: 'limit 1.5', code: 'invalid_query', method: 'GET', path: `${apps}?limit=1.5` },
  {
    why: 'a limit given twice',
    code: 'invalid_query',
    method: 'GET',
    path: `${apps}?limit=1&limit=2`,
  },
  {
    why: 'a query on a write',
    code: 'invalid_query',
    method: 'POST',
    path: `${zones}?name=a`,
    body: {},
  },
  {
    why: 'a wrong dry_run',
    code: 'invalid_query',
    method: 'POST',
    path: `${zones}?dry_run=yes`,
    body: {},
  },
  {
    why: 'a dry_run given twice',
    code: 'invalid_query',
    method: 'POST',
    path: `${zones}?dry_run=true&dry_run=false`,
    body: {},
  },
  {
    why: 'a malformed If-Match',
    code: 'invalid_header',
    method: 'POST',
    path: zones,
    body: {},
    options: { headers: { 'if-match': 'abc' } },
  },
  {
    why: 'a list in If-Match',
    code: 'invalid_header',
    method: 'POST',
    path: zones,
    body: {},
    options: { headers: { 'if-match': '"1", "2"' } },
  },
  {
    why: 'an overlong Idempotency-Key',
    code: 'invalid_header',
    method: 'POST',
    path: zones,
    body: {},
    options: { headers: { 'idempotency-key': 'k'.repeat(limits.idempotencyKeyChars + 1) } },
  },
  {
    why: 'a space in Idempotency-Key',
    code: 'invalid_header',
    method: 'POST',
    path: zones,
    body: {},
    options: { headers: { 'idempotency-key': 'a b' } },
  },
  { why: 'an unknown zone', code: 'zone_not_found', method: 'GET', path: '/v1/zones/nowhere' },
  { why: 'a malformed id', code: 'invalid_query', method: 'GET', path: `${apps}/app_1` },
  {
    why: 'an id of another kind',
    code: 'invalid_query',
    method: 'GET',
    path: `${apps}/zone_01h455vb4pex5vsknk084sn02q`,
  },
  {
    why: 'an id that is not there',
    code: 'not_found',
    method: 'GET',
    path: `${apps}/app_01h455vb4pex5vsknk084sn02q`,
  },
  {
    why: 'a path field in the body',
    code: 'invalid_body',
    method: 'PATCH',
    path: `${apps}/app_01h455vb4pex5vsknk084sn02q`,
    body: { application_id: 'app_01h455vb4pex5vsknk084sn02q' },
  },
  {
    why: 'a zone in the body',
    code: 'invalid_body',
    method: 'POST',
    path: apps,
    body: { name: 'a', zone_id: 'default' },
  },
  {
    why: 'a body on a delete',
    code: 'invalid_body',
    method: 'DELETE',
    path: `${apps}/app_01h455vb4pex5vsknk084sn02q`,
    body: { force: true },
  },
  {
    why: 'no credential',
    code: 'invalid_admin_token',
    method: 'GET',
    path: zones,
    options: { token: null },
  },
  {
    why: 'an unknown credential',
    code: 'invalid_admin_token',
    method: 'GET',
    path: zones,
    options: { token: 'cat_unknown' },
  },
  {
    why: 'a token that is none',
    code: 'invalid_mandate',
    method: 'GET',
    path: zones,
    options: { token: 'a.b.c' },
  },
]

describe('a bad request is refused, and nothing but its event is written', () => {
  test.each(badRequests)('$why: $code', async ({ code, method, path, body, options }) => {
    const headers = { ...(body !== undefined && json), ...options?.headers }
    await expectRefused(world, code, () => world.call(method, path, body, { ...options, headers }))
  })

  test('invalid_body names each field and no value', async () => {
    const { body } = await world.call('POST', apps, {
      name: 'cs_secret\nvalue',
      labels: [' '],
      x: 1,
    })
    expect(body.details.issues).toEqual([
      { path: 'name', message: 'must be one line of visible characters' },
      { path: 'labels.0', message: expect.stringContaining('label') },
      { path: '', message: 'has no field "x"' },
    ])
    expect(JSON.stringify(body)).not.toContain('cs_secret')
  })

  test('an event of a bad body names who sent it', async () => {
    const mark = await world.eventCount()
    await world.call('POST', zones, '{', { headers: json })
    await world.call('POST', zones, '{', { headers: json, token: 'cat_unknown' })
    const events = await world.events(mark)
    expect(events.map(({ actor, reason }) => [actor, reason])).toEqual([
      ['administrator', 'invalid_json'],
      ['anonymous', 'invalid_json'],
    ])
  })
})

describe('what no route serves', () => {
  const paths = ['/v1', '/v1/zone', '/v1/zones/default/applications/a/b', '/nowhere']
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

  test.each(paths.flatMap((path) => methods.map((method) => ({ method, path }))))(
    '$method $path is route_not_found, and leaves no event',
    async ({ method, path }) => {
      const mark = await world.eventCount()
      expectError(await world.call(method, path), 'route_not_found')
      expect(await world.events(mark)).toEqual([])
    },
  )

  test.each([
    ['a path that cannot be decoded', '/v1/zones/%ff'],
    ['half an escape', '/v1/zones/%'],
    ['an overlong field', `/v1/zones/${'z'.repeat(limits.pathParamChars + 1)}`],
  ])('%s has the shape of an error', async (_, path) => {
    const answer = await world.call('GET', path)
    expect([400, 404, 414]).toContain(answer.status)
    expectError(answer, answer.body.error)
    expect(Object.keys(faultStatus)).toContain(answer.body.error)
  })
})

describe('every answer', () => {
  const calls = [
    ['a read', 200, () => world.call('GET', zones)],
    ['a refusal', 400, () => world.call('GET', `${zones}?limit=0`)],
    ['one without a credential', 401, () => world.call('GET', zones, undefined, { token: null })],
    ['one without a route', 404, () => world.call('GET', '/nowhere')],
    ['one without a body', 204, () => deleteSomething()],
    ['health', 200, () => world.call('GET', '/health', undefined, { token: null })],
  ] as const

  async function deleteSomething() {
    const { body } = await world.call('POST', apps, { name: 'to be deleted' })
    return world.call('DELETE', `${apps}/${body.id}`)
  }

  test.each(calls)('of %s carries the headers', async (_, status, call) => {
    const answer = await call()
    expect(answer.status).toBe(status)
    expect(requestIdOf(answer)).toMatch(/^req_[0-9a-hjkmnp-tv-z]{26}$/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('x-powered-by')).toBeNull()
    expect(answer.headers.get('www-authenticate')).toBe(
      status === 401 ? 'Bearer realm="caracal"' : null,
    )
  })

  test('has a request id of its own, whatever the caller sends', async () => {
    const headers = { 'x-request-id': 'req_mine' }
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => world.call('GET', zones, undefined, { headers })),
    )
    expect(new Set(answers.map(requestIdOf)).size).toBe(20)
    expect(answers.map(requestIdOf)).not.toContain('req_mine')
  })
})

describe('traceparent', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'

  test.each([
    [`00-${trace}-00f067aa0ba902b7-01`, trace],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, null],
    [`00-${trace}-${'0'.repeat(16)}-01`, null],
    [`ff-${trace}-00f067aa0ba902b7-01`, null],
    [`00-${trace.toUpperCase()}-00f067aa0ba902b7-01`, null],
    [`00-${trace}-00f067aa0ba902b7-01-more`, null],
    ['nonsense', null],
  ])('%s is followed as %s, by what is done and by what is refused', async (traceparent, id) => {
    const headers = { traceparent }
    const name = freshName('traced')
    const done = await world.call('POST', apps, { name }, { headers })
    const refused = await world.call('POST', apps, { name }, { headers })
    expect([done.status, refused.status]).toEqual([201, 409])
    const rows = await world.sql<{ trace: string | null }>(
      "select entry->>'trace_id' as trace from events where request_id = any($1)",
      [[requestIdOf(done), requestIdOf(refused)]],
    )
    expect(rows.map((row) => row.trace)).toEqual([id, id])
  })
})

describe('health', () => {
  test('says that the service is up and ready, to anybody', async () => {
    const open = { token: null }
    const [health, ready] = await Promise.all([
      world.call('GET', '/health', undefined, open),
      world.call('GET', '/ready', undefined, open),
    ])
    expect(health).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(ready).toMatchObject({ status: 200, body: { status: 'ready', waiting_for: [] } })
  })

  test('gives metrics to Prometheus, by route and never by path', async () => {
    await world.call('GET', '/v1/zones/default')
    const { status, headers, body } = await world.call('GET', '/metrics', undefined, {
      token: null,
    })
    expect(status).toBe(200)
    expect(headers.get('content-type')).toContain('text/plain')
    expect(body).toContain('route="/v1/zones/:zone_id"')
    expect(body).not.toContain('/v1/zones/default')
  })
})
