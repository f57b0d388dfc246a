import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bumpRevision } from '../../src/store/zones.ts'
import {
  activate,
  addApplication,
  addGrant,
  addResource,
  own,
  post,
  startPostgres,
  startWorld,
  tenant,
  type StsWorld,
  type Tenant,
} from './sts-world.ts'
import { emptyDocuments } from '../../src/policy/bundle.ts'

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

const token = (tenant_: Tenant): string => `${tenant_.issuer}/oauth2/token`

describe('a mandate of an application for itself', () => {
  test('verifies with the published keys and says exactly what was granted', async () => {
    const { status, body, headers } = await post(token(t), own(t, { scope: 'invoices:read' }))
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope: 'invoices:read' })
    const keys = createRemoteJWKSet(new URL(`${t.issuer}/.well-known/jwks.json`))
    const { payload, protectedHeader } = await jwtVerify(body.access_token, keys, {
      issuer: t.issuer,
      audience: t.resource.identifier,
      typ: 'at+jwt',
      algorithms: ['ES256'],
    })
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
    expect(payload).toMatchObject({
      sub: t.application,
      client_id: t.application,
      aud: [t.resource.identifier],
      target: [t.resource.id],
      zone_id: t.zone,
      scope: 'invoices:read',
      use: 'resource',
      sub_type: 'application',
    })
    expect(payload['sid']).toBe(payload['root_sid'])
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900)
  })

  test('leaves one event that names the mandate and what determined it', async () => {
    const before = (await world.events(t.zone)).length
    const { body } = await post(token(t), own(t))
    const events = await world.events(t.zone)
    expect(events).toHaveLength(before + 1)
    const { jti } = JSON.parse(
      Buffer.from(body.access_token.split('.')[1] ?? '', 'base64url').toString(),
    ) as { jti: string }
    expect(events.at(-1)).toMatchObject({
      type: 'token.client_credentials',
      outcome: 'allow',
      actor_id: t.application,
      application_id: t.application,
      body: {
        mandate_jti: jti,
        rules: [`grant:${t.grant}`],
        diagnostics: { granted: 'invoices:read', missing: [] },
      },
    })
  })

  test('without scope it is everything that the application holds, and the answer says so', async () => {
    const { body } = await post(token(t), own(t))
    expect(body.scope).toBe('invoices:read')
  })

  test('the zone goes by its slug too, and the issuer stays the same', async () => {
    const { status, body } = await post(`${world.url}/zones/${t.slug}/oauth2/token`, own(t))
    expect(status).toBe(200)
    expect(body.access_token.split('.')[1]).toBeDefined()
    const claims = JSON.parse(
      Buffer.from(body.access_token.split('.')[1] ?? '', 'base64url').toString(),
    ) as { iss: string }
    expect(claims.iss).toBe(t.issuer)
  })

  test('a resource goes by its id too', async () => {
    const { status } = await post(token(t), own(t, { resource: t.resource.id }))
    expect(status).toBe(200)
  })

  test('without a resource it is a session, which opens nothing', async () => {
    const form = own(t)
    delete form['resource']
    const { status, body } = await post(token(t), form)
    expect(status).toBe(200)
    expect(body.scope).toBe('')
  })

  test('it ends with the grant that it rests upon', async () => {
    const own_ = await tenant(world)
    await world.change(own_.zone, async (tx) => {
      const until = new Date(world.now() + 60_000)
      await addGrant(tx, own_.application, own_.resource.id, ['invoices:write'], {
        expiresAt: until,
      })
    })
    const both = await post(token(own_), own(own_))
    expect(both.body.scope).toBe('invoices:read invoices:write')
    expect(both.body['expires_in']).toBeLessThanOrEqual(60)
    const one = await post(token(own_), own(own_, { scope: 'invoices:read' }))
    expect(one.body['expires_in']).toBe(900)
  })

  test('a change of grants acts at the very next request', async () => {
    const own_ = await tenant(world)
    expect((await post(token(own_), own(own_))).status).toBe(200)
    await world.rows('update grants set archived_at = now() where id = $1', [own_.grant])
    const after = await post(token(own_), own(own_))
    expect(after.status).toBe(403)
    expect(after.body).toMatchObject({ error: 'access_denied', reason: 'no_grant' })
  })

  test('a policy set that is activated acts at the very next request', async () => {
    const own_ = await tenant(world)
    expect((await post(token(own_), own(own_))).status).toBe(200)
    await world.change(own_.zone, async (tx) => {
      await activate(tx, { ...emptyDocuments, restrict: ['incident 7'] })
      await bumpRevision(tx.queries, own_.zone, tx.now)
    })
    const frozen = await post(token(own_), own(own_))
    expect(frozen.body).toMatchObject({ error: 'access_denied', reason: 'zone_restricted' })
    const form = own(own_)
    delete form['resource']
    expect((await post(token(own_), form)).body['reason']).toBe('zone_restricted')
  })
})

