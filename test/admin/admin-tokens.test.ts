import { statSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHash } from 'node:crypto'
import { expectError, expectRefused } from '../support/refused.ts'
import { freshName, makerIn, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = makerIn(world, 'default')
})

afterAll(() => world[Symbol.asyncDispose]())

const path = '/v1/admin-tokens'

function reads(token: string) {
  return world.call('GET', '/v1/zones/default', undefined, { token })
}

describe('the bootstrap token', () => {
  test('lies in a file that only its owner can read, and is stored as a hash', async () => {
    const file = join(world.service.context.config.home, 'bootstrap-token')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8').trim()).toBe(world.token)
    const rows = await world.sql<{ token_hash: string; zone_id: string | null }>(
      'select token_hash, zone_id from admin_tokens order by id limit 1',
    )
    expect(rows).toEqual([
      { token_hash: createHash('sha256').update(world.token).digest('hex'), zone_id: null },
    ])
  })
})

describe('an admin token', () => {
  test('is shown once, in the answer that made it', async () => {
    const made = await make.adminToken()
    expect(made.token).toMatch(/^cat_[A-Za-z0-9_-]{43}$/)
    expect((await reads(made.token)).status).toBe(200)
    const { items } = await make.call('admin_tokens.list', { limit: 500 })
    expect(JSON.stringify(items)).not.toMatch(/cat_/)
    expect(items.find(({ id }) => id === made.id)).toMatchObject({
      ...{ principal_kind: 'automation', zone_id: null, capabilities: ['read'], revoked_at: null },
      last_used_at: expect.any(String),
    })
  })

  test('stops at once when it is rotated, and its new value goes on', async () => {
    const made = await make.adminToken()
    const rotated = await make.call('admin_tokens.rotate', { admin_token_id: made.id })
    expect(rotated).toMatchObject({ id: made.id, revision: made.revision + 1 })
    expectError(await reads(made.token), 'invalid_admin_token')
    expect((await reads(rotated.token)).status).toBe(200)
  })

  test('stops at once when it is revoked, and cannot be brought back', async () => {
    const made = await make.adminToken()
    expect((await world.call('DELETE', `${path}/${made.id}`)).status).toBe(204)
    await expectRefused(world, 'invalid_admin_token', () => reads(made.token))
    await expectRefused(world, 'archived', () => world.call('DELETE', `${path}/${made.id}`))
    await expectRefused(world, 'archived', () => world.call('POST', `${path}/${made.id}/rotate`))
  })

  test('that has expired cannot be rotated into a new life', async () => {
    const expires_at = new Date(world.now() + 60_000).toISOString()
    const made = await make.call('admin_tokens.create', {
      ...{ principal_name: freshName('short'), principal_kind: 'person' },
      ...{ capabilities: ['read'], expires_at },
    })
    world.pass(60_000)
    await expectRefused(world, 'archived', () => world.call('POST', `${path}/${made.id}/rotate`))
  })

  test('of the same person belongs to the same principal, whatever the case', async () => {
    const principal = async (principal_name: string, principal_kind: 'person' | 'automation') =>
      (
        await make.call('admin_tokens.create', {
          ...{ principal_name, principal_kind, capabilities: ['read'] },
        })
      ).principal_id
    const alice = await principal('Alice', 'person')
    expect(await principal('ＡＬＩＣＥ ', 'person')).toBe(alice)
    expect(await principal('Alice', 'automation')).not.toBe(alice)
  })

  test('notes its last use, at most once a minute', async () => {
    const made = await make.adminToken()
    const lastUsed = async () =>
      (await make.call('admin_tokens.list', { limit: 500 })).items.find(({ id }) => id === made.id)
        ?.last_used_at
    await reads(made.token)
    const first = await lastUsed()
    world.pass(30_000)
    await reads(made.token)
    expect(await lastUsed()).toBe(first)
    world.pass(31_000)
    await reads(made.token)
    expect(await lastUsed()).not.toBe(first)
  })

  test.each([
    ['invalid_body', { capabilities: [] }],
    ['invalid_body', { capabilities: ['read', 'read'] }],
    ['invalid_body', { capabilities: ['root'] }],
    ['invalid_body', { principal_kind: 'platform' }],
    ['invalid_body', { expires_at: '2020-01-01T00:00:00Z' }],
    ['zone_not_found', { zone_id: 'zone_01h455vb4pex5vsknk084sn02q' }],
    ['reserved_namespace', { principal_name: 'Caracal.sys' }],
  ] as const)('is refused as %s with %j', async (code, wrong) => {
    const body = { principal_name: 'a', principal_kind: 'person', capabilities: ['read'], ...wrong }
    await expectRefused(world, code, () => world.call('POST', path, body))
  })

  test('of a zone cannot own the platform', async () => {
    const { zone } = await newZone(world)
    const body = {
      ...{ principal_name: 'a', principal_kind: 'person', capabilities: ['owner'], zone_id: zone },
    }
    await expectRefused(world, 'capability_escalation', () => world.call('POST', path, body))
  })

  test('that is not there is refused', async () => {
    const one = `${path}/adm_01h455vb4pex5vsknk084sn02q`
    await expectRefused(world, 'not_found', () => world.call('DELETE', one))
    await expectRefused(world, 'not_found', () => world.call('POST', `${one}/rotate`))
  })
})

describe('the last owner', () => {
  test('cannot be revoked, nor can two owners revoke each other at once', async () => {
    await using fresh = await startWorld()
    const [first] = (await fresh.call('GET', path)).body.items
    const second = await fresh.admin.adminTokens.create({
      ...{ principal_name: 'second', principal_kind: 'person', capabilities: ['owner'] },
    })
    const answers = await Promise.all([
      fresh.call('DELETE', `${path}/${second.id}`),
      fresh.call('DELETE', `${path}/${first.id}`, undefined, { token: second.token }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409])
    const survivor = answers[0].status === 204 ? fresh.token : second.token
    const { body } = await fresh.call('GET', path, undefined, { token: survivor })
    const tokens: { id: string; revoked_at: string | null }[] = body.items
    const left = tokens.find(({ revoked_at }) => revoked_at === null)
    await expectRefused(fresh, 'last_owner', () =>
      fresh.call('DELETE', `${path}/${left?.id ?? ''}`, undefined, { token: survivor }),
    )
  })
})
