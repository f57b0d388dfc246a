import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { providerSettings } from '../../tools/providers.ts'
import { expectRefused } from '../support/refused.ts'
import { freshName, newZone, scopes, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World
let make: ZoneMaker
let base: string

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  base = `/v1/zones/${make.zone}`
})

afterAll(() => world[Symbol.asyncDispose]())

describe('a new zone', () => {
  test('with the baseline has it active, alone, and a key', async () => {
    const { zone } = await newZone(world)
    const { body } = await world.call('GET', `/v1/zones/${zone}/overview`)
    expect(body.counts).toEqual({
      ...{ applications: 0, resources: 0, providers: 0, grants: 0, policies: 0, policy_sets: 1 },
      plans_awaiting_approval: 0,
    })
    expect(body.zone.active_policy_set_version_id).toMatch(/^psetv_/)
    const sets = await world.call('GET', `/v1/zones/${zone}/policy-sets`)
    expect(sets.body.items).toMatchObject([
      { name: 'baseline', latest_version: { id: body.zone.active_policy_set_version_id } },
    ])
    expect(body.jwks_uri).toBe(`${world.url}/zones/${zone}/.well-known/jwks.json`)
    const jwks = await world.call('GET', new URL(body.jwks_uri).pathname, undefined, {
      token: null,
    })
    expect(jwks.body.keys).toHaveLength(1)
    expect(Object.keys(jwks.body.keys[0])).not.toContain('d')
  })

  test('without it authorizes nothing', async () => {
    const bare = await newZone(world, false)
    const { application_id, resource_id } = await bare.grant()
    const asked = { application_id, resource_id, scopes: ['invoices:read'] }
    const decided = await bare.call('access.check', asked)
    expect(decided.allow).toBe(false)
    expect(decided.smallest_change).toMatch(/\S/)
    expect((await bare.call('access.list', {})).items).toEqual([])
  })

  test('publishes a new key before it signs, and one at a time', async () => {
    const zone = await newZone(world)
    const path = `/zones/${zone.zone}/.well-known/jwks.json`
    const { kid, retired, signs_from } = await zone.call('zones.rotate_keys', {})
    expect(retired).toEqual([])
    expect(Date.parse(signs_from)).toBeGreaterThan(world.now())
    const keys: { kid: string }[] = (await world.call('GET', path)).body.keys
    expect(keys.map((key) => key.kid)).toEqual([kid, expect.any(String)])
    await expectRefused(world, 'conflict', () =>
      world.call('POST', `/v1/zones/${zone.zone}/rotate-keys`, {}),
    )
  })

  test('keeps the old key for verifying when the keys are rotated at once', async () => {
    const zone = await newZone(world)
    const { kid, retired } = await zone.call('zones.rotate_keys', { at_once: true })
    expect(retired).toHaveLength(1)
    const path = `/zones/${zone.zone}/.well-known/jwks.json`
    const { body } = await world.call('GET', path, undefined, { token: null })
    const keys: { kid: string }[] = body.keys
    expect(keys.map((key) => key.kid).sort()).toEqual([kid, ...retired].sort())
  })
})

describe('an application', () => {
  const jwk = {
    ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  }
  const publicKeys = { keys: [{ ...jwk, kty: 'EC', kid: 'one' }] }

  test('shows its secret in the answer that made it, and never again', async () => {
    const made = await make.application()
    expect(made.client_secret).toMatch(/^cs_[A-Za-z0-9_-]{43}$/)
    const read = await make.call('applications.get', { application_id: made.id })
    expect(read).not.toHaveProperty('client_secret')
    const rotated = await make.call('applications.rotate_secret', { application_id: made.id })
    expect(rotated.client_secret).not.toBe(made.client_secret)
  })

  test('with private_key_jwt has keys and no secret', async () => {
    const made = await make.call('applications.create', {
      ...{ name: freshName('agent'), auth_method: 'private_key_jwt', jwks: publicKeys },
    })
    expect([made.client_secret, made.jwks]).toEqual([null, publicKeys])
    await expectRefused(world, 'conflict', () =>
      world.call('POST', `${base}/applications/${made.id}/rotate-secret`),
    )
  })

  test.each([
    ['no keys', undefined],
    ['an empty set', { keys: [] }],
    ['a private key', { keys: [{ ...publicKeys.keys[0], d: 'x' }] }],
    ['a symmetric key', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }],
    ['nine keys', { keys: Array.from({ length: 9 }, () => publicKeys.keys[0]) }],
  ])('with private_key_jwt and %s is refused', async (_, jwks) => {
    const body = { name: freshName('agent'), auth_method: 'private_key_jwt', jwks }
    await expectRefused(world, 'invalid_body', () =>
      world.call('POST', `${base}/applications`, body),
    )
  })

  test.each([[['a', 'a']], [['a b']], [['']], [Array.from({ length: 33 }, (_, i) => `l${i}`)]])(
    'with labels %j is refused',
    async (labels) => {
      await expectRefused(world, 'invalid_body', () =>
        world.call('POST', `${base}/applications`, { name: freshName('agent'), labels }),
      )
    },
  )
})