describe('a refusal names its reason', () => {
  const cases: readonly [string, (t: Tenant) => Record<string, string>, number, string, string][] =
    [
      [
        'one scope more than granted',
        (t) => own(t, { scope: 'invoices:read invoices:write' }),
        403,
        'access_denied',
        'no_grant',
      ],
      [
        'a scope that the resource does not have',
        (t) => own(t, { scope: 'invoices:burn' }),
        400,
        'invalid_scope',
        'scope_unknown',
      ],
      [
        'a scope that is no scope',
        (t) => own(t, { scope: 'a"b' }),
        400,
        'invalid_scope',
        'scope_malformed',
      ],
      [
        'a resource that does not exist',
        (t) => own(t, { resource: 'https://other.example' }),
        400,
        'invalid_target',
        'resource_unknown',
      ],
      [
        'a resource by an id of nothing',
        (t) => own(t, { resource: `res_${'0'.repeat(26)}` }),
        400,
        'invalid_target',
        'resource_unknown',
      ],
      [
        'scopes of nothing',
        (t) => {
          const { resource: _, ...rest } = own(t, { scope: 'invoices:read' })
          return rest
        },
        400,
        'invalid_request',
        'resource_required',
      ],
      [
        'no grant type',
        (t) => own(t, { grant_type: '' }),
        400,
        'invalid_request',
        'parameter_missing',
      ],
      [
        'an unknown grant type',
        (t) => own(t, { grant_type: 'password' }),
        400,
        'unsupported_grant_type',
        'grant_type_unsupported',
      ],
      [
        'a prototype key as grant type',
        (t) => own(t, { grant_type: '__proto__' }),
        400,
        'unsupported_grant_type',
        'grant_type_unsupported',
      ],
      [
        'a prototype key as scope',
        (t) => own(t, { scope: 'constructor' }),
        400,
        'invalid_scope',
        'scope_unknown',
      ],
      [
        'a control character',
        (t) => own(t, { resource: 'https://a\u0000b' }),
        400,
        'invalid_request',
        'parameter_malformed',
      ],
      [
        'a wrong secret',
        (t) => own(t, { client_secret: 'cs_wrong' }),
        401,
        'invalid_client',
        'client_not_authenticated',
      ],
      [
        'a client that does not exist',
        (t) => own(t, { client_id: `app_${'0'.repeat(26)}` }),
        401,
        'invalid_client',
        'client_not_authenticated',
      ],
      [
        'a client id that is none',
        (t) => own(t, { client_id: "' or 1=1 --" }),
        401,
        'invalid_client',
        'client_not_authenticated',
      ],
      [
        'no credentials',
        (t) => ({ grant_type: 'client_credentials', resource: t.resource.identifier }),
        401,
        'invalid_client',
        'client_authentication_missing',
      ],
    ]

  test.each(cases)('%s', async (_name, form, status, error, reason) => {
    const before = (await world.events(t.zone)).length
    const answer = await post(token(t), form(t))
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ error, reason, request_id: expect.stringMatching(/^req_/) })
    expect(answer.body['error_description']).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
    expect(answer.body.access_token).toBeUndefined()
    const events = await world.events(t.zone)
    expect(events).toHaveLength(before + 1)
    expect(events.at(-1)).toMatchObject({
      outcome: 'deny',
      request_id: answer.body['request_id'],
      body: { mandate_jti: null },
    })
  })

  test('of several scopes it names those that are missing', async () => {
    const { body } = await post(token(t), own(t, { scope: 'invoices:read invoices:write' }))
    expect(body['missing']).toEqual(['invoices:write'])
    expect(body['error_description']).toContain('invoices:write')
  })

  test('the log knows why a client was not believed, the client does not', async () => {
    await post(token(t), own(t, { client_secret: 'cs_wrong' }))
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      actor_id: 'anonymous',
      application_id: t.application,
      body: { reason: 'client_secret_mismatch' },
    })
  })

  test('a repeated parameter is refused, a repeated resource as a wrong target', async () => {
    const twice: [string, string][] = [...Object.entries(own(t)), ['scope', 'a'], ['scope', 'b']]
    expect((await post(token(t), twice)).body).toMatchObject({
      error: 'invalid_request',
      reason: 'parameter_repeated',
    })
    const two: [string, string][] = [...Object.entries(own(t)), ['resource', 'https://b.example']]
    expect((await post(token(t), two)).body).toMatchObject({
      error: 'invalid_target',
      reason: 'several_resources',
    })
  })

  test('JSON is no request of OAuth', async () => {
    const answer = await post(token(t), JSON.stringify(own(t)), {
      'content-type': 'application/json',
    })
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', reason: 'content_type_unsupported' },
    })
  })

  test('a body without end is cut off', async () => {
    const answer = await post(token(t), `scope=${'x'.repeat(10_000_000)}`)
    expect(answer.status).toBe(413)
    expect(answer.body['error']).toBe('payload_too_large')
  })

  test('an unknown zone leaves its event in the system zone', async () => {
    for (const zone of [`zone_${'0'.repeat(26)}`, 'nowhere', '%00', 'a'.repeat(90), "'--"]) {
      const answer = await post(`${world.url}/zones/${zone}/oauth2/token`, own(t))
      expect(answer).toMatchObject({
        status: 400,
        body: { error: 'invalid_request', reason: 'zone_not_found' },
      })
      const last = (await world.events(world.system.zone)).at(-1)
      expect(last).toMatchObject({ outcome: 'deny', request_id: answer.body['request_id'] })
    }
  })

  test('a zone without a policy set authorizes nothing, not even a session', async () => {
    const bare = await tenant(world, { active: false })
    const reason = { error: 'access_denied', reason: 'no_active_policy_set' }
    expect((await post(token(bare), own(bare))).body).toMatchObject(reason)
    const { resource: _, ...session } = own(bare)
    expect((await post(token(bare), session)).body).toMatchObject(reason)
  })

  test('an archived zone mints nothing', async () => {
    const gone = await tenant(world)
    await world.rows('update zones set archived_at = now() where id = $1', [gone.zone])
    expect((await post(token(gone), own(gone))).body).toMatchObject({
      error: 'invalid_request',
      reason: 'zone_archived',
    })
  })

  test('an expired or archived application is no client', async () => {
    const own_ = await tenant(world)
    await world.rows(`update applications set expires_at = now() where id = $1`, [own_.application])
    expect((await post(token(own_), own(own_))).status).toBe(401)
    expect((await world.events(own_.zone)).at(-1)?.body.reason).toBe('client_expired')
    await world.rows(
      `update applications set expires_at = null, archived_at = now() where id = $1`,
      [own_.application],
    )
    expect((await post(token(own_), own(own_))).status).toBe(401)
    expect((await world.events(own_.zone)).at(-1)?.body.reason).toBe('client_archived')
  })

  test('a step-up and a condition say which they are', async () => {
    const gated = await tenant(world, {
      documents: {
        risk: [{ scope: 'invoices:read', tier: 'high' }],
        approval_tiers: [{ tier: 'high', approver: 'finance', ttl_seconds: 600 }],
      },
    })
    const held = await post(token(gated), own(gated, { scope: 'invoices:read' }))
    expect(held.body).toMatchObject({
      error: 'access_denied',
      reason: 'approval_required',
      obligations: [{ tier: 'high', scopes: ['invoices:read'] }],
    })
    const closed = await tenant(world, {
      documents: {
        conditions: [
          { id: 'office', effect: 'deny', reason: 'x', when: { source_cidrs: ['127.0.0.0/8'] } },
        ],
      },
    })
    expect((await post(token(closed), own(closed))).body['reason']).toBe('condition_denied')
  })
})

