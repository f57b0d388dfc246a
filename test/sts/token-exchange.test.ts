import { createHmac, generateKeyPairSync, randomUUID, sign as signWith } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/kernel/ids.ts'
import { openPrivateKey } from '../../src/kernel/signing-key.ts'
import { createZoneKey, zoneKeyPurpose } from '../../src/store/zone-keys.ts'
import {
  addApplication,
  addGrant,
  own,
  post,
  startPostgres,
  startWorld,
  tenant,
  type Answer,
  type StsWorld,
  type Tenant,
} from './sts-world.ts'

let postgres: Awaited<ReturnType<typeof startPostgres>>
let world: StsWorld
let t: Tenant

beforeAll(async () => {
  postgres = await startPostgres()
  world = await startWorld(postgres.connection)
  t = await tenant(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
})

const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

function exchange(
  of: Tenant,
  subjectToken: string,
  more: Record<string, string> = {},
): Promise<Answer> {
  return post(`${of.issuer}/oauth2/token`, {
    ...own(of),
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: subjectToken,
    subject_token_type: accessToken,
    ...more,
  })
}

async function session(of: Tenant): Promise<string> {
  const { resource: _, ...form } = own(of)
  return (await post(`${of.issuer}/oauth2/token`, form)).body.access_token
}

describe('a session exchanges for a mandate', () => {
  test('of one resource, in the same session, for no longer than it', async () => {
    const subject = await session(t)
    const { status, body } = await exchange(t, subject, { scope: 'invoices:read' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ issued_token_type: accessToken, scope: 'invoices:read' })
    const from = decodeJwt(subject)
    const claims = decodeJwt(body.access_token)
    expect(from).toMatchObject({ use: 'session', scope: '', target: [], aud: [t.issuer] })
    expect(claims).toMatchObject({
      use: 'resource',
      sub: t.application,
      aud: [t.resource.identifier],
      sid: from['sid'],
      root_sid: from['root_sid'],
    })
    expect(claims.exp).toBeLessThanOrEqual(from.exp ?? 0)
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      type: 'token.exchange',
      outcome: 'allow',
      body: { mandate_jti: claims.jti, diagnostics: { subject_jti: from.jti } },
    })
  })

  test('as a JWT when that is asked for', async () => {
    const jwt = 'urn:ietf:params:oauth:token-type:jwt'
    const answer = await exchange(t, await session(t), {
      subject_token_type: jwt,
      requested_token_type: jwt,
    })
    expect(answer.body['issued_token_type']).toBe(jwt)
  })

  const refused: readonly [string, Record<string, string>, string, string][] = [
    ['without a resource', { resource: '' }, 'invalid_request', 'parameter_missing'],
    [
      'of another type',
      { subject_token_type: 'urn:x' },
      'invalid_request',
      'subject_token_type_unsupported',
    ],
    [
      'into another type',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
      'invalid_request',
      'requested_token_type_unsupported',
    ],
    [
      'with an actor',
      { actor_token: 'x', actor_token_type: accessToken },
      'invalid_request',
      'actor_token_unsupported',
    ],
    [
      'with an audience',
      { audience: 'https://other.example' },
      'invalid_target',
      'audience_unsupported',
    ],
    ['for a scope that is not granted', { scope: 'invoices:write' }, 'access_denied', 'no_grant'],
    [
      'of a conversation, at a tenant',
      { subject_token_type: 'urn:caracal:params:oauth:token-type:conversation' },
      'invalid_request',
      'subject_token_type_unsupported',
    ],
    [
      'of a plan, at a tenant',
      { subject_token_type: 'urn:caracal:params:oauth:token-type:plan' },
      'invalid_request',
      'subject_token_type_unsupported',
    ],
  ]
  test.each(refused)('but not %s', async (_name, more, error, reason) => {
    const { body } = await exchange(t, await session(t), more)
    expect(body).toMatchObject({ error, reason })
    expect((await world.events(t.zone)).at(-1)).toMatchObject({ outcome: 'deny' })
  })

  test('but not by another client', async () => {
    const other = await world.change(t.zone, async (tx) => {
      const application = await addApplication(tx, 'thief')
      await addGrant(tx, application.id, t.resource.id, ['invoices:read'])
      return application
    })
    const { body } = await exchange(t, await session(t), {
      client_id: other.id,
      client_secret: other.secret,
    })
    expect(body).toMatchObject({
      error: 'invalid_request',
      reason: 'subject_token_of_another_client',
    })
  })

  test('but not after it was revoked, nor do mandates made from it live on', async () => {
    const subject = await session(t)
    const derived = (await exchange(t, subject)).body.access_token
    await post(`${t.issuer}/oauth2/revoke`, { ...own(t), token: subject })
    expect((await exchange(t, subject)).body['reason']).toBe('subject_token_revoked')
    const introspected = await post(`${t.issuer}/oauth2/introspect`, { ...own(t), token: derived })
    expect(introspected.body).toEqual({ active: false })
  })

  test('but not after it has expired', async () => {
    await using later = await startWorld(postgres.connection, world.masterKey)
    const own_ = await tenant(later)
    const subject = await session(own_)
    later.pass(901_000)
    expect((await exchange(own_, subject)).body['reason']).toBe('subject_token_expired')
  })
})