describe('a provider', () => {
  const settings = {
    none: {},
    caracal_mandate: {},
    oauth2_client_credentials: {
      ...{ token_url: 'https://a.example/token', client_id: 'a', scopes: ['x'], audience: 'b' },
    },
    oauth2_authorization_code: {
      ...{ authorization_url: 'https://a.example/authorize', token_url: 'https://a.example/token' },
      ...{ client_id: 'a', scopes: [] },
    },
    api_key: { in: 'query', name: 'key' },
    bearer_token: {},
    http_basic: { username: 'a' },
  }

  test('of every kind can be made', () => {
    const kinds = providerSettings.options.map((option) => option.shape.kind.value)
    expect(Object.keys(settings).sort()).toEqual(kinds.sort())
  })

  test.each(Object.entries(settings))(
    'of kind %s keeps its settings and hides its secret',
    async (kind, rest) => {
      const secret = `a secret of ${kind}`
      const made = await world.call('POST', `${base}/providers`, {
        ...{ name: freshName(kind), settings: { kind, ...rest } },
      })
      expect(made).toMatchObject({
        status: 201,
        body: { settings: { kind, ...rest }, has_secret: false },
      })
      const path = `${base}/providers/${made.body.id}`
      const stored = await world.call('POST', `${path}/secret`, { secret })
      expect(stored.body.has_secret).toBe(true)
      const answers = [
        stored,
        await world.call('GET', path),
        await world.call('GET', `${base}/providers`),
      ]
      expect(
        answers.map(({ body }) => JSON.stringify(body)).filter((text) => text.includes(secret)),
      ).toEqual([])
      const [row] = await world.sql<{ sealed_secret: Buffer }>(
        'select sealed_secret from providers where id = $1',
        [made.body.id],
      )
      const { vault } = world.service.context
      expect(row?.sealed_secret.includes(secret)).toBe(false)
      expect(
        vault.open(row?.sealed_secret ?? Buffer.of(), `provider:${made.body.id}`).toString(),
      ).toBe(secret)
      expect(() => vault.open(row?.sealed_secret ?? Buffer.of(), 'provider:other')).toThrow()
    },
  )

  test('of another kind forgets the secret of the old', async () => {
    const { id } = await make.provider()
    await make.call('providers.set_secret', { provider_id: id, secret: 's' })
    const patch = (input: object) => world.call('PATCH', `${base}/providers/${id}`, input)
    expect((await patch({ name: freshName('provider') })).body.has_secret).toBe(true)
    expect((await patch({ settings: { kind: 'bearer_token' } })).body.has_secret).toBe(true)
    expect((await patch({ settings: { kind: 'api_key' } })).body).toMatchObject({
      settings: { kind: 'api_key', in: 'header', name: 'x-api-key' },
      has_secret: false,
    })
  })

  test.each([
    [{ kind: 'magic' }],
    [{ kind: 'none', secret: 'x' }],
    [{ kind: 'oauth2_client_credentials', token_url: 'http://a.example/', client_id: 'a' }],
    [{ kind: 'oauth2_client_credentials', token_url: 'file:///etc/passwd', client_id: 'a' }],
    [{ kind: 'http_basic' }],
    [{ kind: 'api_key', in: 'cookie' }],
    [{ kind: 'api_key', name: 'x: y\r\nz' }],
    [{ kind: 'constructor' }],
    [null],
  ])('with settings %j is refused', async (wrong) => {
    await expectRefused(world, 'invalid_body', () =>
      world.call('POST', `${base}/providers`, { name: freshName('provider'), settings: wrong }),
    )
  })
})

