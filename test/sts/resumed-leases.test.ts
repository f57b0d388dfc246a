import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentsIn, type Agents, type Runner } from '../support/agents.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/** Guarantee: a service that is resumed gets a new lease, and outlives no task above it by that. */
let world: World
let zone: Agents
let runner: Runner

beforeAll(async () => {
  world = await startWorld({ still: true })
  zone = await agentsIn(world, await newZone(world))
  runner = await zone.granted(['invoices:read'])
})
afterAll(() => world[Symbol.asyncDispose]())

type Above = { readonly ttl_seconds: number } | { readonly lease_seconds: number }

/** A service of 60 seconds below others, the uppermost first; ends in seconds from its start. */
async function serviceBelow(above: readonly Above[]) {
  const line: string[] = []
  let token = await zone.subject(runner)
  for (const one of [...above, { lease_seconds: 60 }]) {
    const lifecycle = 'lease_seconds' in one ? 'service' : 'task'
    const { id } = await zone.start(token, { lifecycle, ...one })
    line.push(id)
    token = await zone.mandate(runner, id)
  }
  return { line, startedMs: world.now() }
}

test.each<[string, Above[], number, number]>([
  ['a whole lease where nothing ends sooner', [], 0, 50 + 60],
  ['a whole lease below a task that goes on', [{ ttl_seconds: 600 }], 1, 50 + 60],
  ['what is left of the task above', [{ ttl_seconds: 100 }], 1, 100],
  ['what is left of the task above, itself held', [{ ttl_seconds: 100 }], 0, 100],
  ['that of the first task to end', [{ ttl_seconds: 90 }, { ttl_seconds: 300 }], 0, 90],
  ['that of a task far above', [{ ttl_seconds: 80 }, { lease_seconds: 90 }], 2, 80],
  ['a whole lease below a service, whose end moves', [{ lease_seconds: 90 }], 0, 50 + 60],
])('%s', async (_what, above, held, expected) => {
  const { line, startedMs } = await serviceBelow(above)
  await zone.make.call('sessions.suspend', { session_id: line[held] ?? '' })
  world.pass(50_000)
  await zone.make.call('sessions.resume', { session_id: line[held] ?? '' })
  const service = await zone.make.call('sessions.get', { session_id: line.at(-1) ?? '' })
  expect((Date.parse(service.expires_at ?? '') - startedMs) / 1_000).toBe(expected)
  world.pass((expected - 50) * 1_000 - 1)
  expect((await zone.make.call('sessions.get', { session_id: service.id })).state).toBe('active')
  world.pass(1)
  expect((await zone.make.call('sessions.get', { session_id: service.id })).state).toBe('expired')
})