describe('zones stay apart', () => {
  test('a client of one zone is nobody in another', async () => {
    const other = await tenant(world)
    const answer = await post(token(other), own(t))
    expect(answer.body).toMatchObject({ error: 'invalid_client' })
    expect((await world.events(other.zone)).at(-1)?.body.reason).toBe('client_unknown')
  })

  test('a resource of one zone is unknown in another, by id as by identifier', async () => {
    const other = await tenant(world)
    const id = await world.change(other.zone, (tx) =>
      addResource(tx, 'Secret', 'https://secret.example'),
    )
    for (const resource of [id.id, id.identifier])
      expect((await post(token(t), own(t, { resource }))).body['reason']).toBe('resource_unknown')
  })

  test('1,000 interleaved exchanges of two tenants never mix', async () => {
    const other = await tenant(world)
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async (_, n) => {
        const mine = n % 2 === 0 ? t : other
        const { body } = await post(token(mine), own(mine))
        const [, claims] = body.access_token.split('.')
        const { zone_id, sub } = JSON.parse(
          Buffer.from(claims ?? '', 'base64url').toString(),
        ) as Record<string, string>
        return zone_id === mine.zone && sub === mine.application
      }),
    )
    expect(answers.every(Boolean)).toBe(true)
  })
})

test('client_secret_basic, form-encoded, works and is told of when it fails', async () => {
  const { client_id: id, client_secret: _, ...form } = own(t)
  const basic = (secret: string): string =>
    `Basic ${Buffer.from(`${String(id)}:${encodeURIComponent(secret)}`).toString('base64')}`
  const good = await post(token(t), form, { authorization: basic(t.secret) })
  expect(good.status).toBe(200)
  for (const authorization of [
    basic('nope'),
    'Basic !!',
    'Basic',
    'Bearer x',
    'Basic OnNlY3JldA==',
  ]) {
    const bad = await post(token(t), form, { authorization })
    expect(bad.status).toBe(401)
    expect(bad.body['error']).toBe('invalid_client')
    expect(bad.headers.get('www-authenticate')).toMatch(/^Basic /)
  }
})

test('a client authenticates in one way, as itself', async () => {
  const authorization = `Basic ${Buffer.from(`${t.application}:${t.secret}`).toString('base64')}`
  expect((await post(token(t), own(t), { authorization })).body['reason']).toBe(
    'several_client_authentications',
  )
  const { client_secret: _, ...form } = own(t, { client_id: `app_${'0'.repeat(26)}` })
  expect((await post(token(t), form, { authorization })).body['reason']).toBe('client_id_mismatch')
})

test('a second application has what its own grants give', async () => {
  const second = await world.change(t.zone, (tx) => addApplication(tx, 'support-bot'))
  const form = { ...own(t), client_id: second.id, client_secret: second.secret }
  expect((await post(token(t), form)).body['reason']).toBe('no_grant')
})