describe('a resource', () => {
  test('has an identifier made from its name, unless it is given one', async () => {
    const name = freshName('My Invoices')
    const made = await make.call('resources.create', { name, scopes })
    expect(made.identifier).toBe(`resource://${name.toLowerCase().replace(/ /g, '-')}`)
    await expectRefused(world, 'resource_identifier_taken', () =>
      world.call('POST', `${base}/resources`, {
        name: freshName('r'),
        identifier: made.identifier,
        scopes,
      }),
    )
  })

  test.each([
    ['unknown_scope', { operations: [{ method: 'GET', path: '/', scope: 'other' }] }],
    ['invalid_body', { operations: [{ method: 'TRACE', path: '/', scope: scopes[0] }] }],
    ['invalid_body', { operations: [{ method: 'GET', path: 'a', scope: scopes[0] }] }],
    ['invalid_body', { operations: [{ method: 'GET', path: '/', scope: scopes[0], extra: 1 }] }],
    ['invalid_body', { scopes: [] }],
    ['invalid_body', { scopes: ['a', 'a'] }],
    ['invalid_body', { scopes: Array.from({ length: 65 }, (_, i) => `s${i}`) }],
    ['invalid_body', { identifier: 'no scheme' }],
    ['invalid_body', { identifier: 'https://a.example/#fragment' }],
    ['invalid_body', { upstream_url: 'ftp://a.example/' }],
    ['invalid_body', { name: '日本' }],
    ['not_found', { credential_provider_id: 'prov_01h455vb4pex5vsknk084sn02q' }],
  ] as const)('is refused as %s with %j', async (code, wrong) => {
    const body = { name: freshName('r'), scopes, ...wrong }
    await expectRefused(world, code, () => world.call('POST', `${base}/resources`, body))
  })

  test('keeps operations within its scopes when either changes', async () => {
    const operations = [{ method: 'GET', path: '/', scope: scopes[0] }]
    const { body } = await world.call('POST', `${base}/resources`, {
      name: freshName('r'),
      scopes,
      operations,
    })
    await expectRefused(world, 'unknown_scope', () =>
      world.call('PATCH', `${base}/resources/${body.id}`, { scopes: [scopes[1]] }),
    )
  })
})

describe('a grant', () => {
  test.each([
    ['unknown_scope', { scopes: ['other'] }],
    ['invalid_body', { scopes: [] }],
    ['invalid_body', { expires_at: '2020-01-01T00:00:00Z' }],
    ['invalid_body', { expires_at: 'tomorrow' }],
    ['invalid_body', { user_id: '' }],
    ['invalid_body', { user_id: 'a\nb' }],
    ['not_found', { application_id: 'app_01h455vb4pex5vsknk084sn02q' }],
    ['not_found', { resource_id: 'res_01h455vb4pex5vsknk084sn02q' }],
  ] as const)('is refused as %s with %j', async (code, wrong) => {
    const { application_id, resource_id } = await make.grant()
    const body = { application_id, resource_id, scopes: [scopes[0]], ...wrong }
    await expectRefused(world, code, () => world.call('POST', `${base}/grants`, body))
  })

  test('may stand beside others of the same pair, and ends alone', async () => {
    const zone = await newZone(world)
    const { application_id, resource_id } = await zone.grant()
    const pair = { application_id, resource_id }
    const timed = await zone.call('grants.create', {
      ...{ ...pair, scopes: ['invoices:write'] },
      expires_at: new Date(world.now() + 60_000).toISOString(),
    })
    const held = async () => (await zone.call('access.list', pair)).items.map(({ scope }) => scope)
    expect(await held()).toEqual(scopes)
    await zone.call('grants.patch', { grant_id: timed.id, expires_at: null })
    world.pass(61_000)
    expect(await held()).toEqual(scopes)
    await zone.call('grants.delete', { grant_id: timed.id })
    expect(await held()).toEqual(['invoices:read'])
  })

  test('of a time ends with it', async () => {
    const zone = await newZone(world)
    const { id, application_id, resource_id } = await zone.grant()
    const expires_at = new Date(world.now() + 60_000).toISOString()
    await zone.call('grants.patch', { grant_id: id, expires_at })
    const asked = { application_id, resource_id, scopes: ['invoices:read'] }
    expect((await zone.call('access.check', asked)).allow).toBe(true)
    world.pass(60_001)
    const after = await zone.call('access.check', asked)
    expect(after.allow).toBe(false)
    expect(after.reason).not.toBe('ok')
    expect(after.explanation).toContain('expired')
  })
})
