import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer } from '../world.ts'

/**
 * Guarantee (security.md): who guesses secrets or floods an endpoint with what it refuses is told to
 * come back later (429, Retry-After), never that a policy denies; what is limited is not even
 * looked at, costs one event in its minute, and takes nothing from other clients.
 */
const rates = {
  failures_of_client: 20,
  failures_of_source: 60,
  admin_failures_of_source: 30,
  registrations_of_source: 20,
  requests_of_client: 100,
}
const world = await startWorld({ rates })

beforeEach(() => {
  // A minute of its own for every test, from its beginning.
  const nowMs = world.now()
  world.pass(60_000 - (nowMs % 60_000))
})
afterAll(() => world[Symbol.asyncDispose]())

const minuteMs = 60_000

/** Sends as many as that, a few at a time. */
async function flood(times: number, send: (nth: number) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  const atOnce = 20
  for (let sent = 0; sent < times; sent += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, times - sent) }, (_, n) => send(sent + n))
    answers.push(...(await Promise.all(batch)))
  }
  return answers
}

function statuses(answers: readonly Answer[]): ReadonlySet<number> {
  return new Set(answers.map(({ status }) => status))
}

/** The answer of an OAuth endpoint to who has had a share of a rate. */
function expectLimited({ status, headers, body }: Answer, reason: string): void {
  expect({ status, error: body.error, reason: body.reason }).toEqual({
    status: 429,
    error: 'rate_limited',
    reason,
  })
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60)
}

async function client(make: ZoneMaker): Promise<Record<string, string>> {
  const { id, client_secret } = await make.call('applications.create', {
    name: freshName('client'),
  })
  return {
    grant_type: 'client_credentials',
    client_id: id,
    client_secret: client_secret ?? '',
  }
}

describe('guessing the secret of a client', () => {
  const perMinute = rates.failures_of_client
  const reason = 'rate_limited_client_failures'

  test.each(['token', 'introspect', 'revoke'])(
    'at the %s endpoint is bounded',
    async (endpoint) => {
      const make = await newZone(world)
      const own = { ...(await client(make)), token: 'x' }
      const guess = (nth: number) =>
        world.oauth(endpoint, { ...own, client_secret: `cs_${String(nth)}` }, make.zone)
      expect(statuses(await flood(perMinute, guess))).toEqual(new Set([401]))
      const mark = await world.eventCount()
      // Not even the right one is looked at, so that a guess that hits is not known to.
      expectLimited(await world.oauth(endpoint, own, make.zone), reason)
      for (const answer of await flood(30, guess)) expectLimited(answer, reason)
      expect(await world.events(mark)).toMatchObject([
        { zone_id: make.zone, outcome: 'deny', reason },
      ])
      world.pass(minuteMs)
      expect((await world.oauth(endpoint, own, make.zone)).status).toBe(200)
    },
  )

  test('takes nothing from other clients at the same address', async () => {
    const make = await newZone(world)
    const [victim, other] = [await client(make), await client(make)]
    const wrong = { ...victim, client_secret: 'cs_wrong' }
    await flood(perMinute + 1, () => world.oauth('token', wrong, make.zone))
    expect((await world.oauth('token', other, make.zone)).status).toBe(200)
  })
})

test(
  'trying clients that do not exist is bounded by the address',
  { timeout: 60_000 },
  async () => {
    const make = await newZone(world)
    const perMinute = rates.failures_of_source
    const madeUp = (nth: number) => {
      const client_id = `app_${String(nth).padStart(26, '0')}`
      const form = { grant_type: 'client_credentials', client_id, client_secret: 'cs_x' }
      return world.oauth('token', form, make.zone)
    }
    expect(statuses(await flood(perMinute, madeUp))).toEqual(new Set([401]))
    const mark = await world.eventCount()
    for (const answer of await flood(40, madeUp))
      expectLimited(answer, 'rate_limited_source_failures')
    expect(await world.eventCount()).toBe(mark + 1)
  },
)

