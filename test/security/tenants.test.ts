import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshName, newZone, scopes, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

/**
 * Guarantee (security.md): the zone of a token is the only one it reaches, whatever its calls say,
 * and tenants whose calls interleave on one process never see each other.
 */
let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world[Symbol.asyncDispose]())

interface Tenant {
  readonly make: ZoneMaker
  readonly token: string
  /** A word that stands in everything of this tenant and in nothing of another. */
  readonly word: string
}

async function tenant(word: string): Promise<Tenant> {
  const make = await newZone(world)
  const capabilities = ['read', 'write', 'approve', 'audit'] as const
  const token = await world.person(`${word} person`, capabilities, make.zone)
  const own = { token }
  await make.call('applications.create', { name: `${word} agent`, labels: [word] }, own)
  await make.call('resources.create', { name: `${word} invoices`, scopes }, own)
  await make.call('providers.create', { name: `${word} provider`, settings: { kind: 'none' } }, own)
  await make.call(
    'policies.create',
    { name: `${word} policy`, language: 'json', source: '{"risk":[]}' },
    own,
  )
  await make.call('conversations.create', { title: `${word} talk` }, own)
  return { make, token, word }
}

const reads = [
  ...['applications', 'resources', 'providers', 'policies', 'policy-sets', 'grants', 'access'],
  ...['audit', 'plans', 'operator/conversations', 'overview', ''],
]

test(
  '1,000 interleaved calls of two tenants see nothing of each other',
  { timeout: 120_000 },
  async () => {
    const tenants = [await tenant('ostrich'), await tenant('flamingo')]
    const calls = Array.from({ length: 1_000 }, (_, i) => async () => {
      const own = tenants[i % 2]
      const other = tenants[(i + 1) % 2]
      if (own === undefined || other === undefined) throw new Error('no tenant')
      const answer = await callOf(own, i)
      expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
      const text = JSON.stringify(answer.body)
      expect(text).not.toContain(other.word)
      expect(text).not.toContain(other.make.zone)
    })
    await inParallel(calls, 25)
    for (const { make, word } of tenants) {
      const names = (await make.call('applications.list', { limit: 500 })).items.map(
        ({ name }) => name,
      )
      expect(names.length).toBeGreaterThan(50)
      expect(names.filter((name) => !name.startsWith(word))).toEqual([])
    }
  },
)

/** Reads of every kind, with a write among every five of them. */
function callOf({ make, token, word }: Tenant, i: number): Promise<Answer> {
  const base = `/v1/zones/${make.zone}`
  if (i % 5 === 4)
    return world.call('POST', `${base}/applications`, { name: freshName(word) }, { token })
  const path = reads[Math.floor(i / 2) % reads.length] ?? ''
  return world.call('GET', path === '' ? base : `${base}/${path}`, undefined, { token })
}

async function inParallel(calls: readonly (() => Promise<void>)[], width: number): Promise<void> {
  const waiting = [...calls]
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next()
    }),
  )
}

describe('a zone token', () => {
  test.each([
    ['the id of another zone', (id: string) => id],
    ['its slug', (_: string, slug: string) => slug],
    ['the reserved zone', () => 'caracal-sys'],
    ['the first zone', () => 'default'],
  ])('does not reach %s', async (_, name) => {
    const { token } = await tenant(freshName('own'))
    const other = await newZone(world)
    const { slug } = await other.call('zones.get', {})
    const zone = name(other.zone, slug)
    for (const path of ['', '/applications', '/audit', '/overview', '/access']) {
      const answer = await world.call('GET', `/v1/zones/${zone}${path}`, undefined, { token })
      expect([answer.status, answer.body.error]).toEqual([403, 'admin_token_zone_mismatch'])
    }
  })

  test('learns nothing of a zone that there is and one that there is not, but that', async () => {
    const { token } = await tenant(freshName('own'))
    const { zone } = await newZone(world)
    const there = await world.call('GET', `/v1/zones/${zone}`, undefined, { token })
    expect(JSON.stringify(there.body)).not.toContain(zone)
  })

  test('cannot take another zone into a plan', async () => {
    const { make, token } = await tenant(freshName('own'))
    const other = await newZone(world)
    for (const zone of [other.zone, 'caracal-sys', 'default']) {
      const { status, body } = await world.call(
        'POST',
        `/v1/zones/${make.zone}/plans`,
        { steps: [{ id: 'one', operation: 'applications.create', zone, input: { name: 'a' } }] },
        { token },
      )
      expect([status, body.error]).toEqual([403, 'global_scope_required'])
    }
  })

  test('sees the platform’s lists neither', async () => {
    const { token } = await tenant(freshName('own'))
    for (const path of ['/v1/zones', '/v1/audit', '/v1/admin-tokens']) {
      const answer = await world.call('GET', path, undefined, { token })
      expect(answer.status).toBe(403)
    }
  })
})
