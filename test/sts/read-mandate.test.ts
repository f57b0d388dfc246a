import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId, type Id } from '../../src/kernel/ids.ts'
import { conversation, person, read } from './control-rows.ts'
import { revokeToken } from '../../src/store/principals.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import {
  insertZone,
  own,
  post,
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
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

beforeEach(async () => {
  t = await tenant(world)
})

describe('a read mandate', () => {
  test('carries what the person may read, for five minutes, in the one zone', async () => {
    const ada = await person(world, ['read'], t.zone)
    const id = await conversation(world, t, ada, { mode: 'ask' })
    const token = await read(world, id)
    expect(decodeJwt(token)).toMatchObject({
      use: 'control',
      iss: `${world.url}/zones/${world.system.zone}`,
      aud: [`${world.url}/v1`],
      sub: ada.principal,
      sub_type: 'person',
      act: { sub: world.system.operator },
      client_id: world.system.operator,
      target: [t.zone],
      conversation: id,
      requester_token: ada.token,
    })
    const mandate = await world.sts.verifyControl(token)
    expect(mandate).toMatchObject({
      clientId: world.system.operator,
      principalId: ada.principal,
      target: t.zone,
      plan: null,
      conversationId: id,
      requesterTokenId: ada.token,
    })
    expect(mandate.scopes).toContain('grants:read')
    expect(mandate.scopes.filter((scope) => !scope.endsWith(':read'))).toEqual([])
    expect(mandate.scopes).not.toContain('audit:read')
    expect(mandate.expiresAtMs - world.now()).toBeLessThanOrEqual(300_000)
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      type: 'token.read_mandate',
      outcome: 'allow',
      application_id: world.system.operator,
      body: { on_behalf_of: { id: ada.principal }, mandate_jti: mandate.jti },
    })
  })

  test.each([
    ['ask', ['write'], false],
    ['agent', ['write'], true],
    ['agent', ['owner'], true],
    ['agent', ['read'], false],
  ] as const)('in mode %s, of %s, proposes: %s', async (mode, capabilities, proposes) => {
    const token = await read(
      world,
      await conversation(world, t, await person(world, [...capabilities]), { mode }),
    )
    const { scopes } = await world.sts.verifyControl(token)
    expect(scopes.includes('plans:propose')).toBe(proposes)
    const beyond = scopes.filter((scope) => !scope.endsWith(':read') && scope !== 'plans:propose')
    expect(beyond).toEqual([])
    expect(scopes).not.toContain('admin_tokens:read')
  })

  test('reads the audit log only for who may', async () => {
    const token = await read(world, await conversation(world, t, await person(world, ['audit'])))
    expect((await world.sts.verifyControl(token)).scopes).toEqual(['audit:read'])
  })

  const refused: readonly [string, () => Promise<Id<'conversation'>>, string][] = [
    [
      'in a system zone',
      async () => {
        const zone = newId('zone', world.now())
        await world.change('*', (tx) => insertZone(tx, zone, `s-${zone.slice(-12)}`, true))
        return conversation(world, t, await person(world, ['owner']), { zone })
      },
      'system_zone_refused',
    ],
    [
      'in caracal.sys itself',
      async () =>
        conversation(world, t, await person(world, ['owner']), { zone: world.system.zone }),
      'system_zone_refused',
    ],
    [
      'in an archived zone',
      async () => {
        await world.rows('update zones set archived_at = now() where id = $1', [t.zone])
        return conversation(world, t, await person(world, ['owner']))
      },
      'zone_archived',
    ],
    [
      'on a revoked admin token',
      async () => {
        const ada = await person(world, ['read'])
        await world.rows('update admin_tokens set revoked_at = now() where id = $1', [ada.token])
        return conversation(world, t, ada)
      },
      'requester_token_not_live',
    ],
    [
      'on an expired admin token',
      async () => {
        const ada = await person(world, ['read'])
        await world.rows(`update admin_tokens set expires_at = now() where id = $1`, [ada.token])
        return conversation(world, t, ada)
      },
      'requester_token_not_live',
    ],
    [
      'on a token of another zone',
      async () => conversation(world, t, await person(world, ['read'], (await tenant(world)).zone)),
      'requester_zone_mismatch',
    ],
    [
      'on somebody else’s token',
      async () =>
        conversation(world, t, await person(world, ['read']), { principal: newId('principal', 1) }),
      'requester_token_mismatch',
    ],
    [
      'for who may only approve',
      async () => conversation(world, t, await person(world, ['approve'])),
      'nothing_requested',
    ],
    [
      'for a conversation that does not exist',
      () => Promise.resolve(newId('conversation', 1)),
      'subject_token_unknown',
    ],
  ]
  test.each(refused)('is refused %s', async (_name, make, reason) => {
    const id = await make()
    await expect(read(world, id)).rejects.toMatchObject({ details: { reason } })
  })

  test('is refused with the code of its reason where there is one', async () => {
    const id = await conversation(world, t, await person(world, ['owner']), {
      zone: world.system.zone,
    })
    await expect(read(world, id)).rejects.toMatchObject({
      code: 'system_zone_refused',
      status: 403,
    })
    expect((await world.events(world.system.zone)).at(-1)).toMatchObject({
      type: 'token.read_mandate',
      outcome: 'deny',
      body: { reason: 'system_zone_refused' },
    })
  })

  test('ends with the admin token behind it', async () => {
    const ada = await person(world, ['read'])
    const token = await read(world, await conversation(world, t, ada))
    await world.sts.verifyControl(token)
    await world.change(world.system.zone, (tx) => revokeToken(tx, ada.token))
    world.sts.forgetTrust(world.system.zone)
    await expect(world.sts.verifyControl(token)).rejects.toMatchObject({
      code: 'invalid_mandate',
      details: { reason: 'revoked' },
    })
  })

  test('is not for a tenant’s application, whatever it claims', async () => {
    const answer = await post(`${world.url}/zones/${world.system.zone}/oauth2/token`, {
      ...own(t),
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:caracal:params:oauth:token-type:conversation',
      subject_token: await conversation(world, t, await person(world, ['owner'])),
    })
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })
})

test('a resource mandate of a tenant is no control mandate', async () => {
  const { body } = await post(`${t.issuer}/oauth2/token`, own(t))
  await expect(world.sts.verifyControl(body.access_token)).rejects.toMatchObject({
    code: 'invalid_mandate',
    details: { reason: 'wrong_issuer' },
  })
})

test('a session of the Operator is no control mandate', async () => {
  const id = await conversation(world, t, await person(world, ['read']))
  const token = await read(world, id)
  const answer = await post(`${t.issuer}/oauth2/introspect`, { ...own(t), token })
  expect(answer.body).toEqual({ active: false })
})