test('trying admin tokens is bounded by the address, and a right one gets through', async () => {
  const perMinute = rates.admin_failures_of_source
  const guess = (nth: number) =>
    world.call('POST', 'applications', { name: 'x' }, { token: `cat_${String(nth)}` })
  expect(statuses(await flood(perMinute, guess))).toEqual(new Set([401]))
  const [mark, state] = [await world.eventCount(), await world.state()]
  for (const answer of await flood(30, guess)) {
    expect(answer).toMatchObject({
      status: 429,
      body: { error: 'rate_limited', details: { reason: 'rate_limited_admin_failures' } },
    })
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d?$/)
  }
  expect(await world.events(mark)).toMatchObject([{ outcome: 'refused', reason: 'rate_limited' }])
  expect(await world.state()).toBe(state)
  for (const token of [world.token, await world.person('somebody', ['read'])])
    expect((await world.call('GET', '/v1/zones', undefined, { token })).status).toBe(200)
  // What was right before is as wrong as a guess once it is revoked.
  const { id, token } = await world.admin.adminTokens.create({
    ...{ principal_name: 'gone', principal_kind: 'automation', capabilities: ['read'] },
  })
  await world.admin.adminTokens.delete({ admin_token_id: id })
  expect((await world.call('GET', '/v1/zones', undefined, { token })).status).toBe(429)
  world.pass(minuteMs)
  expect((await guess(0)).status).toBe(401)
})

test('a client that never stops is bounded, whatever it asks for', async () => {
  const make = await newZone(world)
  const [busy, other] = [await client(make), await client(make)]
  const ask = () => world.oauth('token', busy, make.zone)
  expect(statuses(await flood(rates.requests_of_client, ask))).toEqual(new Set([200]))
  const mark = await world.eventCount()
  for (const answer of await flood(20, ask)) expectLimited(answer, 'rate_limited_client_requests')
  expect(await world.eventCount()).toBe(mark + 1)
  expect((await world.oauth('token', other, make.zone)).status).toBe(200)
})

test('a mandate gets through beside a flood of made-up ones', async () => {
  const make = await newZone(world)
  const { token } = await make.agent()
  const perMinute = rates.admin_failures_of_source
  const list = (bearer: string) =>
    world.call('GET', `/v1/zones/${make.zone}/sessions/ses_none`, undefined, { token: bearer })
  const forged = `${token.slice(0, -8)}AAAAAAAA`
  expect(statuses(await flood(perMinute, () => list(forged)))).toEqual(new Set([401]))
  expect(statuses(await flood(20, () => list(forged)))).toEqual(new Set([429]))
  expect((await make.agent()).session.state).toBe('active')
})

test('registering without end is bounded by the address', async () => {
  const make = await newZone(world)
  await make.call('zones.patch', { dcr_enabled: true })
  const perMinute = rates.registrations_of_source
  const register = () => world.call('POST', `/zones/${make.zone}/oauth2/register`, {})
  expect(statuses(await flood(perMinute, register))).toEqual(new Set([201]))
  const mark = await world.eventCount()
  for (const { status, headers, body } of await flood(40, register)) {
    expect({ status, error: body.error }).toEqual({ status: 429, error: 'rate_limited' })
    expect(headers.get('retry-after')).toMatch(/^[1-9]\d?$/)
  }
  expect(await world.events(mark)).toMatchObject([{ outcome: 'refused', reason: 'rate_limited' }])
  const status = await make.call('zones.dcr_status', {})
  expect(status.live_applications).toBe(perMinute)
})

describe('a body that is too large for OAuth', () => {
  test.each([
    ['token', 'token.request'],
    ['introspect', 'token.introspect'],
    ['revoke', 'token.revoke'],
  ])('at the %s endpoint leaves its event', async (endpoint, type) => {
    const make = await newZone(world)
    const mark = await world.eventCount()
    const answer = await world.oauth(endpoint, { token: 'x'.repeat(100_000) }, make.zone)
    expect(answer).toMatchObject({ status: 413, body: { error: 'payload_too_large' } })
    expect(await world.events(mark)).toMatchObject([
      {
        zone_id: make.zone,
        type,
        outcome: 'deny',
        reason: 'payload_too_large',
        request_id: answer.body.request_id,
      },
    ])
  })

  test('sent without end fills no log', async () => {
    const make = await newZone(world)
    const perMinute = rates.failures_of_source
    const large = () => world.oauth('token', { token: 'x'.repeat(70_000) }, make.zone)
    const mark = await world.eventCount()
    expect(statuses(await flood(perMinute + 30, large))).toEqual(new Set([413]))
    expect(await world.eventCount()).toBe(mark + perMinute + 1)
  })
})
