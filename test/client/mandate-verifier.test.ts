import { createHmac, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MandateVerifier } from '../../src/client/verifier/mandate-verifier.ts'
import { refusals, type MandateRefusalCode } from '../../src/client/verifier/refusals-table.ts'
import {
  adapters,
  es256,
  freshKey,
  signingKeyOf,
  startVerifierWorld,
  type Forge,
  type ResourceServer,
  type VerifierWorld,
} from './verifier-world.ts'

let at: VerifierWorld
let verifier: MandateVerifier

beforeAll(async () => {
  at = await startVerifierWorld()
  verifier = at.verifier({ resourceMetadataUrl: 'https://records.example/metadata' })
  await verifier.ready
})
afterAll(async () => {
  await verifier[Symbol.asyncDispose]()
  await at[Symbol.asyncDispose]()
})

const foreign = freshKey()

/** A forged token, or the whole token. */
type Made = () => Forge | string | Promise<Forge | string>

function seconds(): number {
  return Math.floor(at.world.now() / 1_000)
}

const cases: readonly [string, MandateRefusalCode, Made][] = [
  ['nothing like a token', 'malformed', () => 'x'],
  ['three parts that are no JSON', 'malformed', () => 'not.a.jwt'],
  ['8 KB and more', 'malformed', () => ({ claims: { filler: 'x'.repeat(9_000) } })],
  ['a scope that is no text', 'malformed', () => ({ claims: { scope: ['records:read'] } })],
  ['a binding of another kind', 'malformed', () => ({ claims: { cnf: { 'x5t#S256': 'x' } } })],
  ['alg none', 'malformed', () => ({ header: { alg: 'none' }, sign: () => Buffer.alloc(0) })],
  ['alg none with some signature', 'wrong_algorithm', () => ({ header: { alg: 'none' } })],
  [
    'HS256 with the public key as its secret',
    'wrong_algorithm',
    async () => {
      const { keys } = (await (await fetch(`${at.issuer}/.well-known/jwks.json`)).json()) as {
        keys: object[]
      }
      const secret = JSON.stringify(keys[0])
      return {
        header: { alg: 'HS256' },
        sign: (input) => createHmac('sha256', secret).update(input).digest(),
      }
    },
  ],
  ['a critical extension', 'wrong_algorithm', () => ({ header: { crit: ['b64'], b64: false } })],
  ['typ JWT', 'wrong_type', () => ({ header: { typ: 'JWT' } })],
  ['an id_token', 'wrong_type', () => ({ header: { typ: undefined } })],
  ['another issuer', 'wrong_issuer', () => ({ claims: { iss: 'https://evil.example' } })],
  ['another zone in the claims', 'wrong_zone', () => ({ claims: { zone_id: 'zone_x' } })],
  ['kid traversal', 'unknown_key', () => ({ header: { kid: '../../../../dev/null' } })],
  ['kid of a prototype', 'unknown_key', () => ({ header: { kid: '__proto__' } })],
  ['kid that is no text', 'unknown_key', () => ({ header: { kid: { $ne: '' } } })],
  [
    'another zone’s key',
    'unknown_key',
    async () => {
      const zone = await at.world.admin.zones.create({
        name: `other ${randomBytes(4).toString('hex')}`,
      })
      const { key, kid } = await signingKeyOf(at.world, zone.id)
      return { header: { kid }, sign: es256(key) }
    },
  ],
  ['another key under the same kid', 'bad_signature', () => ({ sign: es256(foreign.key) })],
  [
    'a key in the header',
    'bad_signature',
    () => ({ header: { jwk: foreign.jwk }, sign: es256(foreign.key) }),
  ],
  ['a cut signature', 'bad_signature', async () => (await at.mandate()).slice(0, -8)],
  [
    'other claims under the same signature',
    'bad_signature',
    async () => {
      const [header, claims, signature] = (await at.mandate()).split('.')
      const real = JSON.parse(Buffer.from(claims!, 'base64url').toString()) as object
      const more = Buffer.from(JSON.stringify({ ...real, scope: 'records:write' }))
      return [header, more.toString('base64url'), signature].join('.')
    },
  ],
  ['issued in the future', 'issued_in_future', () => ({ claims: { iat: seconds() + 60 } })],
  ['expired', 'expired', () => ({ claims: { exp: seconds() - 10 } })],
  ['another audience', 'wrong_audience', () => ({ claims: { aud: ['https://api.example'] } })],
  ['a session mandate', 'wrong_audience', () => at.mandate(null)],
  ['a session mandate for this audience', 'wrong_use', () => ({ claims: { use: 'session' } })],
  ['a control mandate', 'wrong_use', () => ({ claims: { use: 'control' } })],
  [
    'a bound mandate without its proof',
    'dpop_required',
    () => ({ claims: { cnf: { jkt: 'x'.repeat(43) } } }),
  ],
  [
    'a revoked mandate',
    'revoked',
    async () => {
      const token = await at.mandate()
      await at.revoke(token)
      await untilRefused(token)
      return token
    },
  ],
]

/** Resolves once the verifier has heard of it. */
async function untilRefused(token: string): Promise<void> {
  const facts = { method: 'GET', path: '/', authorization: `Bearer ${token}`, dpop: null }
  await expect
    .poll(() => verifier.verify(facts).then(() => null, codeOf), { timeout: 10_000 })
    .toBe('revoked')
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code
}

describe.each(Object.entries(adapters))('%s', (_name, start) => {
  let server: ResourceServer

  beforeAll(async () => {
    server = await start(verifier)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test.each(cases)('%s is refused as %s', async (_case, code, make) => {
    const made = await make()
    const token = typeof made === 'string' ? made : await at.forge(made)
    const answer = await server.ask('/read', { authorization: `Bearer ${token}` })
    const { message } = refusals[code]
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 401,
      body: { error: 'invalid_token', reason: code, error_description: message },
    })
    const challenge = answer.headers.get('www-authenticate')
    expect(challenge).toContain(`error="invalid_token", error_description="${message}"`)
    expect(challenge).toContain('resource_metadata="https://records.example/metadata"')
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test.each([
    {},
    { authorization: '' },
    { authorization: 'Basic eDp5' },
    { authorization: 'Bearer' },
  ])('no mandate is asked for one, without an error: %j', async (headers) => {
    const answer = await server.ask('/read', headers)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer scope="records:read", resource_metadata="https://records.example/metadata"',
    )
    expect(await answer.json()).toMatchObject({ reason: 'mandate_missing' })
  })

  test('a scope that the mandate lacks is named', async () => {
    const answer = await server.ask('/write', { authorization: `Bearer ${await at.mandate()}` })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toMatch(
      /^Bearer error="insufficient_scope", .*scope="records:write"/,
    )
    expect(await answer.json()).toMatchObject({ error: 'insufficient_scope' })
  })

  test('a mandate with nothing wrong is let through, again and again', async () => {
    const authorization = `bearer ${await at.mandate()}`
    for (let i = 0; i < 3; i += 1) {
      const answer = await server.ask('/read', { authorization })
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({ client: at.application })
    }
  })

  test('a mandate that was let through is refused once it expires', async () => {
    const exp = seconds() + 1
    const authorization = `Bearer ${await at.forge({ claims: { exp } })}`
    expect((await server.ask('/read', { authorization })).status).toBe(200)
    at.world.pass(7_000)
    const answer = await server.ask('/read', { authorization })
    expect(await answer.json()).toMatchObject({ reason: 'expired' })
  })
})
