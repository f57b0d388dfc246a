import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answer, RecordedEvent } from '../world.ts'
import {
  application,
  claimsOf,
  codeOf,
  make,
  publicClient,
  redeem,
  refresh,
  resource,
  startSignIn,
  stopSignIn,
  throughProvider,
  verifier,
  world,
} from './sign-in-world.ts'

beforeAll(startSignIn)
afterAll(stopSignIn)

function revoke(token: string, more: Record<string, string> = {}): Promise<Answer> {
  const client = { client_id: application.id, client_secret: application.client_secret ?? '' }
  return world.oauth('revoke', { token, ...client, ...more }, make.zone)
}

/** What introspection says of a mandate. */
async function isActive(mandate: string): Promise<unknown> {
  const client = { client_id: application.id, client_secret: application.client_secret ?? '' }
  const { body } = await world.oauth('introspect', { token: mandate, ...client }, make.zone)
  return (body as { active: unknown }).active
}

/** The one event that a call has left. */
async function onlyEvent(mark: number): Promise<RecordedEvent | undefined> {
  const events = await world.events(mark)
  expect(events).toHaveLength(1)
  return events[0]
}

/** A sign-in with a mandate and two tokens of one rotation, the first of them used. */
async function rotated() {
  const first = await redeem(codeOf(await throughProvider({ resource })))
  const second = await refresh(first.body.refresh_token)
  return { first: first.body, second: second.body, sid: claimsOf(first).sid }
}

/** A token of a client that cannot prove who it is. */
async function publicToken(): Promise<Answer> {
  const redirect_uri = 'http://127.0.0.1:53123/callback'
  const client = { client_id: publicClient.id, redirect_uri }
  const code = codeOf(await throughProvider({ ...client, resource }))
  return redeemPublicly({ ...client, code })
}

function redeemPublicly(form: Record<string, string>): Promise<Answer> {
  const grant = { grant_type: 'authorization_code', code_verifier: verifier }
  return world.oauth('token', { ...grant, ...form }, make.zone)
}

describe('revoking a refresh token (RFC 7009)', () => {
  test.each([
    ['without a hint', {}],
    ['with the hint refresh_token', { token_type_hint: 'refresh_token' }],
    ['with a wrong hint', { token_type_hint: 'access_token' }],
    ['with a hint that nobody knows', { token_type_hint: 'token_of_another_world' }],
  ])('%s ends the sign-in with its mandates', async (_how, hint) => {
    const { first, second, sid } = await rotated()
    const mark = await world.eventCount()
    expect(await revoke(second.refresh_token, hint)).toMatchObject({ status: 200, body: {} })
    expect(await onlyEvent(mark)).toMatchObject({ type: 'token.revoke', outcome: 'allow' })
    expect(await isActive(first.access_token)).toBe(false)
    expect(await isActive(second.access_token)).toBe(false)
    expect((await refresh(second.refresh_token)).body.reason).toBe('session_terminated')
    expect(await world.sql('select state, end_reason from sessions where id = $1', [sid])).toEqual([
      { state: 'terminated', end_reason: 'refresh_token_revoked' },
    ])
  })

  test('takes one of the rotation that was used, and ends the rest', async () => {
    const { first, second } = await rotated()
    expect((await revoke(first.refresh_token)).status).toBe(200)
    expect((await refresh(second.refresh_token)).body.reason).toBe('session_terminated')
  })

  test('ends that sign-in alone', async () => {
    const [one, other] = [await rotated(), await rotated()]
    await revoke(one.second.refresh_token)
    expect(await isActive(other.second.access_token)).toBe(true)
    expect((await refresh(other.second.refresh_token)).status).toBe(200)
  })

  test('finds a mandate behind the hint of a refresh token', async () => {
    const { access_token } = (await redeem(codeOf(await throughProvider({ resource })))).body
    await revoke(access_token, { token_type_hint: 'refresh_token' })
    expect(await isActive(access_token)).toBe(false)
  })

  test('of a client that cannot prove who it is takes the token alone', async () => {
    const { body } = await publicToken()
    const mark = await world.eventCount()
    const form = { token: body.refresh_token as string, client_id: publicClient.id }
    expect((await world.oauth('revoke', form, make.zone)).status).toBe(200)
    expect(await onlyEvent(mark)).toMatchObject({ type: 'token.revoke', outcome: 'allow' })
    expect(await isActive(body.access_token)).toBe(false)
  })
})

describe('what is none to revoke is answered alike, and changes nothing', () => {
  const cases: [string, () => Promise<[string, Record<string, string>]>, string][] = [
    [
      'a token of another client',
      async () => {
        const { id, client_secret } = await make.application()
        const { second } = await rotated()
        return [second.refresh_token, { client_id: id, client_secret: client_secret ?? '' }]
      },
      'token_of_another_client',
    ],
    [
      'a token of a client that cannot prove who it is, by another',
      async () => [(await publicToken()).body.refresh_token as string, {}],
      'token_of_another_client',
    ],
    [
      'a token of a sign-in that has ended',
      async () => {
        const { second } = await rotated()
        await revoke(second.refresh_token)
        return [second.refresh_token, {}]
      },
      'session_ended',
    ],
    [
      'what nobody has given out',
      async () => ['rt_made-up', { token_type_hint: 'refresh_token' }],
      'refresh_token_unknown',
    ],
  ]

  test.each(cases)('%s', async (_what, given, reason) => {
    const [token, more] = await given()
    const [mark, state] = [await world.eventCount(), await world.state()]
    expect(await revoke(token, more)).toMatchObject({ status: 200, body: {} })
    const event = await onlyEvent(mark)
    expect(event).toMatchObject({ type: 'token.revoke', outcome: 'allow' })
    expect(await world.state()).toBe(state)
    const { items } = await make.call('audit.by_request', { request_id: event?.request_id ?? '' })
    expect(items).toMatchObject([{ diagnostics: { revoked: false, ignored_because: reason } }])
  })

  test('with a secret that is wrong it is 401, and nothing ends', async () => {
    const { second } = await rotated()
    const [mark, state] = [await world.eventCount(), await world.state()]
    const { status } = await revoke(second.refresh_token, { client_secret: 'cs_wrong' })
    expect(status).toBe(401)
    expect(await onlyEvent(mark)).toMatchObject({ outcome: 'deny' })
    expect(await world.state()).toBe(state)
    expect((await refresh(second.refresh_token)).status).toBe(200)
  })

  test('an application with a secret is not named without it', async () => {
    const { second } = await rotated()
    const form = { token: second.refresh_token as string, client_id: application.id }
    expect((await world.oauth('revoke', form, make.zone)).status).toBe(401)
    expect((await refresh(second.refresh_token)).status).toBe(200)
  })
})

test('a client that cannot prove who it is may not ask about tokens (RFC 7662)', async () => {
  const { body } = await publicToken()
  for (const grant_type of ['refresh_token', 'authorization_code', 'none']) {
    const form = { token: body.access_token as string, client_id: publicClient.id, grant_type }
    const { status } = await world.oauth('introspect', form, make.zone)
    expect(status).toBe(401)
  }
})
