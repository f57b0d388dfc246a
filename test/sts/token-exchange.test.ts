import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import {
  addApplication,
  addGrant,
  exchange,
  own,
  post,
  session,
  startWorld,
  tenant,
  type StsWorld,
  type Tenant,
} from './sts-world.ts'

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

const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

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
      'with an actor that is none',
      { actor_token: 'x', actor_token_type: accessToken },
      'invalid_request',
      'actor_token_malformed',
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
    await using later = await startWorld(database.connection, world.masterKey)
    const own_ = await tenant(later)
    const subject = await session(own_)
    later.pass(901_000)
    expect((await exchange(own_, subject)).body['reason']).toBe('subject_token_expired')
  })
})
