import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { archiveApplication } from '../../src/store/applications.ts'
import { findObject } from '../../src/store/objects.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import {
  addApplication,
  own,
  post,
  startWorld,
  tenant,
  type Answer,
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
    await world.change(other.zone, async (tx) => {
      const row = await findObject(tx.queries, other.zone, 'applications', other.application)
      await archiveApplication(tx, row!)
    })
    world.sts.forgetTrust(other.zone)
    expect((await introspect()).body).toEqual({ active: false })
  })
})
