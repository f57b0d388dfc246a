import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/kernel/limits.ts'
import { createZoneKey, publishNextKey } from '../../src/store/zone-keys.ts'
import { turnKeys } from '../../src/sts/upkeep.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { own, post, startWorld, tenant, type StsWorld, type Tenant } from './sts-world.ts'

let database: FreshDatabase
let first: StsWorld
let second: StsWorld

beforeAll(async () => {
  database = await freshDatabase()
  first = await startWorld(database.connection)
  second = await startWorld(database.connection, first.masterKey)
  second.serveAs(first.url)
})
afterAll(async () => {
  await second[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

function pass(ms: number): void {
  for (const world of [first, second]) world.pass(ms)
}

function publish(t: Tenant): Promise<{ readonly kid: string }> {
  return first.change(t.zone, (tx) => publishNextKey(tx.queries, first.vault, t.zone, tx.now))
}

/** The upkeep of both replicas, at the same moment. */
async function upkeep(): Promise<void> {
  await Promise.all([first, second].map(({ context }) => turnKeys(context)))
}

async function jwksOf({ issuer }: Tenant): Promise<JSONWebKeySet> {
  return (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as JSONWebKeySet
}

async function kids(t: Tenant): Promise<readonly (string | undefined)[]> {
  return (await jwksOf(t)).keys.map(({ kid }) => kid)
}

function kidOf(token: string): string {
  const [header = ''] = token.split('.')
  return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid
}

/** A resource server that keeps the JWKS for as long as it may and asks no sooner. */
function resourceServer(t: Tenant): { believes(token: string): Promise<boolean> } {
  let kept: { readonly at: number; readonly jwks: JSONWebKeySet } | undefined
  return {
    async believes(token) {
      const isOld = (at: number): boolean => first.now() - at >= limits.jwksMaxAgeSeconds * 1_000
      if (kept === undefined || isOld(kept.at)) kept = { at: first.now(), jwks: await jwksOf(t) }
      const currentDate = new Date(first.now())
      return jwtVerify(token, createLocalJWKSet(kept.jwks), { currentDate }).then(
        () => true,
        () => false,
      )
    },
  }
}

describe('keys turn without a mandate being refused', () => {
  test('through four rotations, on two replicas, under traffic', { timeout: 120_000 }, async () => {
    const t = await tenant(first)
    const replicas = [first, second].map(({ url }) => `${url}/zones/${t.zone}/oauth2`)
    const elsewhere = resourceServer(t)
    const alive: string[] = []
    const signedWith = new Set<string>()
    const refusals: unknown[] = []
    const stepSeconds = 30
    for (let step = 0; step < 32; step += 1) {
      if (step % 8 === 0) await publish(t)
      const rounds = replicas.map(async (base) => {
        const { status, body } = await post(`${base}/token`, own(t))
        if (status !== 200) refusals.push(body)
        else {
          alive.push(body.access_token)
          signedWith.add(kidOf(body.access_token))
        }
      })
      await Promise.all([upkeep(), ...rounds])
      const still = alive.filter((token) => (decodeJwt(token).exp ?? 0) * 1_000 > first.now())
      const checks = still.map(async (token, n) => {
        if (!(await elsewhere.believes(token))) refusals.push(['elsewhere', step, kidOf(token)])
        const there = `${String(replicas[n % 2])}/introspect`
        const { body } = await post(there, { ...own(t), token })
        if (body['active'] !== true) refusals.push(['introspection', step, kidOf(token)])
      })
      await Promise.all(checks)
      pass(stepSeconds * 1_000)
    }
    expect(refusals).toEqual([])
    expect(signedWith.size).toBe(5)
    expect((await kids(t)).length).toBeLessThanOrEqual(6)
  })

  test('a new key is published before it signs, and then signs everywhere', async () => {
    const t = await tenant(first)
    const [old] = await kids(t)
    const { kid } = await publish(t)
    pass(1_000)
    await upkeep()
    const bases = [first, second].map(({ url }) => `${url}/zones/${t.zone}/oauth2/token`)
    const signs = () =>
      Promise.all(bases.map(async (base) => kidOf((await post(base, own(t))).body.access_token)))
    await expect.poll(() => kids(t)).toEqual([kid, old])
    expect(await signs()).toEqual([old, old])
    pass(limits.keyPublishingSeconds * 1_000)
    await upkeep()
    expect(await signs()).toEqual([kid, kid])
    expect((await first.events(t.zone)).filter(({ type }) => type === 'key.activate')).toHaveLength(
      1,
    )
  })

  test('a retired key is destroyed when nothing it signed can be alive', async () => {
    const t = await tenant(first)
    const count = async (): Promise<number> =>
      (await first.rows('select id from zone_keys where zone_id = $1', [t.zone])).length
    await first.change(t.zone, (tx) => createZoneKey(tx.queries, first.vault, t.zone, tx.now))
    pass(limits.mandateTtlSeconds * 1_000)
    await upkeep()
    expect(await count()).toBe(2)
    pass(180_000)
    await upkeep()
    expect(await count()).toBe(1)
  })
})
