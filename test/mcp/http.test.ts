import { request as rawRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mcpTools } from '../../src/mcp/tools.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { connect, eras, type TestClient } from './clients.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

function client(token = world.token, path = '/mcp'): Promise<TestClient> {
  return connect('of 2026', `${world.url}${path}`, token)
}

const steps = [{ id: 'app', operation: 'applications.create', input: { name: 'mcp-made' } }]

describe.each(eras)('a client %s', (era) => {
  test('lists the tools, reads, and is refused with a code', async () => {
    await using connected = await connect(era, `${world.url}/mcp`, world.token)
    expect(connected.protocol).toMatch(era === 'of 2026' ? /^2026-07-28$/ : /^2025-/)
    expect(connected.instructions).toMatch(/No tool approves/)
    const tools = await connected.listTools()
    expect(tools).toMatchObject(
      mcpTools.map(({ name, description, inputSchema, outputSchema, annotations }) => ({
        name,
        description,
        inputSchema,
        outputSchema,
        annotations,
      })),
    )
    expect(await connected.call('zones_get')).toMatchObject({
      isError: false,
      value: { slug: 'default' },
    })
    expect(await connected.call('grants_get', { grant_id: 'no id' })).toMatchObject({
      isError: true,
      value: { code: 'invalid_query', details: { issues: [{ path: 'grant_id' }] } },
    })
  })

  test('takes a plan from proposal to application, and a person approves in between', async () => {
    await using connected = await connect(era, `${world.url}/mcp`, world.token)
    const input = { name: `made ${era}` }
    const intent = 'register it'
    const proposed = await connected.call('plan_propose', {
      steps: [{ id: 'app', operation: 'applications.create', input }],
      intent,
    })
    expect(proposed).toMatchObject({ isError: false, value: { state: 'pending_approval', intent } })
    const { id, digest } = proposed.value as { id: string; digest: string }
    expect(proposed.texts[1]).toContain(`caracal plan approve ${id} --digest ${digest}`)
    const early = await connected.call('plan_apply', { plan_id: id, digest })
    expect(early).toMatchObject({ isError: true, value: { code: 'approval_required' } })
    expect(early.texts[1]).toContain(`caracal plan approve ${id}`)
    const approved = await world.call('POST', `plans/${id}/approve`, { digest })
    expect(approved.status).toBe(200)
    const applied = await connected.call('plan_apply', { plan_id: id, digest })
    expect(applied).toMatchObject({ isError: false, value: { plan: { state: 'applied' } } })
    expect(await connected.call('plan_get', { plan_id: id })).toMatchObject({
      value: { state: 'applied', request_id: expect.stringMatching(/^req_/) },
    })
    // The applied plan made a client secret; whoever reads along must not have it.
    expect(JSON.stringify(applied)).not.toMatch(/"secrets":|cs_/)
    expect(applied.texts[1]).toContain('one-time secrets')
  })
})

describe('the door', () => {
  test('refuses what is undeclared, a zone above all, and records it', async () => {
    await using connected = await client()
    for (const args of [{ zone: 'other' }, { zone_id: 'zone_x' }, { verbose: true }]) {
      const before = await world.eventCount()
      const answer = await connected.call('applications_list', args)
      expect(answer).toMatchObject({ isError: true, value: { code: 'invalid_query' } })
      const [event, ...more] = await world.events(before)
      expect(more).toEqual([])
      expect(event).toMatchObject({
        type: 'applications.list',
        outcome: 'refused',
        request_id: answer.value.request_id,
      })
    }
  })

  test('refuses to apply without a digest, which only the tool insists on', async () => {
    await using connected = await client()
    const { value } = await connected.call('plan_propose', { steps })
    const answer = await connected.call('plan_apply', { plan_id: value.id })
    expect(answer).toMatchObject({ isError: true, value: { code: 'invalid_body' } })
    expect(await connected.call('plan_get', { plan_id: value.id })).toMatchObject({
      value: { state: 'pending_approval' },
    })
  })

  test.each(['plan_approve', 'plan_reject', 'grants_create', 'admin_tokens_list', '__proto__'])(
    'has no tool %s',
    async (name) => {
      await using connected = await client()
      const before = await world.state()
      await expect(connected.call(name, {})).rejects.toThrow(/not found|disabled/)
      expect(await world.state()).toBe(before)
    },
  )

  test('lets a credential do what it may and no more', async () => {
    await using reader = await client(await world.person('Reader', ['read']))
    expect(await reader.call('applications_list')).toMatchObject({ isError: false })
    expect(await reader.call('plan_propose', { steps })).toMatchObject({
      isError: true,
      value: { code: 'admin_token_read_only' },
    })
    expect(await reader.call('audit_list')).toMatchObject({
      isError: true,
      value: { code: 'audit_capability_required' },
    })
  })
})

