import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  application,
  claimsOf,
  codeOf,
  issuer,
  lastEvent,
  make,
  publicClient,
  redeem,
  redirectUri,
  refresh,
  resource,
  signedIn,
  startSignIn,
  stopSignIn,
  throughProvider,
  verifier,
  world,
} from './sign-in-world.ts'

beforeAll(startSignIn)
afterAll(stopSignIn)

describe('a code', () => {
  test.each<[string, Record<string, string>, string]>([
    ['another verifier', { code_verifier: `${verifier}!` }, 'code_verifier_mismatch'],
    ['another redirect URI', { redirect_uri: 'https://b.example/' }, 'redirect_uri_mismatch'],
    ['made up', { code: 'ac_made-up' }, 'code_unknown'],
  ])('with %s is worth nothing, and nothing is written', async (_what, changed, reason) => {
    const code = codeOf(await signedIn())
    const { body } = await redeem(code, changed)
    expect(body).toMatchObject({ error: 'invalid_grant', reason })
    expect(await lastEvent()).toMatchObject({ type: 'token.authorization_code', reason })
    expect((await redeem(code)).status).toBe(200)
  })

  test('of another client is worth nothing to this one', async () => {
    const other = await make.application()
    const form = { client_id: other.id, client_secret: other.client_secret ?? '' }
    const { body } = await redeem(codeOf(await signedIn()), form)
    expect(body.reason).toBe('code_of_another_client')
  })

  test('lasts a minute', async () => {
    const code = codeOf(await signedIn())
    world.pass(60_000)
    expect((await redeem(code)).body.reason).toBe('code_expired')
  })

  test('that is used twice takes with it what it was used for', async () => {
    const code = codeOf(await signedIn())
    const first = await redeem(code)
    expect((await redeem(code)).body.reason).toBe('code_reused')
    expect((await refresh(first.body.refresh_token)).body.reason).toBe('session_terminated')
    expect(
      await world.sql('select end_reason from sessions where id = $1', [claimsOf(first).sid]),
    ).toEqual([{ end_reason: 'code_reused' }])
  })

  test('that two use at once is worth one session at the most, and that ends', async () => {
    const code = codeOf(await signedIn())
    const answers = await Promise.all([redeem(code), redeem(code), redeem(code)])
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    expect(answers.filter(({ body }) => body.reason === 'code_reused')).toHaveLength(2)
    for (const answer of answers)
      if (answer.status === 200)
        expect((await refresh(answer.body.refresh_token)).body.reason).toBe('session_terminated')
  })

  test('from before its user was revoked is worth nothing', async () => {
    const code = codeOf(await throughProvider())
    await redeem(codeOf(await throughProvider()))
    await make.call('subjects.revoke', { user_id: `${issuer.id}:alice` })
    expect((await redeem(code)).body.reason).toBe('subject_revoked')
    world.pass(2_000)
    expect((await redeem(codeOf(await throughProvider()))).status).toBe(200)
  })
})

test('a code is worth nothing once the admin token that it was signed in with is revoked', async () => {
  const person = await make.call('admin_tokens.create', {
    principal_name: 'leaver',
    principal_kind: 'person',
    capabilities: ['read'],
  })
  const code = codeOf(await signedIn({}, person.token))
  await make.call('admin_tokens.delete', { admin_token_id: person.id })
  const [mark, state] = [await world.eventCount(), await world.state()]
  expect((await redeem(code)).body).toMatchObject({
    ...{ error: 'invalid_grant', reason: 'voucher_gone' },
  })
  expect(await world.events(mark)).toMatchObject([
    { type: 'token.authorization_code', outcome: 'deny', reason: 'voucher_gone' },
  ])
  expect(await world.state()).toBe(state)
})

