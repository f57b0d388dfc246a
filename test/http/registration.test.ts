import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'
import { randomUUID } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/kernel/limits.ts'
import { archiveExpired } from '../../src/sts/upkeep.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

let world: World
let make: ZoneMaker
/** An initial access token: an admin token that may write in the zone. */
let initial: string
let publicJwk: JWK
const keys = await generateKeyPair('ES256')

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  await make.call('zones.patch', { dcr_enabled: true })
  initial = await world.automation('provisioner', ['write'], make.zone)
  publicJwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1' }
})
afterAll(() => world[Symbol.asyncDispose]())

function register(metadata: unknown, token: string | null = initial, zone = make.zone) {
  return world.call('POST', `/zones/${zone}/oauth2/register`, metadata, { token })
}

/** A zone of its own that allows registration. */
async function openZone(): Promise<ZoneMaker> {
  const own = await newZone(world)
  await own.call('zones.patch', { dcr_enabled: true })
  return own
}

/** Expects a refusal in the words of OAuth, with nothing written but its one event. */
async function expectRefused(
  call: () => Promise<Answer>,
  [status, error, reason]: readonly [number, string, string],
): Promise<void> {
  const [before, mark] = [await world.state(), await world.eventCount()]
  const answer = await call()
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status, body: { error, reason } })
  expect(await world.state()).toBe(before)
  expect(await world.events(mark)).toMatchObject([
    { type: 'applications.register', outcome: 'refused', reason },
  ])
}

describe('a workload registers', () => {
  test('and gets a mandate by what the zone grants it', async () => {
    const { status, headers, body } = await register({ client_name: 'crawler' })
    expect(status).toBe(201)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toEqual({
      client_id: expect.stringMatching(/^app_/),
      client_id_issued_at: expect.any(Number),
      client_id_expires_at: Number(body.client_id_issued_at) + 3_600,
      client_name: expect.stringMatching(/^crawler [0-9a-f]{8}$/),
      client_secret: expect.stringMatching(/^cs_/),
      client_secret_expires_at: Number(body.client_id_issued_at) + 3_600,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      response_types: [],
      dpop_bound_access_tokens: false,
    })
    const { client_id, client_secret } = body
    const resource = await make.resource()
    await make.call('grants.create', {
      application_id: client_id,
      resource_id: resource.id,
      scopes: ['invoices:read'],
    })
    const form = { grant_type: 'client_credentials', client_id, client_secret }
    const token = await world.oauth('token', { ...form, resource: resource.id }, make.zone)
    expect(token.body).toMatchObject({ scope: 'invoices:read' })
  })

  test('with its keys, and no secret is made', async () => {
    const { body } = await register({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [publicJwk] },
      dpop_bound_access_tokens: true,
    })
    expect(body).toMatchObject({ jwks: { keys: [publicJwk] }, dpop_bound_access_tokens: true })
    expect(body).not.toHaveProperty('client_secret')
    expect(body).not.toHaveProperty('client_secret_expires_at')
    const seconds = Math.floor(world.now() / 1_000)
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(body.client_id)
      .setSubject(body.client_id)
      .setAudience(`${world.url}/zones/${make.zone}`)
      .setExpirationTime(seconds + 30)
      .sign(keys.privateKey)
    const answer = await world.oauth(
      'token',
      {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      },
      make.zone,
    )
    expect(answer.body).toMatchObject({
      error: 'invalid_dpop_proof',
      reason: 'dpop_proof_missing',
    })
  })

  test('as a client of another make does', async () => {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated to stand out, not to go
    const insecure = { [oauth.allowInsecureRequests]: true }
    const issuer = new URL(`${world.url}/zones/${make.zone}`)
    const server = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
    )
    const answer = await oauth.dynamicClientRegistrationRequest(
      server,
      { client_name: 'another make' },
      { initialAccessToken: initial, ...insecure },
    )
    const client = await oauth.processDynamicClientRegistrationResponse(answer)
    expect(client.client_id).toMatch(/^app_/)
  })

  test('and asserts no label, name or life of its own', async () => {
    const own = { labels: ['admin'], kind: 'managed', expires_in: 86_400, scope: 'a:b' }
    const { body } = await register({ client_name: 'climber', ...own })
    const application = await make.call('applications.get', { application_id: body.client_id })
    expect(application).toMatchObject({ kind: 'dcr', labels: [] })
    expect(Date.parse(application.expires_at ?? '') - Date.parse(application.created_at)).toBe(
      3_600_000,
    )
  })

  test('twice by one name, as two', async () => {
    const made = await Promise.all([1, 2, 3].map(() => register({ client_name: 'twin' })))
    expect(new Set(made.map(({ body }) => String(body.client_id))).size).toBe(3)
  })

  test('for no longer than it was registered for', async () => {
    const own = await openZone()
    const path = `/v1/zones/${own.zone}/applications/dcr`
    const made = await world.call('POST', path, { name: 'brief', expires_in: 1 })
    expect(made.body).toMatchObject({ kind: 'dcr', client_secret: expect.stringMatching(/^cs_/) })
    world.pass(1_000)
    const { id: client_id, client_secret } = made.body
    const form = { grant_type: 'client_credentials', client_id, client_secret }
    expect((await world.oauth('token', form, own.zone)).status).toBe(401)
  })

  test('without the plans of people becoming stale', async () => {
    const before = await make.call('zones.get', {})
    expect((await register({})).status).toBe(201)
    expect((await make.call('zones.get', {})).revision).toBe(before.revision)
  })

  test('and leaves one event without its secret', async () => {
    const mark = await world.eventCount()
    const { body } = await register({})
    expect(await world.events(mark)).toMatchObject([
      { type: 'applications.register', outcome: 'applied', actor: 'provisioner' },
    ])
    const rows = await world.sql('select 1 from events where entry::text like $1', [
      `%${String(body.client_secret)}%`,
    ])
    expect(rows).toEqual([])
  })
})

