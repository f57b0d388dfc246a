import { afterAll, beforeEach, expect, test } from 'vitest'
import { openBrowser, type Shown } from '../support/browser.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld } from '../world.ts'

/**
 * Guarantee (security.md): who guesses admin tokens where people sign in, or floods the pages there
 * with what they refuse, is shown none of them until the minute ends (429, Retry-After); what is
 * limited leaves one event, and takes nothing from what does not sign in.
 */
const rates = { sign_in_failures_of_source: 12, sign_in_requests_of_source: 40 }
const world = await startWorld({ rates })
const make = await newZone(world)
const redirect_uri = 'https://app.example.com/callback'
const application = await make.call('applications.create', {
  ...{ name: 'ledger', redirect_uris: [redirect_uri] },
})
const alice = await world.person('alice', ['read'])
const endpoint = `${world.url}/zones/${make.zone}/oauth2/authorize`

beforeEach(() => {
  const nowMs = world.now()
  world.pass(60_000 - (nowMs % 60_000))
})
afterAll(() => world[Symbol.asyncDispose]())

function ask(changed: Record<string, string> = {}): Promise<Shown> {
  const parameters = {
    ...{ response_type: 'code', client_id: application.id, redirect_uri },
    ...{ code_challenge: 'x'.repeat(43), code_challenge_method: 'S256', ...changed },
  }
  return openBrowser().get(`${endpoint}?${new URLSearchParams(parameters).toString()}`)
}

/** A page that is opened once, and its form sent as often as one likes. */
async function openForm() {
  const browser = openBrowser()
  const parameters = { response_type: 'code', client_id: application.id, redirect_uri }
  const more = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }
  const query = new URLSearchParams({ ...parameters, ...more }).toString()
  const page = await browser.get(`${endpoint}?${query}`)
  return (admin_token: string) => browser.submit(page, endpoint, 'admin token', { admin_token })
}

function expectLimited({ status, headers, location, html }: Shown): void {
  expect([status, location]).toEqual([429, null])
  expect(headers.get('retry-after')).toMatch(/^[1-9]\d?$/)
  expect(headers.get('content-type')).toContain('text/html')
  expect(headers.get('content-security-policy')).toContain(`default-src 'none'`)
  expect(html).toContain('Come back in')
}

const perMinute = rates.sign_in_failures_of_source

test('guessing admin tokens at the page is bounded, and the right one waits too', async () => {
  const send = await openForm()
  for (let nth = 0; nth < perMinute; nth += 1) expect((await send(`cat_${nth}`)).status).toBe(401)
  const [mark, state] = [await world.eventCount(), await world.state()]
  for (const token of ['cat_more', alice, alice]) expectLimited(await send(token))
  expectLimited(await ask())
  expect(await world.events(mark)).toMatchObject([
    {
      zone_id: make.zone,
      type: 'authorize.sign_in',
      outcome: 'deny',
      reason: 'rate_limited_sign_in_failures',
    },
  ])
  expect(await world.state()).toBe(state)
  // Who does not sign in is not concerned.
  expect((await world.call('GET', '/v1/zones')).status).toBe(200)
  world.pass(60_000)
  expect((await (await openForm())(alice)).location?.searchParams.get('code')).toMatch(/^ac_/)
})

test.each<[string, () => Promise<Shown>]>([
  ['requests of unknown clients', () => ask({ client_id: 'app_nobody' })],
  ['requests to other places', () => ask({ redirect_uri: 'https://evil.example/' })],
  ['requests that the client is told about', () => ask({ response_type: 'token' })],
  ['forged forms', () => sendForged()],
  ['ways back that nobody began', () => openBrowser().get(`${endpoint}/../callback?state=none`)],
])('%s are bounded', async (_what, send) => {
  for (let nth = 0; nth < perMinute; nth += 1) expect((await send()).status).not.toBe(429)
  const mark = await world.eventCount()
  for (let nth = 0; nth < 5; nth += 1) expectLimited(await send())
  expect(await world.events(mark)).toMatchObject([{ reason: 'rate_limited_sign_in_failures' }])
})

async function sendForged(): Promise<Shown> {
  const answer = await fetch(endpoint, {
    ...{ method: 'POST', redirect: 'manual' },
    body: new URLSearchParams({ csrf: 'made up', admin_token: alice }),
  })
  const headers = new Map(answer.headers)
  return { status: answer.status, headers, html: await answer.text(), location: null }
}

test('opening pages without end is bounded', async () => {
  for (let nth = 0; nth < rates.sign_in_requests_of_source; nth += 1)
    expect((await ask()).status).toBe(200)
  const mark = await world.eventCount()
  for (let nth = 0; nth < 5; nth += 1) expectLimited(await ask())
  expect(await world.events(mark)).toMatchObject([{ reason: 'rate_limited_sign_in_requests' }])
})

test('a form that is too large leaves its event', async () => {
  const mark = await world.eventCount()
  const answer = await fetch(endpoint, {
    ...{ method: 'POST', body: new URLSearchParams({ csrf: 'x'.repeat(20_000) }) },
  })
  expect(answer.status).toBe(413)
  expect(await world.events(mark)).toMatchObject([
    { zone_id: make.zone, type: 'authorize.sign_in', reason: 'payload_too_large' },
  ])
})
