import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentsIn, claimsIn, typeOf, type Agents, type Runner } from '../support/agents.ts'
import { expectError, expectRefused } from '../support/refused.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World
let zone: Agents
let runner: Runner

beforeAll(async () => {
  world = await startWorld()
  zone = await agentsIn(world, await newZone(world))
  runner = await zone.granted(['invoices:read'])
})

afterAll(() => world[Symbol.asyncDispose]())

describe('an agent session', () => {
  test('runs for the session that starts it, whose row appears with it', async () => {
    const subject = await zone.subject(runner)
    const { sid } = decodeJwt(subject) as { sid: string }
    expect((await zone.call('GET', `sessions/${sid}`)).status).toBe(404)
    const session = await zone.start(subject, { name: 'nightly report', ttl_seconds: 7_200 })
    expect(session).toMatchObject({
      kind: 'agent',
      application_id: runner.id,
      subject: runner.id,
      sub_type: 'application',
      parent_id: sid,
      root_id: sid,
      lifecycle: 'task',
      state: 'active',
    })
    expect((await zone.call('GET', `sessions/${sid}`)).body).toMatchObject({
      kind: 'subject',
      parent_id: null,
      state: 'active',
      // What runs under it keeps an application's own session open.
      expires_at: session.expires_at,
    })
  })

  test('has a mandate of its own, and mandates of resources in which it acts', async () => {
    const { session, token } = await zone.agent(runner)
    const own = decodeJwt(token)
    const agent = {
      sub: runner.id,
      sid: session.root_id,
      root_sid: session.root_id,
      agent_session_id: session.id,
      act: { sub: session.id, client_id: runner.id },
    }
    expect(own).toMatchObject({ ...agent, use: 'session', scope: '' })
    const ofResource = { ...agent, use: 'resource', scope: 'invoices:read' }
    expect(claimsIn(await zone.exchange(runner, token))).toMatchObject(ofResource)
    const [event] = (await zone.make.call('audit.list', { type: 'token.exchange' })).items
    expect(event).toMatchObject({
      session_id: session.root_id,
      diagnostics: { agent_session: session.id, subject_jti: own.jti },
    })
    const oneCall = await zone.exchange(runner, session.id, {
      subject_token_type: typeOf.agentSession,
    })
    expect(claimsIn(oneCall)).toMatchObject(ofResource)
  })

  test('acts for its subject as the actor of an exchange', async () => {
    const subject = await zone.subject(runner)
    const session = await zone.start(subject)
    const actor = {
      actor_token: await zone.mandate(runner, session.id),
      actor_token_type: typeOf.accessToken,
    }
    expect(claimsIn(await zone.exchange(runner, subject, actor))).toMatchObject({
      sub: runner.id,
      agent_session_id: session.id,
      act: { sub: session.id },
    })
    const stranger = await zone.subject(runner)
    expect((await zone.exchange(runner, stranger, actor)).body.reason).toBe(
      'actor_token_of_another_subject',
    )
    const notAnAgent = { ...actor, actor_token: subject }
    expect((await zone.exchange(runner, subject, notAnAgent)).body.reason).toBe(
      'actor_token_not_of_agent',
    )
    const { actor_token } = actor
    expect((await zone.exchange(runner, subject, { actor_token })).body.reason).toBe(
      'actor_token_type_missing',
    )
  })

  test('is named by nobody but the application that runs it', async () => {
    const { session } = await zone.agent(runner)
    const other = await zone.granted(['invoices:read'])
    for (const id of [session.id, session.root_id, 'ses_none', ''])
      expect(
        (await zone.exchange(other, id, { subject_token_type: typeOf.agentSession })).status,
      ).toBe(400)
  })

  test('starts others below itself, ten deep', async () => {
    let { session, token } = await zone.agent(runner)
    const { root_id } = session
    for (let depth = 2; depth <= 10; depth += 1) {
      const parent = session.id
      session = await zone.start(token)
      expect(session).toMatchObject({ parent_id: parent, root_id })
      token = await zone.mandate(runner, session.id)
    }
    expectError(await zone.call('POST', 'sessions', {}, token), 'limit_reached')
  })

  test('that is a task ends with its ttl, inside the task that started it', async () => {
    const { session, token } = await zone.agent(runner, { ttl_seconds: 60 })
    const child = await zone.start(token, { ttl_seconds: 3_600 })
    expect(child.expires_at).toBe(session.expires_at)
    expect(decodeJwt(token).exp).toBeLessThanOrEqual(Date.parse(session.expires_at ?? '') / 1_000)
  })
})