describe('token confusion', () => {
  interface Forge {
    readonly header?: Record<string, unknown>
    readonly claims?: Record<string, unknown>
    /** Signs the input; absent: the zone's own key. */
    readonly sign?: (input: string) => Buffer
    /** Changes the finished token. */
    readonly bend?: (token: string) => string
  }

  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const es256 = (key: Parameters<typeof signWith>[2]) => (input: string) =>
    signWith('sha256', Buffer.from(input), {
      key: key as never,
      dsaEncoding: 'ieee-p1363',
    })

  async function signingKeyOf(of: Tenant) {
    const [row] = await world.rows<{ sealed_private: Buffer; public_jwk: { kid: string } }>(
      `select * from zone_keys where zone_id = $1 and state = 'active'`,
      [of.zone],
    )
    const der = world.vault.open(row!.sealed_private, zoneKeyPurpose(of.zone))
    return { key: openPrivateKey(der), kid: row!.public_jwk.kid }
  }

  async function forged({ header, claims, sign, bend }: Forge): Promise<string> {
    const { key, kid } = await signingKeyOf(t)
    const real = decodeJwt(await session(t))
    const encode = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid, ...header })}.${encode({
      ...real,
      jti: newId('mandate', world.now()),
      ...claims,
    })}`
    const token = `${input}.${(sign ?? es256(key))(input).toString('base64url')}`
    return bend === undefined ? token : bend(token)
  }

  const seconds = (): number => Math.floor(world.now() / 1_000)

  const cases: readonly [string, () => Forge | Promise<Forge>, string][] = [
    ['alg none', () => ({ header: { alg: 'none' }, sign: () => Buffer.alloc(0) }), 'malformed'],
    ['alg none with some signature', () => ({ header: { alg: 'none' } }), 'wrong_algorithm'],
    [
      'HS256 with the public key as its secret',
      async () => {
        const keys = (await (await fetch(`${t.issuer}/.well-known/jwks.json`)).json()) as {
          keys: object[]
        }
        const secret = JSON.stringify(keys.keys[0])
        return {
          header: { alg: 'HS256' },
          sign: (input) => createHmac('sha256', secret).update(input).digest(),
        }
      },
      'wrong_algorithm',
    ],
    ['typ JWT', () => ({ header: { typ: 'JWT' } }), 'wrong_type'],
    ['an id_token', () => ({ header: { typ: undefined } }), 'wrong_type'],
    ['a logout token', () => ({ header: { typ: 'logout+jwt' } }), 'wrong_type'],
    ['a critical extension', () => ({ header: { crit: ['b64'], b64: false } }), 'wrong_algorithm'],
    ['another key under the same kid', () => ({ sign: es256(foreign) }), 'bad_signature'],
    [
      'a key in the header',
      () => ({ header: { jwk: foreign.export({ format: 'jwk' }) }, sign: es256(foreign) }),
      'bad_signature',
    ],
    ['kid traversal', () => ({ header: { kid: '../../../../dev/null' } }), 'unknown_key'],
    ['kid of a prototype', () => ({ header: { kid: '__proto__' } }), 'unknown_key'],
    ['kid that is no text', () => ({ header: { kid: { $ne: '' } } }), 'unknown_key'],
    [
      'another zone’s key and name',
      async () => {
        const other = await signingKeyOf(await tenant(world))
        return { header: { kid: other.kid }, sign: es256(other.key) }
      },
      'unknown_key',
    ],
    ['another issuer', () => ({ claims: { iss: 'https://evil.example' } }), 'wrong_issuer'],
    ['another zone in the claims', () => ({ claims: { zone_id: 'zone_x' } }), 'wrong_issuer'],
    ['another audience', () => ({ claims: { aud: ['https://api.example'] } }), 'wrong_audience'],
    ['expired', () => ({ claims: { exp: seconds() - 1 } }), 'expired'],
    ['issued in the future', () => ({ claims: { iat: seconds() + 60 } }), 'issued_in_future'],
    ['a resource mandate as a session', () => ({ claims: { use: 'resource' } }), 'wrong_use'],
    ['a control mandate as a session', () => ({ claims: { use: 'control' } }), 'wrong_use'],
    ['no JWT', () => ({ bend: () => 'not.a.jwt' }), 'malformed'],
    ['nothing like it', () => ({ bend: () => 'x' }), 'malformed'],
    ['two dots only', () => ({ bend: () => '..' }), 'malformed'],
    ['a cut signature', () => ({ bend: (token) => token.slice(0, -8) }), 'bad_signature'],
    [
      'other claims under the same signature',
      () => ({
        bend: (token) => {
          const [header, , signature] = token.split('.')
          const claims = { ...decodeJwt(token), scope: 'invoices:write' }
          return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
        },
      }),
      'bad_signature',
    ],
    ['padding', () => ({ bend: (token) => `${token}==` }), 'malformed'],
    ['a JSON list as header', () => ({ bend: () => 'W10.e30.AA' }), 'malformed'],
    ['8 KB and more', () => ({ claims: { filler: 'x'.repeat(9_000) } }), 'malformed'],
  ]

  test.each(cases)('%s', async (_name, forge, refusal) => {
    const token = await forged(await forge())
    const answer = await exchange(t, token)
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', reason: `subject_token_${refusal}` },
    })
    await expect(world.sts.verifyControl(token)).rejects.toMatchObject({ code: 'invalid_mandate' })
  })

  test('the same token with nothing wrong is taken', async () => {
    expect((await exchange(t, await forged({}))).status).toBe(200)
  })

  test('a session mandate is inactive for no resource, and no resource mandate is a session', async () => {
    const resource = (await post(`${t.issuer}/oauth2/token`, own(t))).body.access_token
    expect((await exchange(t, resource)).body['reason']).toBe('subject_token_wrong_audience')
  })

  test('a token of one zone is inactive in another', async () => {
    const other = await tenant(world)
    const { body } = await post(`${other.issuer}/oauth2/introspect`, {
      ...own(other),
      token: await session(t),
    })
    expect(body).toEqual({ active: false })
  })
})

describe('introspection and revocation', () => {
  const ask = (path: string, token: string, of = t): Promise<Answer> =>
    post(`${of.issuer}/oauth2/${path}`, { ...own(of), token })

  test('a live mandate is active with its claims', async () => {
    const token = (await post(`${t.issuer}/oauth2/token`, own(t))).body.access_token
    const { body } = await ask('introspect', token)
    expect(body).toMatchObject({
      active: true,
      token_type: 'Bearer',
      client_id: t.application,
      scope: 'invoices:read',
      jti: decodeJwt(token).jti,
    })
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      type: 'token.introspect',
      outcome: 'allow',
      body: { mandate_jti: decodeJwt(token).jti, diagnostics: { active: true } },
    })
  })

  test('whatever else is inactive, and nothing more is said', async () => {
    for (const token of ['', 'x', 'a.b.c', randomUUID()]) {
      const { status, body } = await ask('introspect', token)
      if (token === '') expect(body).toMatchObject({ error: 'invalid_request' })
      else expect({ status, body }).toEqual({ status: 200, body: { active: false } })
    }
  })

  test('a revoked mandate is inactive at once', async () => {
    const token = (await post(`${t.issuer}/oauth2/token`, own(t))).body.access_token
    expect((await ask('introspect', token)).body['active']).toBe(true)
    expect((await ask('revoke', token)).status).toBe(200)
    expect((await ask('introspect', token)).body).toEqual({ active: false })
    expect((await ask('revoke', token)).status).toBe(200)
  })

  test('a client revokes its own mandates only, and is not told', async () => {
    const token = (await post(`${t.issuer}/oauth2/token`, own(t))).body.access_token
    const other = await world.change(t.zone, (tx) => addApplication(tx, 'stranger'))
    const answer = await post(`${t.issuer}/oauth2/revoke`, {
      client_id: other.id,
      client_secret: other.secret,
      token,
    })
    expect(answer.status).toBe(200)
    expect((await world.events(t.zone)).at(-1)?.body.diagnostics).toMatchObject({
      revoked: false,
      ignored_because: 'token_of_another_client',
    })
    expect((await ask('introspect', token)).body['active']).toBe(true)
  })

  test('both need a client', async () => {
    for (const path of ['introspect', 'revoke']) {
      const answer = await post(`${t.issuer}/oauth2/${path}`, { token: 'x' })
      expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    }
  })

  test('mandates of an archived application are inactive', async () => {
    const other = await tenant(world)
    const token = (await post(`${other.issuer}/oauth2/token`, own(other))).body.access_token
    const asker = await world.change(other.zone, (tx) => addApplication(tx, 'asker'))
    const introspect = (): Promise<Answer> =>
      post(`${other.issuer}/oauth2/introspect`, {
        client_id: asker.id,
        client_secret: asker.secret,
        token,
      })
    expect((await introspect()).body['active']).toBe(true)
    await world.rows('update applications set archived_at = now() where id = $1', [
      other.application,
    ])
    world.sts.forgetTrust(other.zone)
    expect((await introspect()).body).toEqual({ active: false })
  })
})

describe('two replicas', () => {
  test('what one revokes, the other refuses within a second', async () => {
    await using second = await startWorld(postgres.connection, world.masterKey)
    const token = (await post(`${t.issuer}/oauth2/token`, own(t))).body.access_token
    // The second replica is the same service behind another address, so it shares the issuer.
    const there = `${second.url}/zones/${t.zone}/oauth2/introspect`
    second.serveAs(world.url)
    expect((await post(there, { ...own(t), token })).body['active']).toBe(true)
    await post(`${t.issuer}/oauth2/revoke`, { ...own(t), token })
    const deadline = performance.now() + 1_000
    let active: unknown = true
    while (active === true && performance.now() < deadline)
      active = (await post(there, { ...own(t), token })).body['active']
    expect(active).toBe(false)
  })

  test('a rotated key signs at once everywhere, and what the old one signed stays good', async () => {
    await using second = await startWorld(postgres.connection, world.masterKey)
    second.serveAs(world.url)
    const own_ = await tenant(world)
    const old = (await post(`${own_.issuer}/oauth2/token`, own(own_))).body.access_token
    const there = `${second.url}/zones/${own_.zone}/oauth2`
    expect((await post(`${there}/introspect`, { ...own(own_), token: old })).body['active']).toBe(
      true,
    )
    const { kid, retired } = await world.change(own_.zone, (tx) =>
      createZoneKey(tx.queries, world.vault, own_.zone, tx.now),
    )
    const fresh = (await post(`${there}/token`, own(own_))).body.access_token
    expect(kidOf(fresh)).toBe(kid)
    expect(retired).toEqual([kidOf(old)])
    for (const base of [`${own_.issuer}/oauth2`, there])
      for (const token of [old, fresh]) {
        const answer = await post(`${base}/introspect`, { ...own(own_), token })
        expect(answer.body['active']).toBe(true)
      }
    const keys = (await (await fetch(`${own_.issuer}/.well-known/jwks.json`)).json()) as {
      keys: { kid: string }[]
    }
    expect(keys.keys.map((key) => key.kid)).toEqual([kid, kidOf(old)])
  })

  test('a retired key leaves the JWKS when nothing it signed can be alive', async () => {
    await using later = await startWorld(postgres.connection, world.masterKey)
    const own_ = await tenant(later)
    await later.change(own_.zone, (tx) => createZoneKey(tx.queries, later.vault, own_.zone, tx.now))
    later.pass(1_000_000)
    const answer = await fetch(`${later.url}/.well-known/jwks.json?zone_id=${own_.zone}`)
    expect(((await answer.json()) as { keys: unknown[] }).keys).toHaveLength(1)
  })
})

function kidOf(token: string): string {
  const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()
  return (JSON.parse(header) as { kid: string }).kid
}

test('documents of a zone that does not exist are not found', async () => {
  for (const path of [
    '/zones/nowhere/.well-known/jwks.json',
    '/.well-known/jwks.json',
    '/.well-known/jwks.json?zone_id=nowhere',
    '/.well-known/jwks.json?zone_id=a&zone_id=b',
    '/.well-known/oauth-authorization-server/zones/nowhere',
  ]) {
    const answer = await fetch(world.url + path)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ error: 'zone_not_found' })
  }
})

test('the metadata names endpoints that answer', async () => {
  const path = `/.well-known/oauth-authorization-server/zones/${t.zone}`
  const metadata = (await (await fetch(world.url + path)).json()) as Record<string, string>
  expect(metadata['issuer']).toBe(t.issuer)
  expect((await post(metadata['token_endpoint'] ?? '', own(t))).status).toBe(200)
  expect((await fetch(metadata['jwks_uri'] ?? '')).status).toBe(200)
  for (const name of ['introspection_endpoint', 'revocation_endpoint'])
    expect((await post(metadata[name] ?? '', { ...own(t), token: 'x' })).status).toBe(200)
})