describe('metadata that is refused', () => {
  const metadata = 'invalid_client_metadata'
  const redirect = 'invalid_redirect_uri'
  const deep = `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)},"client_name":7}`
  const signed = { token_endpoint_auth_method: 'private_key_jwt' }
  test.each<[string, unknown, string, string]>([
    ['a list', [], metadata, metadata],
    ['null', 'null', metadata, metadata],
    ['no JSON', '{"client_name":', metadata, 'invalid_json'],
    ['deep JSON', deep, metadata, metadata],
    ['a name that is a number', { client_name: 7 }, metadata, metadata],
    ['a name without end', { client_name: 'x'.repeat(500) }, metadata, metadata],
    ['a name of control characters', { client_name: 'a\u0000b' }, metadata, 'invalid_body'],
    ['a name that turns text round', { client_name: 'a\u202eb' }, metadata, 'invalid_body'],
    ['a reserved name', { client_name: 'caracal.sys/operator' }, metadata, 'reserved_namespace'],
    ['no authentication', { token_endpoint_auth_method: 'none' }, metadata, metadata],
    ['a prototype key', { token_endpoint_auth_method: 'constructor' }, metadata, metadata],
    ['a password grant', { grant_types: ['password'] }, metadata, metadata],
    ['a code', { response_types: ['code'] }, metadata, metadata],
    ['alg none', { token_endpoint_auth_signing_alg: 'none' }, metadata, metadata],
    ['keys to fetch', { jwks_uri: 'http://169.254.169.254/' }, metadata, metadata],
    ['keys that are not there', signed, metadata, 'invalid_body'],
    ['no keys', { ...signed, jwks: { keys: [] } }, metadata, 'invalid_body'],
    [
      'a private key',
      { ...signed, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' }] } },
      metadata,
      'invalid_body',
    ],
    [
      'a symmetric key',
      { ...signed, jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } },
      metadata,
      'invalid_body',
    ],
    [
      'a key off its curve',
      { ...signed, jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }] } },
      metadata,
      'invalid_body',
    ],
    [
      'a short RSA key',
      { ...signed, jwks: { keys: [{ kty: 'RSA', e: 'AQAB', n: 'A'.repeat(170) }] } },
      metadata,
      'invalid_body',
    ],
    ['a scheme that runs', { redirect_uris: ['javascript:alert(1)'] }, redirect, redirect],
    ['no TLS', { redirect_uris: ['http://evil.example/'] }, redirect, redirect],
    ['a fragment', { redirect_uris: ['https://a.example/#b'] }, redirect, redirect],
    ['a user in it', { redirect_uris: ['https://a@b.example/'] }, redirect, redirect],
    ['no URL', { redirect_uris: ['/callback'] }, redirect, redirect],
  ])('%s', async (_name, body, error, reason) => {
    await expectRefused(() => register(body), [400, error, reason])
  })

  test('larger than 64 KB', async () => {
    const body = { client_name: 'x'.repeat(70_000) }
    await expectRefused(() => register(body), [413, 'payload_too_large', 'payload_too_large'])
  })
})

