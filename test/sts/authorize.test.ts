import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBrowser, type Browser } from '../support/browser.ts'
import { clientOfZone } from '../support/oidc-provider.ts'
import { newZone } from '../support/zone-maker.ts'
import {
  alice,
  atProvider,
  claimsOf,
  codeOf,
  endpoint,
  issuer,
  lastEvent,
  make,
  provider,
  redeem,
  redirectUri,
  refresh,
  request,
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

describe('the sign-in page', () => {
  test('runs no script, is in no frame, and shows names as text', async () => {
    const page = await openBrowser().get(request())
    expect(page.status).toBe(200)
    expect(page.html).not.toContain('<script')
    expect(page.html).toContain('Ledger &lt;script&gt;alert(1)&lt;/script&gt;')
    expect(page.html).toContain('Continue with Acme &amp; Co')
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain(`default-src 'none'`)
    expect(policy).toContain(`frame-ancestors 'none'`)
    expect(policy).not.toContain('unsafe-inline')
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Lax$/)
  })

  test('takes no form that is not its own', async () => {
    const browser = openBrowser()
    const page = await browser.get(request())
    for (const cookie of [null, `caracal_sign_in=${'A'.repeat(43)}`]) {
      const forged: Browser = openBrowser()
      forged.cookie = cookie
      const answer = await forged.submit(page, endpoint(), 'admin token', { admin_token: alice })
      expect([answer.status, answer.location]).toEqual([403, null])
      expect(await lastEvent()).toMatchObject({ outcome: 'deny', reason: 'csrf_mismatch' })
    }
  })

  test('says that a token signs nobody in, and keeps what was asked for', async () => {
    const zone = (await newZone(world)).zone
    const expired = await world.person('eve', ['read'])
    const [row] = await world.sql<{ id: string }>(
      'select id from admin_tokens order by id desc limit 1',
    )
    await world.admin.adminTokens.delete({ admin_token_id: row?.id ?? '' })
    const tokens = ['nonsense', expired, await world.automation('robot', ['read'])]
    for (const admin_token of [...tokens, await world.person('elsewhere', ['read'], zone)]) {
      const browser = openBrowser()
      const page = await browser.get(request())
      const answer = await browser.submit(page, endpoint(), 'admin token', { admin_token })
      expect([answer.status, answer.location]).toEqual([401, null])
      expect(answer.html).not.toContain(admin_token)
      expect(await lastEvent()).toMatchObject({ reason: 'admin_token_not_accepted' })
      const again = await browser.submit(answer, endpoint(), 'admin token', { admin_token: alice })
      expect(again.location?.searchParams.get('state')).toBe('a & b')
    }
  })
})

