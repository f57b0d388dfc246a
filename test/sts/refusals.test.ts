import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { own, post, startWorld, tenant, tokenOf, type StsWorld, type Tenant } from './sts-world.ts'

let database: FreshDatabase
let world: StsWorld
let t: Tenant

beforeAll(async () => {
  database = await freshDatabase()
  world = await startWorld(database.connection)
  t = await tenant(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
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
    const answer = await post(tokenOf(t), form(t))
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
    const { body } = await post(tokenOf(t), own(t, { scope: 'invoices:read invoices:write' }))
    expect(body['missing']).toEqual(['invoices:write'])
    expect(body['error_description']).toContain('invoices:write')
  })

  test('the log knows why a client was not believed, the client does not', async () => {
    await post(tokenOf(t), own(t, { client_secret: 'cs_wrong' }))
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      actor_id: 'anonymous',
      application_id: t.application,
      body: { reason: 'client_secret_mismatch' },
    })
  })

  test('a repeated parameter is refused, a repeated resource as a wrong target', async () => {
    const twice: [string, string][] = [...Object.entries(own(t)), ['scope', 'a'], ['scope', 'b']]
    expect((await post(tokenOf(t), twice)).body).toMatchObject({
      error: 'invalid_request',
      reason: 'parameter_repeated',
    })
    const two: [string, string][] = [...Object.entries(own(t)), ['resource', 'https://b.example']]
    expect((await post(tokenOf(t), two)).body).toMatchObject({
      error: 'invalid_target',
      reason: 'several_resources',
    })
  })

  test('JSON is no request of OAuth', async () => {
    const answer = await post(tokenOf(t), JSON.stringify(own(t)), {
      'content-type': 'application/json',
    })
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', reason: 'content_type_unsupported' },
    })
  })

  test('a body without end is cut off', async () => {
    const answer = await post(tokenOf(t), `scope=${'x'.repeat(10_000_000)}`)
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
    expect((await post(tokenOf(bare), own(bare))).body).toMatchObject(reason)
    const { resource: _, ...session } = own(bare)
    expect((await post(tokenOf(bare), session)).body).toMatchObject(reason)
  })

  test('an archived zone mints nothing', async () => {
    const gone = await tenant(world)
    await world.rows('update zones set archived_at = now() where id = $1', [gone.zone])
    expect((await post(tokenOf(gone), own(gone))).body).toMatchObject({
      error: 'invalid_request',
      reason: 'zone_archived',
    })
  })

  test('an expired or archived application is no client', async () => {
    const own_ = await tenant(world)
    await world.rows(`update applications set expires_at = now() where id = $1`, [own_.application])
    expect((await post(tokenOf(own_), own(own_))).status).toBe(401)
    expect((await world.events(own_.zone)).at(-1)?.body.reason).toBe('client_expired')
    await world.rows(
      `update applications set expires_at = null, archived_at = now() where id = $1`,
      [own_.application],
    )
    expect((await post(tokenOf(own_), own(own_))).status).toBe(401)
    expect((await world.events(own_.zone)).at(-1)?.body.reason).toBe('client_archived')
  })

  test('a step-up and a condition say which they are', async () => {
    const gated = await tenant(world, {
      documents: {
        risk: [{ scope: 'invoices:read', tier: 'high' }],
        approval_tiers: [{ tier: 'high', approver: 'finance', ttl_seconds: 600 }],
      },
    })
    const held = await post(tokenOf(gated), own(gated, { scope: 'invoices:read' }))
    expect(held.body).toMatchObject({
      error: 'interaction_required',
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
    expect((await post(tokenOf(closed), own(closed))).body['reason']).toBe('condition_denied')
  })
})
