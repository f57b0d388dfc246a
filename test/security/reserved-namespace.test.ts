import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectRefused } from '../support/refused.ts'
import { freshName, newZone, scopes, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

/**
 * Guarantee (security.md, reserved namespace): no object of anybody but the platform can be called
 * so that a person takes it for one of the platform, by name, slug, identifier or label.
 */
let world: World
let make: ZoneMaker
let base: string

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  base = `/v1/zones/${make.zone}`
})

afterAll(() => world[Symbol.asyncDispose]())

const source = { language: 'json', source: '{"risk":[]}' }
const settings = { kind: 'none' }

/** Every place in which somebody gives a display name. */
const named: Readonly<Record<string, (name: string) => Promise<Answer>>> = {
  'a zone': (name) => world.call('POST', '/v1/zones', { name, slug: freshName('slug') }),
  'a zone anew': async (name) =>
    world.call('PATCH', `/v1/zones/${(await newZone(world)).zone}`, { name }),
  'an application': (name) => world.call('POST', `${base}/applications`, { name }),
  'an application anew': async (name) =>
    world.call('PATCH', `${base}/applications/${(await make.application()).id}`, { name }),
  'a provider': (name) => world.call('POST', `${base}/providers`, { name, settings }),
  'a provider anew': async (name) =>
    world.call('PATCH', `${base}/providers/${(await make.provider()).id}`, { name }),
  'a resource': (name) =>
    world.call('POST', `${base}/resources`, {
      ...{ name, scopes, identifier: `https://${freshName('r')}.example/` },
    }),
  'a resource anew': async (name) =>
    world.call('PATCH', `${base}/resources/${(await make.resource()).id}`, { name }),
  'a policy': (name) => world.call('POST', `${base}/policies`, { name, ...source }),
  'a policy set': (name) => world.call('POST', `${base}/policy-sets`, { name }),
  'an administrator': (principal_name) =>
    world.call('POST', '/v1/admin-tokens', {
      ...{ principal_name, principal_kind: 'person', capabilities: ['read'] },
    }),
}

/** A few of each trick; test/kernel/names.test.ts has every letter. */
const tricks = [
  'caracal.sys',
  'Caracal.SYS/x',
  'cаracal.sys',
  'caracal‐sys',
  'ｃａｒａｃａｌ．ｓｙｓ/operator',
  'caracal.sys operator',
  './caracal.sys/x',
  'caracal\u3000.sys',
  'CARACAL.SΥS',
  'c\u0301aracal-sys',
]

const innocent = [
  'caracal system team',
  'Caracal',
  'caracal.system',
  'caracal-sysadmins',
  'my caracal.sys',
  'сервис',
]

describe.each(Object.entries(named))('the name of %s', (_, give) => {
  test.each(tricks)('cannot be %s', async (name) => {
    await expectUnwritten('reserved_namespace', () => give(name))
  })

  test.each(innocent)('can be %s', async (name) => {
    const answer = await give(`${name} ${freshName('n')}`)
    expect([200, 201], JSON.stringify(answer.body)).toContain(answer.status)
  })

  /** The change of a name makes its object first, so the state is looked at by the refusal alone. */
  async function expectUnwritten(code: string, call: () => Promise<Answer>): Promise<void> {
    const answer = await call()
    expect([answer.status, answer.body.error]).toEqual([409, code])
  }
})

describe('the slug of a zone', () => {
  test.each([
    'caracal-sys',
    'caracal--sys',
    'caracal-sys-2',
    'caraca1-sys',
    'caracalsys',
    'caracai-sys',
  ])('cannot be %s', async (slug) => {
    const name = freshName('zone')
    await expectRefused(world, 'reserved_namespace', () =>
      world.call('POST', '/v1/zones', { name, slug }),
    )
  })

  test.each(['caracal-system', 'caracal', 'caracal-sysadmin', 'the-caracal-sys'])(
    'can be %s',
    async (slug) => {
      const { status } = await world.call('POST', '/v1/zones', { name: freshName('zone'), slug })
      expect(status).toBe(201)
    },
  )
})

describe('the identifier of a resource', () => {
  test.each([
    'resource://caracal.sys',
    'resource://caracal.sys/control',
    'RESOURCE://CARACAL.SYS/control',
    'https://caracal.sys/x',
    'https://caracal.sys:443/x',
    'https://user@caracal.sys/x',
    'https://user:p@ss@caracal.sys/x',
    'resource:caracal.sys',
    'resource:///caracal.sys',
    'resource://./caracal.sys',
    'resource:\\\\caracal.sys',
    'resource://caracal%2Esys/x',
    'resource://%63%61racal.sys',
    'resource://c%D0%B0racal.sys',
    'resource://саrаcal.sys',
    'urn:caracal-sys:x',
  ])('cannot be %s', async (identifier) => {
    const name = freshName('resource')
    await expectRefused(world, 'reserved_namespace', () =>
      world.call('POST', `${base}/resources`, { name, identifier, scopes }),
    )
  })

  test('is not made from such a name either', async () => {
    await expectRefused(world, 'reserved_namespace', () =>
      world.call('POST', `${base}/resources`, { name: 'Caracal_Sys', scopes }),
    )
  })

  test.each([
    'resource://caracal.system/',
    'https://example.com/caracal.sys',
    'https://caracal.example/',
  ])('can be %s', async (identifier) => {
    const body = { name: freshName('resource'), identifier, scopes }
    expect((await world.call('POST', `${base}/resources`, body)).status).toBe(201)
  })
})

describe('a label', () => {
  test.each(['caracal.sys', 'caracal.sys/operator', 'CARACAL-SYS:x', 'caracal_sys', 'caraca1.sys'])(
    'cannot be %s',
    async (label) => {
      const name = freshName('agent')
      const labels = ['team:a', label]
      await expectRefused(world, 'reserved_namespace', () =>
        world.call('POST', `${base}/applications`, { name, labels }),
      )
      const { id } = await make.application()
      await expectRefused(world, 'reserved_namespace', () =>
        world.call('PATCH', `${base}/applications/${id}`, { labels }),
      )
    },
  )
})

describe('a plan', () => {
  test('cannot hold a step that takes a reserved name', async () => {
    const { body } = await world.call('POST', `${base}/plans`, {
      steps: [{ id: 'one', operation: 'applications.create', input: { name: 'Cаracal.sys/x' } }],
    })
    expect(body.preview.steps).toMatchObject([
      { effect: 'blocked', blocked: { code: 'reserved_namespace' } },
    ])
  })
})
