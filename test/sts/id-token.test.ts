import { decodeJwt, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MandateClaims } from '../../src/sts/claims.ts'
import type { OutputOf } from '../../tools/catalogue.ts'
import {
  clientOfZone,
  startOidcProvider,
  type OidcProvider,
  type Signing,
} from '../support/oidc-provider.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

const tokenType = 'urn:ietf:params:oauth:token-type'
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

let provider: OidcProvider
let world: World
let make: ZoneMaker
let issuer: OutputOf<'subject_issuers.create'>
let application: OutputOf<'applications.create'>

beforeAll(async () => {
  provider = await startOidcProvider(() => world.now())
  world = await startWorld({ network: provider.network })
  make = await newZone(world)
  issuer = await make.call('subject_issuers.create', {
    name: 'people',
    issuer: provider.issuer,
    audience: clientOfZone.id,
    algorithms: ['ES256'],
  })
  application = await make.application()
})

afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await provider[Symbol.asyncDispose]()
})

function exchange(form: Record<string, string>, zone = make.zone): Promise<Answer> {
  return world.oauth(
    'token',
    {
      grant_type: exchangeGrant,
      client_id: application.id,
      client_secret: application.client_secret ?? '',
      subject_token_type: `${tokenType}:id_token`,
      ...form,
    },
    zone,
  )
}

/** The claims of a mandate, which the tests of the STS verify. */
function claimsOf(token: string): MandateClaims {
  return decodeJwt<MandateClaims>(token)
}

async function sessions() {
  return world.sql<{ subject: string; id: string; expires_at: Date; state: string }>(
    `select id, subject, expires_at, state from sessions where zone_id = $1 order by id`,
    [make.zone],
  )
}

describe('an id_token of a subject issuer', () => {
  test('becomes a session of the user without scopes, and the zone has seen the user', async () => {
    const mark = await world.eventCount()
    const { status, body } = await exchange({ subject_token: await provider.idToken() })
    expect(status, JSON.stringify(body)).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', scope: '', expires_in: 600 })
    expect(body.issued_token_type).toBe(`${tokenType}:access_token`)
    const userId = `${issuer.id}:alice`
    const claims = claimsOf(body.access_token)
    expect(claims).toMatchObject({
      ...{ sub: userId, sub_type: 'user', use: 'session', client_id: application.id, target: [] },
      root_sid: claims.sid,
    })
    const [session] = (await sessions()).filter(({ id }) => id === claims.sid)
    expect(session).toMatchObject({ subject: userId, state: 'active' })
    expect(session?.expires_at.getTime()).toBe(claims.exp * 1_000)
    const [event, ...more] = (await world.events(mark)).filter(({ type }) => /^token/.test(type))
    expect([event, more]).toMatchObject([{ type: 'token.id_token', outcome: 'allow' }, []])
    const { items } = await make.call('subjects.list', { user_id: userId })
    expect(items).toMatchObject([
      { user_id: userId, issuer_id: issuer.id, name: 'Alice', revoked_at: null },
    ])
  })

  test('has the same subject every time, and another for another user', async () => {
    const subjectOf = async (sub: string) =>
      claimsOf(
        (await exchange({ subject_token: await provider.idToken({ sub }) })).body.access_token,
      ).sub
    expect(await subjectOf('bob')).toBe(await subjectOf('bob'))
    expect(await subjectOf('bob')).not.toBe(await subjectOf('Bob'))
  })

  test('opens what a grant of the user opens, and nothing of another user', async () => {
    const { resource_id } = await make.grant()
    const grantTo = (user_id: string, scopes: string[]) =>
      make.call('grants.create', { application_id: application.id, resource_id, user_id, scopes })
    await grantTo(`${issuer.id}:alice`, ['invoices:read'])
    await grantTo(`${issuer.id}:bob`, ['invoices:write'])
    const reach = async (sub: string, scope: string) => {
      const session = await exchange({ subject_token: await provider.idToken({ sub }) })
      return exchange({
        subject_token: session.body.access_token,
        subject_token_type: `${tokenType}:access_token`,
        resource: resource_id,
        scope,
      })
    }
    const read = await reach('alice', 'invoices:read')
    expect(read.body).toMatchObject({ scope: 'invoices:read' })
    expect(claimsOf(read.body.access_token)).toMatchObject({
      ...{ sub: `${issuer.id}:alice`, sub_type: 'user', use: 'resource' },
    })
    expect((await reach('alice', 'invoices:write')).body).toMatchObject({
      error: 'access_denied',
      reason: 'grant_user_mismatch',
    })
    expect((await reach('bob', 'invoices:write')).body).toMatchObject({ scope: 'invoices:write' })
    expect((await reach('carol', 'invoices:read')).status).toBe(403)
  })

  test('of a claim that the issuer maps says who the user is', async () => {
    const other = await newZone(world)
    const mapped = await other.call('subject_issuers.create', {
      ...{ name: 'people', issuer: provider.issuer, audience: clientOfZone.id },
      ...{ claims: { subject: 'oid', name: 'mail' } },
    })
    const app = await other.application()
    const { body } = await exchange(
      {
        client_id: app.id,
        client_secret: app.client_secret ?? '',
        subject_token: await provider.idToken({ oid: '42', mail: 'a\u0000lice\n@example.com' }),
      },
      other.zone,
    )
    expect(claimsOf(body.access_token).sub).toBe(`${mapped.id}:42`)
    const { items } = await other.call('subjects.list', {})
    expect(items).toMatchObject([{ name: 'a lice @example.com', live_sessions: 1 }])
  })
})

