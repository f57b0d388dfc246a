import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { packageFile } from '../../src/kernel/package-root.ts'
import { freshName, newZone, scopes } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/**
 * Guarantee: who a request comes from is told by the connection, and by `X-Forwarded-For` where the
 * connection is one of a proxy that the configuration names. Nobody else chooses an address by which
 * rates count and conditions decide.
 */
const rates = { failures_of_source: 5, failures_of_client: 100, admin_failures_of_source: 5 }
const trusting = await startWorld({
  rates,
  config: { trustedProxies: ['10.0.0.0/8', '127.0.0.1'] },
})
const other = await startWorld({ rates, config: { trustedProxies: ['10.0.0.0/8', '::1'] } })
const worlds = { trusting, other }

beforeEach(() => {
  for (const world of [trusting, other]) world.pass(60_000 - (world.now() % 60_000))
})
afterAll(async () => {
  await trusting[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

type Sent = Record<string, string>

async function token(world: World, zone: string, form: Sent, headers: Sent) {
  const answer = await fetch(`${world.url}/zones/${zone}/oauth2/token`, {
    ...{ method: 'POST', headers, body: new URLSearchParams(form) },
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

/** The statuses of as many failures as one address may have, and one more. */
async function failAs(world: World, forwarded: (nth: number) => Sent): Promise<number[]> {
  const make = await newZone(world)
  const { id } = await make.application()
  const form = { grant_type: 'client_credentials', client_id: id, client_secret: 'cs_wrong' }
  const statuses = []
  for (let nth = 0; nth <= rates.failures_of_source; nth += 1)
    statuses.push((await token(world, make.zone, form, forwarded(nth))).status)
  return statuses
}

const perMinute = rates.failures_of_source
const bounded = [...Array.from({ length: perMinute }, () => 401), 429]
const unbounded = Array.from({ length: perMinute + 1 }, () => 401)

describe('rates count', () => {
  const forged = (nth: number): Sent => ({ 'x-forwarded-for': `203.0.113.${nth}` })

  test.each<[string, keyof typeof worlds, (nth: number) => Sent, number[]]>([
    ['whom a trusted proxy forwards for, each by itself', 'trusting', forged, unbounded],
    ['the peer, whatever it says, where it is no proxy', 'other', forged, bounded],
    ['the peer, where nothing is said', 'trusting', () => ({}), bounded],
    [
      'whom the last proxy had as its peer, not what that one said',
      'trusting',
      (nth) => ({ 'x-forwarded-for': `203.0.113.${nth}, 198.51.100.7` }),
      bounded,
    ],
    [
      'whom the first of several proxies had as its peer',
      'trusting',
      (nth) => ({ 'x-forwarded-for': `198.51.100.${nth}, 10.1.2.3` }),
      unbounded,
    ],
    [
      'the proxy, where what it says is no address',
      'trusting',
      (nth) => ({ 'x-forwarded-for': `somebody-${nth}` }),
      bounded,
    ],
    [
      'nobody by a header that is not known',
      'trusting',
      (nth) => ({ forwarded: `for=203.0.113.${nth}`, 'x-real-ip': `203.0.113.${nth}` }),
      bounded,
    ],
  ])('%s', async (_whom, world, forwarded, expected) => {
    expect(await failAs(worlds[world], forwarded)).toEqual(expected)
  })

  test.each<[keyof typeof worlds, number]>([
    ['trusting', 401],
    ['other', 429],
  ])('admin tokens in the same way: %s', async (name, last) => {
    const world = worlds[name]
    const guess = (nth: number) =>
      world.call('GET', '/v1/zones', undefined, { token: 'cat_x', headers: forged(nth) })
    for (let nth = 0; nth < perMinute; nth += 1) expect((await guess(nth)).status).toBe(401)
    expect((await guess(perMinute)).status).toBe(last)
  })
})

describe('a condition on source_cidrs compares', () => {
  const office = '192.0.2.0/24'

  /** An application that gets its mandate from outside of the office never. */
  async function confined(world: World) {
    const make = await newZone(world, false)
    const { id, client_secret } = await make.application()
    const resource = await make.call('resources.create', { name: freshName('Invoices'), scopes })
    await make.call('grants.create', {
      ...{ application_id: id, resource_id: resource.id, scopes: ['invoices:read'] },
    })
    const when = { source_cidrs: [`!${office}`] }
    const source = { conditions: [{ id: 'office', effect: 'deny', reason: 'outside', when }] }
    const policy = await make.call('policies.create', {
      ...{ name: freshName('policy'), language: 'json', source: JSON.stringify(source) },
    })
    const set = await make.policySet()
    const version = await make.call('policy_sets.add_version', {
      policy_set_id: set.id,
      manifest: [{ policy_version_id: policy.latest_version.id }],
    })
    await make.call('policy_sets.activate', {
      ...{ policy_set_id: set.id, version_id: version.id },
    })
    const form = { grant_type: 'client_credentials', client_id: id, resource: resource.identifier }
    return (headers: Sent) =>
      token(world, make.zone, { ...form, client_secret: client_secret ?? '' }, headers)
  }

  test.each<[string, keyof typeof worlds, Sent, number]>([
    ['whom a trusted proxy forwards for', 'trusting', { 'x-forwarded-for': '192.0.2.9' }, 200],
    ['that one and no other', 'trusting', { 'x-forwarded-for': '198.51.100.9' }, 403],
    [
      'not what that one says of somebody else',
      'trusting',
      { 'x-forwarded-for': '192.0.2.9, 198.51.100.9' },
      403,
    ],
    ['the peer, where it is no proxy', 'other', { 'x-forwarded-for': '192.0.2.9' }, 403],
    ['the peer, where nothing is said', 'trusting', {}, 403],
  ])('%s', async (_whom, world, headers, status) => {
    const ask = await confined(worlds[world])
    const mark = await worlds[world].eventCount()
    expect((await ask(headers)).status).toBe(status)
    expect(await worlds[world].events(mark)).toMatchObject([
      { type: 'token.client_credentials', outcome: status === 200 ? 'allow' : 'deny' },
    ])
  })
})

describe('the configuration', () => {
  test.each([
    ['10.0.0.0/8', ['10.0.0.0/8']],
    [' 192.0.2.1 , 2001:db8::/32,::1', ['192.0.2.1', '2001:db8::/32', '::1']],
    ['', []],
  ])('takes %j', (value, expected) => {
    expect(readConfig({ CARACAL_TRUSTED_PROXIES: value }).config.trustedProxies).toEqual(expected)
  })

  test.each([
    ...['proxy.example.com', 'loopback', '10.0.0', '10.0.0.0/33', '2001:db8::/129', '10.0.0.0/'],
    ...['10.0.0.1,', ',10.0.0.1', '10.0.0.1 10.0.0.2', '*', 'true', '1', '10.0.0.0/255.0.0.0'],
    // Everybody would be believed.
    ...['0.0.0.0/0', '::/0', '10.0.0.0/08', 'fe80::1%eth0'],
  ])('refuses %j', (value) => {
    expect(() => readConfig({ CARACAL_TRUSTED_PROXIES: value })).toThrow('CARACAL_TRUSTED_PROXIES')
  })

  test('that is refused stops the start, and names the key', { timeout: 60_000 }, async () => {
    const service = spawn(process.execPath, [packageFile('src/main.ts')], {
      env: { PATH: process.env.PATH, CARACAL_PORT: '0', CARACAL_TRUSTED_PROXIES: 'everybody' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [service.stdout, service.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    expect(await once(service, 'close')).toEqual([1, null])
    expect(said).toContain('CARACAL_TRUSTED_PROXIES')
  })
})
