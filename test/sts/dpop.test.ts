import { createHash, randomUUID } from 'node:crypto'
import { decodeJwt, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'
import { proofKey } from './dpop-proofs.ts'
import {
  addApplication,
  addGrant,
  own,
  post,
  startWorld,
  tenant,
  tokenOf,
  type Answer,
  type StsWorld,
  type Tenant,
} from './sts-world.ts'

let database: FreshDatabase
let world: StsWorld
let t: Tenant
const key = await proofKey()
const stranger = await proofKey()
// eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated to stand out, not to go
const insecure = { [oauth.allowInsecureRequests]: true }

beforeAll(async () => {
  database = await freshDatabase()
  world = await startWorld(database.connection)
  t = await tenant(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

function seconds(): number {
  return Math.floor(world.now() / 1_000)
}

/** A proof for the token endpoint; `claims` and `header` replace what a right one says. */
function prove(
  claims: JWTPayload = {},
  { by = key, header = {} }: { by?: typeof key; header?: Record<string, unknown> } = {},
): Promise<string> {
  return by.prove({ htu: tokenOf(t), iat: seconds(), ...claims }, header)
}

function ask(dpop: string, form: Record<string, string> = own(t)): Promise<Answer> {
  return post(tokenOf(t), form, { dpop })
}

/** A session mandate bound to the key. */
async function boundSession(): Promise<string> {
  const { resource: _, ...form } = own(t)
  return (await ask(await prove(), form)).body.access_token
}

function exchangeOf(subjectToken: string): Record<string, string> {
  return {
    ...own(t),
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: subjectToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  }
}

/** Expects the refusal, with its one event, and that no mandate was made. */
async function expectRefused(answer: () => Promise<Answer>, reason: string): Promise<void> {
  const before = (await world.events(t.zone)).length
  const { status, body } = await answer()
  expect({ status, error: body['error'], reason: body['reason'] }).toEqual({
    status: 400,
    error: 'invalid_dpop_proof',
    reason,
  })
  const events = await world.events(t.zone)
  expect(events).toHaveLength(before + 1)
  expect(events.at(-1)).toMatchObject({ outcome: 'deny', body: { reason, mandate_jti: null } })
}

describe('a proof binds the mandate to its key', () => {
  test.each(['ES256', 'ES384', 'PS256', 'EdDSA', 'RS256'])('signed with %s', async (alg) => {
    const other = await proofKey(alg)
    const { status, body } = await ask(await prove({}, { by: other }))
    expect({ status, type: body['token_type'] }).toEqual({ status: 200, type: 'DPoP' })
    expect(decodeJwt(body.access_token)['cnf']).toEqual({ jkt: other.jkt })
    expect((await world.events(t.zone)).at(-1)?.body.diagnostics['jkt']).toBe(other.jkt)
  })

  test('and introspection tells of it', async () => {
    const { body } = await ask(await prove())
    const told = await post(`${t.issuer}/oauth2/introspect`, {
      ...own(t),
      token: body.access_token,
    })
    expect(told.body).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: key.jkt } })
  })

  test.each([
    ['the slug of the zone', () => `${world.url}/zones/${t.slug}/oauth2/token`],
    ['a query and a fragment', () => `${tokenOf(t)}?a=b#c`],
    ['a scheme in capitals', () => tokenOf(t).replace('http', 'HTTP')],
  ])('for an htu with %s', async (_name, htu) => {
    const answer = await post(`${world.url}/zones/${t.slug}/oauth2/token`, own(t), {
      dpop: await prove({ htu: htu() }),
    })
    expect(answer.status).toBe(200)
  })

  test('as a client of another make sends it', async () => {
    const metadata = await oauth.processDiscoveryResponse(
      new URL(t.issuer),
      await oauth.discoveryRequest(new URL(t.issuer), {
        algorithm: 'oauth2',
        ...insecure,
      }),
    )
    expect(metadata.dpop_signing_alg_values_supported).toContain('ES256')
    const client: oauth.Client = { client_id: t.application }
    const pair = await oauth.generateKeyPair('ES256')
    const answer = await oauth.clientCredentialsGrantRequest(
      metadata,
      client,
      oauth.ClientSecretBasic(t.secret),
      { resource: t.resource.identifier },
      { DPoP: oauth.DPoP(client, pair), ...insecure },
    )
    const token = await oauth.processClientCredentialsResponse(metadata, client, answer)
    expect(token.token_type).toBe('dpop')
  })
})

describe('a proof that proves nothing', () => {
  const resigned = async (header: object): Promise<string> => {
    const secret = new TextEncoder().encode('a secret of thirty-two characters')
    return new SignJWT({ htm: 'POST', htu: tokenOf(t), iat: seconds(), jti: randomUUID() })
      .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', ...header })
      .sign(secret)
  }
  const cases: readonly [string, () => Promise<string>, string][] = [
    ['no JWT', () => Promise.resolve('proof'), 'dpop_proof_malformed'],
    ['two of them', async () => `${await prove()}, ${await prove()}`, 'dpop_proof_malformed'],
    ['without end', () => prove({ x: 'x'.repeat(9_000) }), 'dpop_proof_malformed'],
    ['another type of JWT', () => prove({}, { header: { typ: 'JWT' } }), 'dpop_proof_type'],
    ['alg none', () => Promise.resolve(unsecured()), 'dpop_proof_malformed'],
    ['alg HS256', () => resigned({ jwk: key.publicJwk }), 'dpop_proof_algorithm'],
    ['without a key', () => prove({}, { header: { jwk: undefined } }), 'dpop_proof_key'],
    ['with a private key', () => prove({}, { header: { jwk: key.privateJwk } }), 'dpop_proof_key'],
    [
      'with a symmetric key',
      () => prove({}, { header: { jwk: { kty: 'oct', k: 'AAAA' } } }),
      'dpop_proof_key',
    ],
    [
      'with the key of somebody else',
      () => prove({}, { header: { jwk: stranger.publicJwk } }),
      'dpop_proof_signature',
    ],
    ['a critical extension', () => altered({ crit: ['b64'], b64: true }), 'dpop_proof_signature'],
    ['without htm', () => prove({ htm: undefined }), 'dpop_proof_claims'],
    ['without htu', () => prove({ htu: undefined }), 'dpop_proof_claims'],
    ['without iat', () => prove({ iat: undefined as never }), 'dpop_proof_claims'],
    ['without jti', () => prove({ jti: undefined as never }), 'dpop_proof_claims'],
    ['with an empty jti', () => prove({ jti: '' }), 'dpop_proof_claims'],
    ['with a jti without end', () => prove({ jti: 'x'.repeat(300) }), 'dpop_proof_claims'],
    ['with a number as jti', () => prove({ jti: 7 as never }), 'dpop_proof_claims'],
    ['for another method', () => prove({ htm: 'GET' }), 'dpop_proof_method'],
    ['for the method in small letters', () => prove({ htm: 'post' }), 'dpop_proof_method'],
    ['for another endpoint', () => prove({ htu: `${t.issuer}/oauth2/revoke` }), 'dpop_proof_url'],
    ['for another host', () => prove({ htu: 'https://evil.example/' }), 'dpop_proof_url'],
    ['for no URL', () => prove({ htu: 'token' }), 'dpop_proof_url'],
    [
      'for a URL with a user in it',
      () => prove({ htu: tokenOf(t).replace('http://', 'http://a@') }),
      'dpop_proof_url',
    ],
    ['from the future', () => prove({ iat: seconds() + 30 }), 'dpop_proof_in_future'],
    ['too old', () => prove({ iat: seconds() - 90 }), 'dpop_proof_expired'],
    ['that ended', () => prove({ exp: seconds() - 10 }), 'dpop_proof_expired'],
    ['that begins later', () => prove({ nbf: seconds() + 60 }), 'dpop_proof_claims'],
    ['with the hash of no token', () => prove({ ath: 'x' }), 'dpop_proof_token'],
  ]
  test.each(cases)('%s', async (_name, make, reason) => {
    await expectRefused(async () => ask(await make()), reason)
  })

  /** A right proof whose header says something else than was signed. */
  async function altered(more: object): Promise<string> {
    const [, payload, signature] = (await prove()).split('.')
    const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: key.publicJwk, ...more }
    const encoded = Buffer.from(JSON.stringify(header)).toString('base64url')
    return [encoded, payload, signature].join('.')
  }

  function unsecured(): string {
    return new UnsecuredJWT({ htm: 'POST', htu: tokenOf(t) }).setJti(randomUUID()).encode()
  }

  test('is found out after the client is: a stranger learns nothing of proofs', async () => {
    const answer = await ask('x', own(t, { client_secret: 'cs_wrong' }))
    expect(answer.body).toMatchObject({ error: 'invalid_client' })
  })
})