describe('a refresh token', () => {
  test('goes on with the session, and is replaced each time', async () => {
    const first = await redeem(codeOf(await throughProvider({ resource })))
    const second = await refresh(first.body.refresh_token)
    expect(second.body).toMatchObject({ scope: 'invoices:read' })
    expect(claimsOf(second).sid).toBe(claimsOf(first).sid)
    expect(second.body.refresh_token).not.toBe(first.body.refresh_token)
    expect((await refresh(second.body.refresh_token)).status).toBe(200)
  })

  test('that is used twice ends the session for whoever uses it', async () => {
    const first = await redeem(codeOf(await signedIn()))
    const second = await refresh(first.body.refresh_token)
    expect((await refresh(first.body.refresh_token)).body.reason).toBe('refresh_token_reused')
    expect((await refresh(second.body.refresh_token)).body.reason).toBe('session_terminated')
  })

  test('gives no more than was granted, and not to another client', async () => {
    const { body } = await redeem(
      codeOf(await throughProvider({ resource, scope: 'invoices:read' })),
    )
    for (const [changed, reason] of [
      [{ scope: 'invoices:write' }, 'scope_exceeds'],
      [{ resource: 'https://other.example' }, 'resource_changed'],
    ] as const)
      expect((await refresh(body.refresh_token, changed)).body.reason).toBe(reason)
    const other = await make.application()
    const form = { client_id: other.id, client_secret: other.client_secret ?? '' }
    expect((await refresh(body.refresh_token, form)).body.reason).toBe(
      'refresh_token_of_another_client',
    )
    expect((await refresh(body.refresh_token)).status).toBe(200)
  })

  test('ends with its session after eight hours', async () => {
    const { body } = await redeem(codeOf(await signedIn()))
    world.pass(8 * 3_600_000)
    expect((await refresh(body.refresh_token)).body.reason).toBe('refresh_token_expired')
  })
})

describe('a client that cannot prove who it is', () => {
  const loopback = 'http://127.0.0.1:53123/callback'

  test('redeems a code by its verifier, at any port of this machine', async () => {
    const back = await throughProvider({
      ...{ client_id: publicClient.id, redirect_uri: loopback, resource },
    })
    expect(back.location?.origin).toBe('http://127.0.0.1:53123')
    const form = { grant_type: 'authorization_code', code: codeOf(back), redirect_uri: loopback }
    const answer = await world.oauth(
      'token',
      { ...form, client_id: publicClient.id, code_verifier: verifier },
      make.zone,
    )
    expect(answer.body).toMatchObject({ scope: 'invoices:read' })
    const next = { grant_type: 'refresh_token', refresh_token: answer.body.refresh_token as string }
    const going = await world.oauth('token', { ...next, client_id: publicClient.id }, make.zone)
    expect(going.status).toBe(200)
  })

  test.each(['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'])(
    'gets nothing by %s',
    async (grant_type) => {
      const form = { grant_type, client_id: publicClient.id, resource, subject_token: 'a' }
      const type = { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }
      const { status, body } = await world.oauth('token', { ...form, ...type }, make.zone)
      expect([status, body.reason]).toEqual([401, 'client_authentication_missing'])
    },
  )

  test('is not what an application with a secret can say to be', async () => {
    const code = codeOf(await signedIn())
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
    const { status } = await world.oauth(
      'token',
      { ...form, client_id: application.id, code_verifier: verifier },
      make.zone,
    )
    expect(status).toBe(401)
    expect(await lastEvent()).toMatchObject({ reason: 'client_method_mismatch' })
  })
})

/** The last of them, since the provider is known to nobody afterwards. */
test('a code is worth nothing once nobody vouches for its user', async () => {
  const code = codeOf(await throughProvider())
  await make.call('subject_issuers.delete', { subject_issuer_id: issuer.id })
  const [mark, state] = [await world.eventCount(), await world.state()]
  const { status, body } = await redeem(code)
  expect({ status, error: body.error, reason: body.reason }).toEqual({
    ...{ status: 400, error: 'invalid_grant', reason: 'voucher_gone' },
  })
  expect(await world.events(mark)).toMatchObject([
    { type: 'token.authorization_code', outcome: 'deny', reason: 'voucher_gone' },
  ])
  expect(await world.state()).toBe(state)
})
