import { createHmac, generateKeyPairSync, sign as signWith } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/kernel/ids.ts'
import { openPrivateKey } from '../../src/kernel/signing-key.ts'
import { zoneKeyPurpose } from '../../src/store/zone-keys.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import {
  exchange,
  own,
  post,
  session,
  startWorld,
  tenant,
  type StsWorld,
  type Tenant,
} from '../sts/sts-world.ts'

/**
 * Guarantee (security.md): a token that another algorithm, key, zone, type or use has made, or that
 * is not of this time, is no mandate, and is refused with the exact reason.
 */
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