describe('is refused, and nothing but the event is written', () => {
  async function expectRefused(form: Record<string, string>, reason: string, status = 400) {
    const before = await sessions()
    const mark = await world.eventCount()
    const answer = await exchange(form)
    expect([answer.status, answer.body.reason]).toEqual([status, reason])
    expect(await sessions()).toEqual(before)
    const events = (await world.events(mark)).filter(({ zone_id }) => zone_id === make.zone)
    expect(events).toMatchObject([{ type: 'token.id_token', outcome: 'deny', reason }])
  }

  const now = () => Math.floor(world.now() / 1_000)

  test.each<[string, string, () => Record<string, unknown>, Signing?]>([
    ['of another audience', 'wrong_audience', () => ({ aud: 'another' })],
    ['without an audience', 'claim_missing', () => ({}), { without: ['aud'] }],
    [
      'of several audiences without a party',
      'wrong_party',
      () => ({ aud: [clientOfZone.id, 'b'] }),
    ],
    ['for another party', 'wrong_party', () => ({ azp: 'another' })],
    ['that has expired', 'expired', () => ({ exp: now() - 60 })],
    ['that never expires', 'claim_missing', () => ({}), { without: ['exp'] }],
    ['without the time of its issue', 'claim_missing', () => ({}), { without: ['iat'] }],
    ['from the future', 'issued_in_future', () => ({ iat: now() + 60 })],
    ['that is not valid yet', 'not_yet_valid', () => ({ nbf: now() + 60 })],
    ['without a subject', 'subject_malformed', () => ({}), { without: ['sub'] }],
    ['with an empty subject', 'subject_malformed', () => ({ sub: '' })],
    ['with a subject of several lines', 'subject_malformed', () => ({ sub: 'alice\nroot' })],
    ['with an endless subject', 'subject_malformed', () => ({ sub: 'a'.repeat(201) })],
    ['of an unknown issuer', 'issuer_unknown', () => ({ iss: 'https://evil.example.com' })],
    ['of an issuer by another spelling', 'issuer_unknown', () => ({ iss: `${provider.issuer}/` })],
    ['that says to be a mandate', 'wrong_type', () => ({}), { header: { typ: 'at+jwt' } }],
    ['that says to be a logout token', 'wrong_type', () => ({}), { header: { typ: 'logout+jwt' } }],
    ['of an unknown key', 'unknown_key', () => ({}), { header: { kid: 'made-up' } }],
  ])('one %s: %s', async (_what, reason, claims, signing) => {
    const subject_token = await provider.idToken(claims(), signing)
    await expectRefused({ subject_token }, `subject_token_${reason}`)
  })

  test('one signed by another key under a known name', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const subject_token = await provider.idToken({}, { key: privateKey })
    await expectRefused({ subject_token }, 'subject_token_bad_signature')
  })

  test('one whose algorithm is not allowed, without a word to the issuer', async () => {
    const { privateKey } = await generateKeyPair('RS256')
    const fetched = { ...provider.fetched }
    const subject_token = await provider.idToken({}, { key: privateKey, header: { alg: 'RS256' } })
    await expectRefused({ subject_token }, 'subject_token_wrong_algorithm')
    expect(provider.fetched).toEqual(fetched)
  })

  test.each([
    ['no token at all', 'subject_token_malformed', 'garbage'],
    ['an endless one', 'subject_token_malformed', 'a.'.repeat(9_000)],
  ])('%s', async (_what, reason, subject_token) => {
    await expectRefused({ subject_token }, reason)
  })

  test.each(['resource', 'scope', 'audience', 'actor_token'])('one with %s', async (name) => {
    await expectRefused(
      { subject_token: await provider.idToken(), [name]: 'something' },
      'session_only',
    )
  })

  test('one of an issuer that is archived', async () => {
    const other = await newZone(world)
    const mine = { name: 'people', issuer: provider.issuer, audience: clientOfZone.id }
    const made = await other.call('subject_issuers.create', mine)
    const app = await other.application()
    const form = {
      client_id: app.id,
      client_secret: app.client_secret ?? '',
      subject_token: await provider.idToken(),
    }
    expect((await exchange(form, other.zone)).status).toBe(200)
    await other.call('subject_issuers.delete', { subject_issuer_id: made.id })
    expect((await exchange(form, other.zone)).body.reason).toBe('subject_token_issuer_unknown')
  })

  test('one in a zone without an active policy set', async () => {
    const bare = await newZone(world, false)
    await bare.call('subject_issuers.create', {
      ...{ name: 'people', issuer: provider.issuer, audience: clientOfZone.id },
    })
    const app = await bare.application()
    const { body } = await exchange(
      {
        client_id: app.id,
        client_secret: app.client_secret ?? '',
        subject_token: await provider.idToken(),
      },
      bare.zone,
    )
    expect(body.reason).toBe('no_active_policy_set')
  })
})

