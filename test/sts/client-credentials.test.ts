import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { emptyDocuments } from '../../src/policy/bundle.ts'
import { bumpRevision } from '../../src/store/zones.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import {
  activate,
  addApplication,
  addGrant,
  addResource,
  own,
  post,
  startWorld,
  tenant,
  tokenOf,
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

describe('a mandate of an application for itself', () => {
  test('verifies with the published keys and says exactly what was granted', async () => {
    const { status, body, headers } = await post(tokenOf(t), own(t, { scope: 'invoices:read' }))
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
    const { body } = await post(tokenOf(t), own(t))
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
    const { body } = await post(tokenOf(t), own(t))
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
    const { status } = await post(tokenOf(t), own(t, { resource: t.resource.id }))
    expect(status).toBe(200)
  })

  test('without a resource it is a session, which opens nothing', async () => {
    const form = own(t)
    delete form['resource']
    const { status, body } = await post(tokenOf(t), form)
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
    const both = await post(tokenOf(own_), own(own_))
    expect(both.body.scope).toBe('invoices:read invoices:write')
    expect(both.body['expires_in']).toBeLessThanOrEqual(60)
    const one = await post(tokenOf(own_), own(own_, { scope: 'invoices:read' }))
    expect(one.body['expires_in']).toBe(900)
  })

  test('a change of grants acts at the very next request', async () => {
    const own_ = await tenant(world)
    expect((await post(tokenOf(own_), own(own_))).status).toBe(200)
    await world.rows('update grants set archived_at = now() where id = $1', [own_.grant])
    const after = await post(tokenOf(own_), own(own_))
    expect(after.status).toBe(403)
    expect(after.body).toMatchObject({ error: 'access_denied', reason: 'no_grant' })
  })

  test('a policy set that is activated acts at the very next request', async () => {
    const own_ = await tenant(world)
    expect((await post(tokenOf(own_), own(own_))).status).toBe(200)
    await world.change(own_.zone, async (tx) => {
      await activate(tx, { ...emptyDocuments, restrict: ['incident 7'] })
      await bumpRevision(tx.queries, own_.zone, tx.now)
    })
    const frozen = await post(tokenOf(own_), own(own_))
    expect(frozen.body).toMatchObject({ error: 'access_denied', reason: 'zone_restricted' })
    const form = own(own_)
    delete form['resource']
    expect((await post(tokenOf(own_), form)).body['reason']).toBe('zone_restricted')
  })
})

describe('zones stay apart', () => {
  test('a client of one zone is nobody in another', async () => {
    const other = await tenant(world)
    const answer = await post(tokenOf(other), own(t))
    expect(answer.body).toMatchObject({ error: 'invalid_client' })
    expect((await world.events(other.zone)).at(-1)?.body.reason).toBe('client_unknown')
  })

  test('a resource of one zone is unknown in another, by id as by identifier', async () => {
    const other = await tenant(world)
    const id = await world.change(other.zone, (tx) =>
      addResource(tx, 'Secret', 'https://secret.example'),
    )
    for (const resource of [id.id, id.identifier])
      expect((await post(tokenOf(t), own(t, { resource }))).body['reason']).toBe('resource_unknown')
  })

  test('1,000 interleaved exchanges of two tenants never mix', async () => {
    const other = await tenant(world)
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async (_, n) => {
        const mine = n % 2 === 0 ? t : other
        const { body } = await post(tokenOf(mine), own(mine))
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
  const good = await post(tokenOf(t), form, { authorization: basic(t.secret) })
  expect(good.status).toBe(200)
  for (const authorization of [
    basic('nope'),
    'Basic !!',
    'Basic',
    'Bearer x',
    'Basic OnNlY3JldA==',
  ]) {
    const bad = await post(tokenOf(t), form, { authorization })
    expect(bad.status).toBe(401)
    expect(bad.body['error']).toBe('invalid_client')
    expect(bad.headers.get('www-authenticate')).toMatch(/^Basic /)
  }
})

test('a client authenticates in one way, as itself', async () => {
  const authorization = `Basic ${Buffer.from(`${t.application}:${t.secret}`).toString('base64')}`
  expect((await post(tokenOf(t), own(t), { authorization })).body['reason']).toBe(
    'several_client_authentications',
  )
  const { client_secret: _, ...form } = own(t, { client_id: `app_${'0'.repeat(26)}` })
  expect((await post(tokenOf(t), form, { authorization })).body['reason']).toBe(
    'client_id_mismatch',
  )
})

test('a second application has what its own grants give', async () => {
  const second = await world.change(t.zone, (tx) => addApplication(tx, 'support-bot'))
  const form = { ...own(t), client_id: second.id, client_secret: second.secret }
  expect((await post(tokenOf(t), form)).body['reason']).toBe('no_grant')
})