describe('the zone', () => {
  test('is the credential’s, and the path may only agree', async () => {
    const { zone } = await newZone(world)
    const token = await world.person('Tenant', ['read', 'write'], zone)
    await using bound = await client(token)
    expect(await bound.call('zones_get')).toMatchObject({ value: { id: zone } })
    await using named = await client(token, `/mcp/zones/${zone}`)
    expect(await named.call('zones_get')).toMatchObject({ value: { id: zone } })
    const before = await world.eventCount()
    for (const other of ['default', 'not-there'])
      expect(await post(`/mcp/zones/${other}`, token)).toMatchObject({
        status: 403,
        body: { error: 'admin_token_zone_mismatch' },
      })
    expect(await world.events(before)).toMatchObject([
      { type: 'mcp', outcome: 'refused', actor: 'Tenant' },
      { type: 'mcp', outcome: 'refused', actor: 'Tenant' },
    ])
  })

  test('is chosen by the path where the credential reaches all', async () => {
    const { zone } = await newZone(world)
    await using named = await client(world.token, `/mcp/zones/${zone}`)
    expect(await named.call('zones_get')).toMatchObject({ value: { id: zone } })
    expect((await post('/mcp/zones/not-there', world.token)).status).toBe(404)
  })

  test('holds for two tenants that call in turns', async () => {
    const zones = [(await newZone(world)).zone, (await newZone(world)).zone]
    const clients = await Promise.all(
      zones.map(async (zone, i) => client(await world.person(`T${i}`, ['read'], zone))),
    )
    const seen = await Promise.all(
      Array.from(
        { length: 100 },
        async (_, i): Promise<unknown> => (await clients[i % 2]?.call('zones_get'))?.value.id,
      ),
    )
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => zones[i % 2]))
    await Promise.all(clients.map((one) => one[Symbol.asyncDispose]()))
  })
})

describe('the endpoint', () => {
  test('tells who has no credential where to get one', async () => {
    const metadata = `${world.url}/.well-known/oauth-protected-resource/mcp`
    const none = await post('/mcp', null)
    expect(none).toMatchObject({ status: 401, body: { error: 'invalid_admin_token' } })
    expect(none.headers.get('www-authenticate')).toBe(`Bearer resource_metadata="${metadata}"`)
    const wrong = await post('/mcp/zones/default', 'cat_wrong')
    expect(wrong.status).toBe(401)
    expect(wrong.headers.get('www-authenticate')).toBe(
      `Bearer error="invalid_token", resource_metadata="${metadata}/zones/default"`,
    )
    const events = await world.events((await world.eventCount()) - 2)
    expect(events).toMatchObject([
      { type: 'mcp', actor: 'anonymous', reason: 'invalid_admin_token' },
      { type: 'mcp', actor: 'anonymous', reason: 'invalid_admin_token' },
    ])
  })

  test.each([
    ['', '/mcp'],
    ['/zones/default', '/mcp/zones/default'],
  ])('describes itself as a protected resource at /mcp%s', async (suffix, resource) => {
    const path = `/.well-known/oauth-protected-resource/mcp${suffix}`
    const { status, body } = await world.call('GET', path, undefined, { token: null })
    const [zone] = await world.sql<{ id: string }>(`select id from zones where slug = 'default'`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      resource: `${world.url}${resource}`,
      authorization_servers: [`${world.url}/zones/${zone?.id ?? ''}`],
      bearer_methods_supported: ['header'],
    })
    expect(body.scopes_supported).toContain('plans:propose')
    expect(body.scopes_supported).not.toContain('plans:approve')
  })

  test.each(['GET', 'DELETE'])('has no sessions: %s is 405', async (method) => {
    expect((await world.call(method, '/mcp')).status).toBe(405)
  })

  test.each([
    ['no JSON', '{"jsonrpc":', 400],
    ['a body over 1 MiB', JSON.stringify({ pad: 'x'.repeat(1_100_000) }), 413],
  ])('refuses %s', async (_, body, status) => {
    expect((await post('/mcp', world.token, body)).status).toBe(status)
  })

  test.each([
    ['a page of another site', { origin: 'https://evil.example' }],
    ['an origin that is none', { origin: 'null' }],
    ['a name that was made to point here', { host: 'evil.example' }],
    ['another address', { host: '192.0.2.1:8200' }],
  ])('refuses %s', async (_, headers) => {
    expect(await statusWith(headers)).toBe(403)
  })

  test.each([
    ['its own page', { origin: 'http://127.0.0.1:1' }],
    ['localhost', { host: 'localhost:8200', origin: 'http://localhost:8200' }],
    ['no page', {}],
  ])('serves %s', async (_, headers) => {
    expect(await statusWith(headers)).toBe(200)
  })

  test('is served under its public name', async () => {
    const publicUrl = 'https://caracal.example'
    await using other = await startWorld({ config: { publicUrl }, sharing: world })
    expect(await statusWith({ host: 'caracal.example' }, other.url)).toBe(200)
    expect(await statusWith({ host: 'evil.example' }, other.url)).toBe(403)
    const { headers } = await other.call('POST', '/mcp', '{}', { token: null })
    expect(headers.get('www-authenticate')).toContain(
      `"${publicUrl}/.well-known/oauth-protected-resource/mcp"`,
    )
  })
})

const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })

function post(path: string, token: string | null, body = ping) {
  return world.call('POST', path, body, { token, headers: { accept } })
}

const accept = 'application/json, text/event-stream'

/** The status of a request with headers that `fetch` would set by itself. */
async function statusWith(headers: Record<string, string>, base = world.url): Promise<number> {
  const own = { authorization: `Bearer ${world.token}`, 'content-type': 'application/json', accept }
  return new Promise((resolve, reject) => {
    const sent = rawRequest(`${base}/mcp`, { method: 'POST', headers: { ...own, ...headers } })
    sent.once('error', reject).once('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.end(ping)
  })
}