describe('the keys of an issuer', () => {
  test('are followed when they rotate', async () => {
    expect((await exchange({ subject_token: await provider.idToken() })).status).toBe(200)
    const old = await provider.idToken()
    await provider.rotate()
    // The issuer object is changed, so that unknown keys of other tests have not used up its turn.
    await make.call('subject_issuers.patch', { subject_issuer_id: issuer.id, sign_in: true })
    expect((await exchange({ subject_token: await provider.idToken() })).status).toBe(200)
    expect((await exchange({ subject_token: old })).body.reason).toBe('subject_token_unknown_key')
  })

  test('that cannot be had are no reason to believe, and are had again later', async () => {
    const refusedWith = async (status: number, type: string, text: string) => {
      provider.jwksAnswer = { status, type, body: text }
      await make.call('subject_issuers.patch', {
        subject_issuer_id: issuer.id,
        jwks_url: `${provider.issuer}/jwks?${status}${type.length}${text.length}`,
      })
      return exchange({ subject_token: await provider.idToken() })
    }
    for (const [status, type, text] of [
      [500, 'application/json', '{}'],
      [302, 'application/json', '{}'],
      [200, 'text/html', '{"keys":[]}'],
      [200, 'application/json', 'no json'],
      [200, 'application/json', '{"keys":1}'],
      [200, 'application/json', `{"keys":[],"padding":"${'x'.repeat(300_000)}"}`],
    ] as const) {
      const { body } = await refusedWith(status, type, text)
      expect(body).toMatchObject({
        error: 'temporarily_unavailable',
        reason: 'subject_issuer_unreachable',
      })
    }
    provider.jwksAnswer = null
    await make.call('subject_issuers.patch', { subject_issuer_id: issuer.id, jwks_url: null })
    expect((await exchange({ subject_token: await provider.idToken() })).status).toBe(200)
  })
})

describe('revoking a user', () => {
  test('ends every session and mandate at once, and whoever signs in anew is let in', async () => {
    const userId = `${issuer.id}:dora`
    const idToken = await provider.idToken({ sub: 'dora' })
    const others = await exchange({ subject_token: await provider.idToken({ sub: 'erin' }) })
    const [one, two] = [
      await exchange({ subject_token: idToken }),
      await exchange({ subject_token: idToken }),
    ]
    const isActive = async (token: string): Promise<unknown> =>
      (
        await world.oauth(
          'introspect',
          {
            client_id: application.id,
            client_secret: application.client_secret ?? '',
            token,
          },
          make.zone,
        )
      ).body.active
    const revoked = await make.call('subjects.revoke', { user_id: userId })
    expect(revoked).toMatchObject({ ended_sessions: 2, live_sessions: 0, name: 'Alice' })
    for (const { body } of [one, two])
      await expect.poll(() => isActive(body.access_token), { timeout: 10_000 }).toBe(false)
    expect(await isActive(others.body.access_token)).toBe(true)
    // The id_token is the one from before: it does not bring back what was ended.
    expect((await exchange({ subject_token: idToken })).body).toMatchObject({
      error: 'invalid_grant',
      reason: 'subject_revoked',
    })
    world.pass(2_000)
    const anew = await exchange({ subject_token: await provider.idToken({ sub: 'dora' }) })
    expect(anew.status).toBe(200)
    expect((await make.call('subjects.list', { user_id: userId })).items).toMatchObject([
      { live_sessions: 1, revoked_at: expect.any(String) },
    ])
  })

  test('that the zone has not seen is refused', async () => {
    const { status, body } = await world.call('POST', `/v1/zones/${make.zone}/subjects/revoke`, {
      user_id: 'nobody',
    })
    expect([status, body.error]).toEqual([404, 'not_found'])
  })
})