describe('an initial access token', () => {
  test('is needed, and must be able to write in this zone', async () => {
    const reader = await world.automation('reader', ['read'], make.zone)
    const elsewhere = await world.automation('elsewhere', ['write'], (await newZone(world)).zone)
    const scope = 'insufficient_scope'
    const cases: readonly [string | null, readonly [number, string, string]][] = [
      [null, [401, 'invalid_token', 'invalid_admin_token']],
      ['cat_wrong', [401, 'invalid_token', 'invalid_admin_token']],
      ['a.b.c', [401, 'invalid_token', 'invalid_mandate']],
      [reader, [403, scope, 'admin_token_read_only']],
      [elsewhere, [403, scope, 'admin_token_zone_mismatch']],
    ]
    for (const [token, refusal] of cases)
      await expectRefused(() => register({ client_name: 'x' }, token), refusal)
    const challenged = await register({}, 'cat_wrong')
    expect(challenged.headers.get('www-authenticate')).toMatch(/^Bearer /)
  })

  test('registers nothing in a zone that does not exist, nor in the reserved one', async () => {
    await expectRefused(
      () => register({}, world.token, 'nowhere'),
      [404, 'zone_not_found', 'zone_not_found'],
    )
    await expectRefused(
      () => register({}, world.token, 'caracal-sys'),
      [403, 'system_zone_read_only', 'system_zone_read_only'],
    )
  })
})

