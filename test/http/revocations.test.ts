import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { serverEvents } from '../../src/client/event-stream.ts'
import { startWorld, type World } from '../world.ts'

/** The time that a request may take to arrive is over long before the stream is. */
vi.mock('../../src/kernel/limits.ts', async (original) => {
  const { limits } = await original<{ limits: Record<string, number> }>()
  return {
    limits: { ...limits, requestTimeoutMs: 200, connectionCheckMs: 50, feedHeartbeatMs: 10 },
  }
})

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

function open(at: World): Promise<Response> {
  return fetch(`${at.url}/zones/default/revocations`, { headers: { accept: 'text/event-stream' } })
}

describe('the revocation feed as the service serves it', () => {
  test('outlives the time that a request may take', async () => {
    const response = await open(world)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    let beats = 0
    for await (const { event } of serverEvents(response.body!)) {
      if (event === 'heartbeat') beats += 1
      if (beats === 3) break
    }
    expect(beats).toBe(3)
  })

  test('tells of an application that is archived, in the transaction that archives it', async () => {
    const { id } = await world.admin.applications.create('default', { name: 'short-lived' })
    await world.admin.applications.delete('default', { application_id: id })
    const response = await world.call('GET', '/zones/default/revocations', undefined, {
      token: null,
    })
    expect(response.body.revocations).toContainEqual({
      anchor: 'client',
      value: id,
      expires_at: expect.any(Number),
    })
  })

  test('says nothing of an archive that is only previewed', async () => {
    const { id } = await world.admin.applications.create('default', { name: 'stays' })
    await world.admin.applications.delete('default', { application_id: id }, { dryRun: true })
    const { body } = await world.call('GET', '/zones/default/revocations')
    expect(JSON.stringify(body)).not.toContain(id)
  })

  test('is named in the metadata of the zone', async () => {
    const { body } = await world.call(
      'GET',
      '/.well-known/oauth-authorization-server/zones/default',
      undefined,
      { token: null },
    )
    expect((await fetch(body.revocation_feed_uri)).status).toBe(200)
  })

  test('ends when the service does', async () => {
    const ending = await startWorld({ sharing: world })
    const response = await open(ending)
    const events = serverEvents(response.body!)
    expect((await events.next()).done).toBe(false)
    await ending[Symbol.asyncDispose]()
    await vi.waitFor(async () => expect((await events.next()).done).toBe(true), 10_000)
  })
})

test('a connection kept in reserve does not hold the end of the service up', async () => {
  const ending = await startWorld({ sharing: world })
  const socket = connect(Number(new URL(ending.url).port), '127.0.0.1')
  await once(socket, 'connect')
  const ended = once(socket, 'close')
  // The service has accepted it by the time that it answers on another.
  expect((await ending.call('GET', '/health')).status).toBe(200)
  await ending[Symbol.asyncDispose]()
  await ended
})
