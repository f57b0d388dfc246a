import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OutputOf } from '../../tools/catalogue.ts'
import { internet, type Network } from '../../src/kernel/safe-fetch.ts'
import { clientOfZone, startOidcProvider, type OidcProvider } from '../support/oidc-provider.ts'
import { expectRefused } from '../support/refused.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

const tokenType = 'urn:ietf:params:oauth:token-type'

let provider: OidcProvider
let world: World
let make: ZoneMaker
let application: OutputOf<'applications.create'>
/** What names lead to, beside the provider. */
const names = new Map<string, string[]>()

beforeAll(async () => {
  provider = await startOidcProvider(() => world.now())
  const network: Network = {
    ...provider.network,
    resolve: (host) => Promise.resolve(names.get(host) ?? provider.network.resolve(host)),
  }
  world = await startWorld({ network })
  make = await newZone(world)
  application = await make.application()
  await make.call('subject_issuers.create', {
    ...{ name: 'people', issuer: provider.issuer, audience: clientOfZone.id },
  })
})

afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

function exchange(subject_token: string, type: string, form = {}): Promise<Answer> {
  return world.oauth(
    'token',
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: application.id,
      client_secret: application.client_secret ?? '',
      subject_token,
      subject_token_type: `${tokenType}:${type}`,
      ...form,
    },
    make.zone,
  )
}

/**
 * Guarantee: a token of one kind is never taken for one of another, whichever kind its presenter
 * says that it is.
 */
test('an id_token is no mandate: neither at the token endpoint nor at any door', async () => {
  const idToken = await provider.idToken()
  for (const type of ['access_token', 'jwt']) {
    const { status, body } = await exchange(idToken, type, { resource: 'https://any.example' })
    expect([status, body.reason]).toEqual([400, 'subject_token_wrong_type'])
  }
  const dressed = await provider.idToken({}, { header: { typ: 'at+jwt' } })
  expect(
    (await exchange(dressed, 'access_token', { resource: 'https://any.example' })).body.reason,
  ).toBe('subject_token_wrong_issuer')
  for (const token of [idToken, dressed]) {
    expect((await world.call('GET', '/v1/zones', undefined, { token })).status).toBe(401)
    const introspected = await world.oauth(
      'introspect',
      { client_id: application.id, client_secret: application.client_secret ?? '', token },
      make.zone,
    )
    expect(introspected.body).toEqual({ active: false })
  }
})

test('a mandate is no id_token, and no zone vouches for the users of another', async () => {
  const session = await exchange(await provider.idToken(), 'id_token')
  expect(session.status).toBe(200)
  expect((await exchange(session.body.access_token, 'id_token')).body.reason).toBe(
    'subject_token_wrong_type',
  )
  await using secure = await startWorld({ config: { publicUrl: 'https://Caracal.example' } })
  for (const issuer of ['https://caracal.example', 'https://Caracal.example/zones/other'])
    await expectRefused(secure, 'conflict', () =>
      secure.call('POST', '/v1/zones/default/subject-issuers', {
        ...{ name: 'itself', issuer, audience: 'a' },
      }),
    )
})

/**
 * Guarantee: what an administrator, or a document of a provider, names as the place of keys leads
 * to the public Internet or nowhere (SSRF).
 */
test.each<[string, string, string[]]>([
  ['a name of the metadata service', 'metadata.example.com', ['169.254.169.254']],
  ['a name of a private network', 'inside.example.com', ['10.0.0.7']],
  ['a name that is also public', 'both.example.com', ['1.1.1.1', '192.168.0.1']],
  ['a name of this machine', 'self.example.com', ['::1']],
  ['an address of the metadata service', '169.254.169.254', []],
  ['a mapped address', '[::ffff:10.0.0.1]', []],
])('keys at %s are never fetched', async (_what, host, addresses) => {
  if (addresses.length > 0) names.set(host, addresses)
  await using strict = await startWorld({
    network: {
      resolve: (name) => Promise.resolve(names.get(name) ?? []),
      isAllowed: (address) => internet.isAllowed(address),
    },
  })
  const there = await newZone(strict)
  const app = await there.application()
  await there.call('subject_issuers.create', {
    ...{ name: 'people', issuer: provider.issuer, audience: clientOfZone.id },
    jwks_url: `https://${host}/latest/meta-data`,
  })
  const { status, body } = await strict.oauth(
    'token',
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: app.id,
      client_secret: app.client_secret ?? '',
      subject_token: await provider.idToken(),
      subject_token_type: `${tokenType}:id_token`,
    },
    there.zone,
  )
  expect([status, body.reason]).toEqual([503, 'subject_issuer_unreachable'])
  // Which address it was is told to no caller: it would make the service a scanner of its network.
  expect(JSON.stringify(body)).not.toMatch(/public|address|private/i)
  const [event] = await strict.sql<{ body: { diagnostics: object } }>(
    `select entry as body from events where type = 'token.id_token' and zone_id = $1`,
    [there.zone],
  )
  expect(event?.body.diagnostics).toMatchObject({ fetch: 'address_not_public' })
})

test.each([
  'http://keys.example.com/jwks',
  'file:///etc/passwd',
  'https://user:password@keys.example.com/jwks',
  'https://keys.example.com/jwks#a',
])('keys at %s cannot be named', async (jwks_url) => {
  await expectRefused(world, 'invalid_body', () =>
    world.call('POST', `/v1/zones/${make.zone}/subject-issuers`, {
      ...{ name: 'elsewhere', issuer: 'https://elsewhere.example', audience: 'a', jwks_url },
    }),
  )
})