describe('while registration is off', () => {
  test('nobody registers, and the metadata names no endpoint', async () => {
    const own = await newZone(world)
    const refusal = [403, 'access_denied', 'dcr_disabled'] as const
    await expectRefused(() => register({}, world.token, own.zone), refusal)
    const direct = await world.call('POST', `/v1/zones/${own.zone}/applications/dcr`, { name: 'x' })
    expect(direct).toMatchObject({ status: 409, body: { error: 'dcr_disabled' } })
    const path = `/.well-known/oauth-authorization-server/zones/${own.zone}`
    expect((await world.call('GET', path)).body).not.toHaveProperty('registration_endpoint')
    await own.call('zones.patch', { dcr_enabled: true })
    expect((await world.call('GET', path)).body.registration_endpoint).toBe(
      `${world.url}/zones/${own.zone}/oauth2/register`,
    )
  })

  test('turning it off asks what becomes of the live ones', async () => {
    const own = await openZone()
    for (const name of ['one', 'two']) await own.call('applications.register', { name })
    const live = () => own.call('zones.dcr_status', {})
    expect(await live()).toEqual({ dcr_enabled: true, live_applications: 2 })
    const zone = `/v1/zones/${own.zone}`
    const before = await world.state()
    const refused = await world.call('PATCH', zone, { dcr_enabled: false })
    expect(refused).toMatchObject({
      status: 409,
      body: { error: 'dcr_shutdown_required', details: { live_applications: 2 } },
    })
    const alone = await world.call('PATCH', zone, { dcr_shutdown: 'keep_live' })
    expect(alone).toMatchObject({ status: 400, body: { error: 'invalid_body' } })
    expect(await world.state()).toBe(before)
    await own.call('zones.patch', { dcr_enabled: false, dcr_shutdown: 'keep_live' })
    expect(await live()).toEqual({ dcr_enabled: false, live_applications: 2 })
    world.pass(limits.dcrTtlSeconds * 1_000)
    expect(await live()).toEqual({ dcr_enabled: false, live_applications: 0 })
  })

  test('revoke_live archives them with their grants, and their mandates are refused', async () => {
    const own = await openZone()
    const kept = await own.call('applications.create', { name: 'kept' })
    const made = await own.call('applications.register', { name: 'short-lived' })
    const resource = await own.resource()
    const grant = await own.call('grants.create', {
      application_id: made.id,
      resource_id: resource.id,
      scopes: ['invoices:read'],
    })
    const form = (of: { id: string; client_secret: string | null }) => ({
      client_id: of.id,
      client_secret: of.client_secret ?? '',
    })
    const ask = { ...form(made), grant_type: 'client_credentials', resource: resource.id }
    const token = (await world.oauth('token', ask, own.zone)).body.access_token as string
    const active = async (): Promise<unknown> =>
      (await world.oauth('introspect', { ...form(kept), token }, own.zone)).body.active
    expect(await active()).toBe(true)
    await own.call('zones.patch', { dcr_enabled: false, dcr_shutdown: 'revoke_live' })
    await expect.poll(active).toBe(false)
    expect((await world.oauth('token', ask, own.zone)).status).toBe(401)
    const archived = { archived_at: expect.any(String) }
    expect(await own.call('applications.get', { application_id: made.id })).toMatchObject(archived)
    expect(await own.call('grants.get', { grant_id: grant.id })).toMatchObject(archived)
    expect(await own.call('applications.get', { application_id: kept.id })).toMatchObject({
      archived_at: null,
    })
  })

  test('a preview shows what revoke_live ends', async () => {
    const own = await openZone()
    const made = await own.call('applications.register', { name: freshName('workload') })
    const body = { dcr_enabled: false, dcr_shutdown: 'revoke_live' }
    const { body: shown } = await world.call('PATCH', `/v1/zones/${own.zone}?dry_run=true`, body)
    expect(JSON.stringify(shown)).toContain(made.id)
    expect((await own.call('zones.dcr_status', {})).live_applications).toBe(1)
  })
})

test('a workload that has expired is archived, its name is free and its grants end', async () => {
  const own = await openZone()
  const made = await own.call('applications.register', { name: 'seasonal', expires_in: 60 })
  const resource = await own.resource()
  const { id: grant_id } = await own.call('grants.create', {
    application_id: made.id,
    resource_id: resource.id,
    scopes: ['invoices:read'],
  })
  const upkeep = () => archiveExpired(world.service.context)
  await upkeep()
  const live = { archived_at: null }
  expect(await own.call('applications.get', { application_id: made.id })).toMatchObject(live)
  world.pass(180_000)
  const mark = await world.eventCount()
  await Promise.all([upkeep(), upkeep()])
  const events = (await world.events(mark)).filter(({ zone_id }) => zone_id === own.zone)
  expect(events).toMatchObject([{ type: 'application.expire', outcome: 'applied' }])
  const archived = { archived_at: expect.any(String) }
  expect(await own.call('grants.get', { grant_id })).toMatchObject(archived)
  const again = await own.call('applications.register', { name: 'seasonal' })
  expect(again.id).not.toBe(made.id)
})

test('a zone has so many registered workloads and no more, however many come at once', async () => {
  const own = await openZone()
  await own.call('applications.register', { name: 'template' })
  await world.sql(
    `insert into applications (id, zone_id, revision, created_at, updated_at, name, name_key, kind,
       auth_method, labels, expires_at)
     select overlay(id placing lpad(n::text, 8, '0') from 23), zone_id, revision, created_at,
       updated_at, name || n, name_key || n, kind, auth_method, labels, expires_at
     from applications, generate_series(1, $2) n where zone_id = $1`,
    [own.zone, limits.dcrLiveApplications - 3],
  )
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => register({}, world.token, own.zone)),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409, 409])
  expect(answers.find(({ status }) => status === 409)?.body.error).toBe('limit_reached')
  expect((await own.call('zones.dcr_status', {})).live_applications).toBe(
    limits.dcrLiveApplications,
  )
})