describe('what a session mandate may call', () => {
  test.each([
    ['applications.list', 'GET', 'applications', undefined],
    ['sessions.list', 'GET', 'sessions', undefined],
    ['grants.create', 'POST', 'grants', {}],
  ])('is not %s', async (_id, method, path, body) => {
    const { token } = await zone.agent(runner)
    await expectRefused(world, 'session_mandate_refused', () =>
      zone.call(method, path, body, token),
    )
  })

  test('is nothing of another zone', async () => {
    const other = await agentsIn(world, await newZone(world))
    const token = await zone.subject(runner)
    await expectRefused(world, 'mandate_zone_mismatch', () =>
      other.call('POST', 'sessions', {}, token),
    )
  })

  test('is nothing that an admin token may call in its place', async () => {
    const { session } = await zone.agent(runner)
    await expectRefused(world, 'session_mandate_required', () => zone.call('POST', 'sessions', {}))
    await expectRefused(world, 'session_mandate_required', () =>
      zone.call('POST', `sessions/${session.id}/heartbeat`),
    )
  })

  test('is its own session and those below, and no other', async () => {
    const { session, token } = await zone.agent(runner)
    const child = await zone.start(token)
    const sibling = await zone.start(await zone.subject(runner))
    expect((await zone.call('GET', `sessions/${child.id}`, undefined, token)).status).toBe(200)
    const below = await zone.mandate(runner, child.id)
    for (const id of [session.id, session.root_id, sibling.id]) {
      const path = `sessions/${id}`
      expectError(await zone.call('GET', path, undefined, below), 'not_found')
      expectError(await zone.call('POST', `${path}/terminate`, undefined, below), 'not_found')
      expectError(await zone.call('POST', `${path}/heartbeat`, undefined, below), 'not_found')
    }
    const ended = await zone.call('POST', `sessions/${child.id}/terminate`, undefined, token)
    expect(ended.body).toMatchObject({ state: 'terminated', end_reason: 'terminated' })
  })

  test('is recorded as the act of the application, in its session', async () => {
    const { session, token } = await zone.agent(runner)
    const child = await zone.start(token)
    const [event] = (await zone.make.call('audit.list', { type: 'sessions.start' })).items
    expect(event).toMatchObject({
      actor: { kind: 'application', id: runner.id },
      session_id: session.root_id,
      application_id: runner.id,
      mandate_jti: decodeJwt(token).jti,
      target: { kind: 'session', id: child.id },
    })
  })
})

describe('a service', () => {
  test('lives while its heartbeats come, and its mandates no longer than its lease', async () => {
    await using clocked = await startWorld()
    const own = await agentsIn(clocked, await newZone(clocked))
    const served = await own.granted(['invoices:read'])
    const { session } = await own.agent(served, { lifecycle: 'service', lease_seconds: 60 })
    for (let beat = 0; beat < 30; beat += 1) {
      clocked.pass(50_000)
      const token = await own.mandate(served, session.id)
      const path = `sessions/${session.id}/heartbeat`
      expect((await own.call('POST', path, undefined, token)).body).toMatchObject({
        state: 'active',
        expires_at: expect.any(String) as string,
      })
    }
    const last = await own.mandate(served, session.id)
    clocked.pass(61_000)
    expect(await own.isActive(served, last)).toBe(false)
    const state = (await own.call('GET', `sessions/${session.id}`)).body.state as string
    expect(state).toBe('expired')
    expect(
      (await own.exchange(served, session.id, { subject_token_type: typeOf.agentSession })).body,
    ).toMatchObject({ error: 'invalid_request', reason: 'session_expired' })
  })

  test('has a lease, and a task a ttl', async () => {
    const token = await zone.subject(runner)
    for (const input of [{ lease_seconds: 60 }, { lifecycle: 'service', ttl_seconds: 60 }])
      await expectRefused(world, 'invalid_body', () => zone.call('POST', 'sessions', input, token))
    const { session, token: own } = await zone.agent(runner)
    await expectRefused(world, 'conflict', () =>
      zone.call('POST', `sessions/${session.id}/heartbeat`, undefined, own),
    )
  })
})