describe('a request', () => {
  test.each<[string, Record<string, string | null>, string]>([
    ['without a client', { client_id: null }, 'parameter_missing'],
    ['of an unknown client', { client_id: 'app_nobody' }, 'client_unknown'],
    ['without a redirect URI', { redirect_uri: null }, 'parameter_missing'],
    ['to another place', { redirect_uri: 'https://evil.example/' }, 'redirect_uri_unknown'],
    ['to a longer place', { redirect_uri: `${redirectUri}&more=1` }, 'redirect_uri_unknown'],
    ['to a place below', { redirect_uri: 'https://app.example.com/' }, 'redirect_uri_unknown'],
  ])('%s is shown to the person, who is sent nowhere', async (_what, changed, reason) => {
    const answer = await openBrowser().get(request(changed))
    expect([answer.status, answer.location]).toEqual([400, null])
    expect(await lastEvent()).toMatchObject({ type: 'authorize.request', reason })
  })

  test.each<[string, Record<string, string | null>, string]>([
    ['for a token', { response_type: 'token' }, 'unsupported_response_type'],
    ['without a challenge', { code_challenge: null }, 'invalid_request'],
    ['with a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['without a method', { code_challenge_method: null }, 'invalid_request'],
    ['with a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['with scopes of nothing', { scope: 'invoices:read' }, 'invalid_request'],
    ['as an object', { request: 'e30.e30.' }, 'invalid_request'],
    ['for a form', { response_mode: 'form_post' }, 'invalid_request'],
    ['that wants nobody asked', { prompt: 'none' }, 'invalid_request'],
  ])('%s is told to the client', async (_what, changed, error) => {
    const { status, location } = await openBrowser().get(request(changed))
    expect(status).toBe(303)
    expect(location?.href.startsWith('https://app.example.com/callback?tenant=1&')).toBe(true)
    const { searchParams } = location ?? new URL('https://none.example')
    expect(Object.fromEntries(searchParams)).toMatchObject({
      ...{ error, state: 'a & b', iss: `${world.url}/zones/${make.zone}` },
    })
  })
})

describe('an admin token', () => {
  test('signs its person in: the code becomes their session, once', async () => {
    const back = await signedIn()
    expect(Object.fromEntries(back.location?.searchParams ?? [])).toEqual({
      ...{ tenant: '1', code: expect.stringMatching(/^ac_/), state: 'a & b' },
      iss: `${world.url}/zones/${make.zone}`,
    })
    const answer = await redeem(codeOf(back))
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    expect(answer.body).toMatchObject({ scope: '', refresh_token: expect.stringMatching(/^rt_/) })
    expect(claimsOf(answer)).toMatchObject({
      ...{ sub: expect.stringMatching(/^prn_/), sub_type: 'user', use: 'session' },
    })
    const texts = await world.sql<{ text: string }>(
      `select concat((select string_agg(c::text, '') from authorization_codes c),
         (select string_agg(r::text, '') from refresh_tokens r),
         (select string_agg(e::text, '') from events e)) as text`,
    )
    for (const secret of [codeOf(back), answer.body.refresh_token as string, alice, verifier])
      expect(texts[0]?.text.includes(secret)).toBe(false)
  })

  test('that is revoked takes the refresh of its sessions with it', async () => {
    const token = await world.person('frank', ['read'])
    const [row] = await world.sql<{ id: string }>(
      'select id from admin_tokens order by id desc limit 1',
    )
    const browser = openBrowser()
    const page = await browser.get(request())
    const back = await browser.submit(page, endpoint(), 'admin token', { admin_token: token })
    const { body } = await redeem(codeOf(back))
    await world.admin.adminTokens.delete({ admin_token_id: row?.id ?? '' })
    expect((await refresh(body.refresh_token)).body).toMatchObject({
      ...{ error: 'invalid_grant', reason: 'voucher_gone' },
    })
  })
})

describe('a provider', () => {
  test('signs a person in, and with a resource the code is worth a mandate of it', async () => {
    const back = await throughProvider({ resource, scope: 'invoices:read' })
    expect(provider.asked).toMatchObject({
      ...{ client_id: clientOfZone.id, code_challenge_method: 'S256', scope: 'openid profile' },
      redirect_uri: endpoint('callback'),
    })
    const answer = await redeem(codeOf(back))
    expect(answer.body).toMatchObject({ scope: 'invoices:read' })
    expect(claimsOf(answer)).toMatchObject({
      ...{ sub: `${issuer.id}:alice`, sub_type: 'user', use: 'resource', target: [resource] },
    })
    const { items } = await make.call('subjects.list', { user_id: `${issuer.id}:alice` })
    expect(items).toMatchObject([{ name: 'Alice', live_sessions: 1 }])
  })

  test('that signs in somebody without a grant leads to no mandate', async () => {
    provider.user = { sub: 'mallory', name: 'Mallory' }
    const back = await throughProvider({ resource, scope: 'invoices:read' })
    provider.user = { sub: 'alice', name: 'Alice' }
    expect((await redeem(codeOf(back))).body.error).toBe('access_denied')
  })

  test('sends a person back to the browser that began, once, and to no other', async () => {
    const browser = openBrowser()
    const page = await browser.get(request())
    const leave = () => browser.submit(page, endpoint(), 'Continue with')
    const stolen = await atProvider(await leave())
    const elsewhere = await openBrowser().get(stolen)
    expect([elsewhere.status, elsewhere.location]).toEqual([400, null])
    expect(await lastEvent()).toMatchObject({ reason: 'sign_in_unknown' })
    const own = await atProvider(await leave())
    expect((await browser.get(own)).location?.searchParams.get('code')).toMatch(/^ac_/)
    expect((await browser.get(own)).location).toBeNull()
  })

  test('that refuses, or answers for another state or nonce, signs nobody in', async () => {
    const browser = openBrowser()
    const page = await browser.get(request())
    const leave = () => browser.submit(page, endpoint(), 'Continue with')
    const denied = new URL(await atProvider(await leave()))
    denied.searchParams.set('error', 'access_denied')
    expect((await browser.get(denied.href)).location?.searchParams.get('error')).toBe(
      'access_denied',
    )
    const replayed = new URL(await atProvider(await leave()))
    replayed.searchParams.set('code', 'made-up')
    const answer = await browser.get(replayed.href)
    expect(answer.location?.searchParams.get('error')).toBe('temporarily_unavailable')
    expect(answer.location?.searchParams.get('code')).toBeNull()
  })
})

test('the metadata of the zone names what the endpoint does', async () => {
  const path = `/.well-known/oauth-authorization-server/zones/${make.zone}`
  const { body } = await world.call('GET', path, undefined, { token: null })
  expect(body).toMatchObject({
    authorization_endpoint: endpoint(),
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token']),
    token_endpoint_auth_methods_supported: expect.arrayContaining(['none']),
  })
})
