import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import {
  addApplication,
  addGrant,
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
let client: string
const keys = await generateKeyPair('ES256', { extractable: true })
const strangers = await generateKeyPair('ES256')
const strangerJwk = await exportJWK(strangers.publicKey)

beforeAll(async () => {
  database = await freshDatabase()
  world = await startWorld(database.connection)
  t = await tenant(world)
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', kty: 'EC' }
  client = await world.change(t.zone, async (tx) => {
    const { id } = await addApplication(tx, 'signing-agent', { jwks: { keys: [jwk] } })
    await addGrant(tx, id, t.resource.id, ['invoices:read'])
    return id
  })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

function seconds(): number {
  return Math.floor(world.now() / 1_000)
}

function assertion(
  claims: JWTPayload = {},
  key: Parameters<SignJWT['sign']>[0] = keys.privateKey,
  header: Record<string, unknown> = {},
): Promise<string> {
  const all = {
    iss: client,
    sub: client,
    aud: t.issuer,
    iat: seconds(),
    exp: seconds() + 30,
    jti: randomUUID(),
    ...claims,
  }
  return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header }).sign(key)
}

function ask(
  clientAssertion: string,
  more: Record<string, string> = {},
  issuer = t.issuer,
): Promise<Answer> {
  return post(`${issuer}/oauth2/token`, {
    grant_type: 'client_credentials',
    resource: t.resource.identifier,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: clientAssertion,
    ...more,
  })
}

describe('private_key_jwt', () => {
  test.each([
    ['the issuer', () => t.issuer],
    ['the token endpoint', () => `${t.issuer}/oauth2/token`],
    ['several audiences, one of them right', () => ['https://other.example', t.issuer]],
  ])('authenticates with an assertion for %s', async (_name, aud) => {
    const { status, body } = await ask(await assertion({ aud: aud() }))
    expect({ status, scope: body.scope }).toEqual({ status: 200, scope: 'invoices:read' })
  })

  const refused: readonly [string, () => Promise<string>, string][] = [
    ['signed by a stranger', () => assertion({}, strangers.privateKey), 'assertion_signature'],
    ['expired', () => assertion({ exp: seconds() - 10 }), 'assertion_expired'],
    ['for longer than a minute', () => assertion({ exp: seconds() + 120 }), 'assertion_too_long'],
    ['for another zone', () => assertion({ aud: `${world.url}/zones/other` }), 'assertion_claims'],
    ['for nobody', () => assertion({ aud: [] }), 'assertion_claims'],
    ['by another issuer', () => assertion({ iss: 'https://evil.example' }), 'assertion_claims'],
    ['without a jti', () => assertion({ jti: undefined as never }), 'assertion_claims'],
    ['with an empty jti', () => assertion({ jti: '' }), 'assertion_claims'],
    ['with a jti without end', () => assertion({ jti: 'x'.repeat(300) }), 'assertion_claims'],
    ['without an end', () => assertion({ exp: undefined as never }), 'assertion_claims'],
    ['issued in the future', () => assertion({ iat: seconds() + 60 }), 'assertion_claims'],
    ['that was made to be a mandate', () => typed('at+jwt'), 'assertion_type'],
    ['that was made to be a DPoP proof', () => typed('dpop+jwt'), 'assertion_type'],
    ['with a key of its own', () => ofStranger({ jwk: strangerJwk }), 'assertion_signature'],
    ['with a place of keys', () => ofStranger({ jku: world.url }), 'assertion_signature'],
    ['with certificates', () => ofStranger({ x5u: world.url, x5c: ['AA'] }), 'assertion_signature'],
    ['with another kid', () => headed({ kid: 'k2' }), 'assertion_key_unknown'],
    ['with a kid that climbs', () => headed({ kid: '../../k1' }), 'assertion_key_unknown'],
    ['with a prototype as kid', () => headed({ kid: '__proto__' }), 'assertion_key_unknown'],
    ['with the public key as a secret', () => bySecret(), 'assertion_algorithm'],
    ['with an extension it insists on', () => insistent(), 'assertion_algorithm'],
    [
      'of another subject',
      () => assertion({ sub: client, iss: t.application }),
      'assertion_claims',
    ],
    ['for a longer path', () => assertion({ aud: `${t.issuer}/` }), 'assertion_claims'],
    ['for a shorter path', () => assertion({ aud: world.url }), 'assertion_claims'],
    ['with a number as jti', () => assertion({ jti: 7 as never }), 'assertion_claims'],
    ['with an end in words', () => assertion({ exp: 'soon' as never }), 'assertion_claims'],
    ['with a beginning in words', () => assertion({ iat: 'now' as never }), 'assertion_claims'],
    ['without end in years', () => assertion({ exp: 1e15 }), 'assertion_too_long'],
    ['not valid yet', () => assertion({ nbf: seconds() + 60 }), 'assertion_claims'],
  ]
  test.each(refused)('refuses an assertion %s', async (_name, make, reason) => {
    const answer = await ask(await make())
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect((await world.events(t.zone)).at(-1)).toMatchObject({
      outcome: 'deny',
      application_id: client,
      body: { reason },
    })
  })

  const headed = (header: Record<string, unknown>) => assertion({}, keys.privateKey, header)
  const typed = (typ: string) => headed({ typ })
  const ofStranger = (header: Record<string, unknown>) =>
    assertion({}, strangers.privateKey, header)

  /** RFC 8725 section 2.1: the public key, taken for the secret of an HMAC. */
  async function bySecret(): Promise<string> {
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(keys.publicKey)))
    return assertion({}, secret, { alg: 'HS256' })
  }

  /** A header that names an extension as critical, which no signer here would make. */
  async function insistent(): Promise<string> {
    const [, payload, signature] = (await assertion()).split('.')
    return [encode({ alg: 'ES256', kid: 'k1', crit: ['x'], x: 1 }), payload, signature].join('.')
  }

  test('takes an assertion once, from however many callers at once, on two replicas', async () => {
    await using second = await startWorld(database.connection, world.masterKey)
    second.serveAs(world.url)
    const one = await assertion()
    const urls = [t.issuer, `${second.url}/zones/${t.zone}`]
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => ask(one, {}, urls[n % urls.length])),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect((await ask(one)).body['reason']).toBe('assertion_replayed')
  })

  test('the same jti of another client is another use', async () => {
    const jti = randomUUID()
    expect((await ask(await assertion({ jti }))).status).toBe(200)
    const second = await world.change(t.zone, async (tx) => {
      const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', kty: 'EC' }
      return addApplication(tx, 'another', { jwks: { keys: [jwk] } })
    })
    const answer = await ask(await assertion({ iss: second.id, sub: second.id, jti }))
    expect(answer.body['reason']).toBe('no_grant')
  })

  test.each([
    ['alg none', `${encode({ alg: 'none' })}.${encode({ sub: 'x' })}.`],
    ['no JWT', 'x.y'],
    ['a JWT without a subject', `${encode({ alg: 'ES256' })}.${encode({})}.AA`],
  ])('refuses %s', async (_name, token) => {
    expect(await ask(token)).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })

  test('refuses a mandate as an assertion', async () => {
    const mandate = (await post(`${t.issuer}/oauth2/token`, own(t))).body.access_token
    expect((await ask(mandate)).status).toBe(401)
  })

  test('knows no other type of assertion', async () => {
    const answer = await ask(await assertion(), { client_assertion_type: 'urn:saml' })
    expect(answer.body['reason']).toBe('client_assertion_type_unknown')
  })

  test('is not to be had with a secret, nor a secret with an assertion', async () => {
    const answer = await post(`${t.issuer}/oauth2/token`, {
      ...own(t),
      client_id: client,
      client_secret: 'cs_x',
    })
    expect(answer.status).toBe(401)
    expect((await world.events(t.zone)).at(-1)?.body.reason).toBe('client_method_mismatch')
    const other = await ask(await assertion({ iss: t.application, sub: t.application }))
    expect(other.status).toBe(401)
    expect((await world.events(t.zone)).at(-1)?.body.reason).toBe('client_method_mismatch')
  })
})

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
