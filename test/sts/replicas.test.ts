import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createZoneKey } from '../../src/store/zone-keys.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { own, post, startWorld, tenant, type StsWorld, type Tenant } from './sts-world.ts'

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

describe('two replicas', () => {
  test('what one revokes, the other refuses within a second', async () => {
    await using second = await startWorld(database.connection, world.masterKey)
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
    await using second = await startWorld(database.connection, world.masterKey)
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
    await using later = await startWorld(database.connection, world.masterKey)
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