describe('a proof serves once', () => {
  test('of eight at once one is taken, on two replicas', async () => {
    await using second = await startWorld(database.connection, world.masterKey)
    second.serveAs(world.url)
    const there = `${second.url}/zones/${t.zone}/oauth2/token`
    const dpop = await prove()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => post(n % 2 === 0 ? tokenOf(t) : there, own(t), { dpop })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const reasons = answers.flatMap(({ status, body }) => (status === 200 ? [] : [body['reason']]))
    expect(new Set(reasons)).toEqual(new Set(['dpop_proof_replayed']))
    await expectRefused(() => ask(dpop), 'dpop_proof_replayed')
  })

  test('the same jti of another key is another proof', async () => {
    const jti = randomUUID()
    expect((await ask(await prove({ jti }))).status).toBe(200)
    expect((await ask(await prove({ jti }, { by: stranger }))).status).toBe(200)
  })
})

describe('a bound mandate', () => {
  test('exchanges with a proof of its key, and stays bound', async () => {
    const subject = await boundSession()
    const ath = createHash('sha256').update(subject).digest('base64url')
    for (const claims of [{}, { ath }]) {
      const { status, body } = await ask(await prove(claims), exchangeOf(subject))
      expect({ status, type: body['token_type'] }).toEqual({ status: 200, type: 'DPoP' })
      expect(decodeJwt(body.access_token)['cnf']).toEqual({ jkt: key.jkt })
    }
  })

  test('exchanges neither without a proof, nor with one of another key or token', async () => {
    const subject = await boundSession()
    const form = exchangeOf(subject)
    await expectRefused(() => post(tokenOf(t), form), 'dpop_proof_missing')
    await expectRefused(
      async () => ask(await prove({}, { by: stranger }), form),
      'dpop_key_mismatch',
    )
    const ath = createHash('sha256').update('another').digest('base64url')
    await expectRefused(async () => ask(await prove({ ath }), form), 'dpop_proof_token')
  })

  test('one that is not bound may become so', async () => {
    const { resource: _, ...form } = own(t)
    const subject = (await post(tokenOf(t), form)).body.access_token
    const { body } = await ask(await prove(), exchangeOf(subject))
    expect(decodeJwt(body.access_token)['cnf']).toEqual({ jkt: key.jkt })
  })
})

test('a client that is registered for DPoP gets nothing without', async () => {
  const form = await world.change(t.zone, async (tx) => {
    const { id, secret } = await addApplication(tx, 'bound-agent', { dpopRequired: true })
    await addGrant(tx, id, t.resource.id, ['invoices:read'])
    return own(t, { client_id: id, client_secret: secret })
  })
  await expectRefused(() => post(tokenOf(t), form), 'dpop_proof_missing')
  expect((await ask(await prove(), form)).body['token_type']).toBe('DPoP')
})
