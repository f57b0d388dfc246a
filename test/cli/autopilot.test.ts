import { afterAll, beforeAll, expect, test } from 'vitest'
import { startChat } from '../../src/cli/chat.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { openStreams, runCommand, type Ran } from './terminal.ts'

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
})
afterAll(() => world[Symbol.asyncDispose]())

function caracal(...args: readonly string[]): Promise<Ran> {
  const env = { CARACAL_URL: world.url, CARACAL_ADMIN_TOKEN: world.token, CARACAL_ZONE: make.zone }
  return runCommand(args, { env })
}

/** Words that take the access away that a new application has. */
async function taking(): Promise<string> {
  const { application_id, resource_id } = await make.grant()
  const { name } = await make.call('applications.get', { application_id })
  const resource = await make.call('resources.get', { resource_id })
  return `revoke the access of ${name} to ${resource.name}`
}

test('is off, is switched on, says what it may do, and is stopped', async () => {
  expect((await caracal('autopilot', '--json')).json).toMatchObject({ enabled: false })
  const refused = await caracal('ask', '--autopilot', await taking())
  expect(refused.exit).toBe(4)
  const on = await caracal('autopilot', 'on', '--writes-per-day', '7', '--json')
  expect(on.json).toMatchObject({ enabled: true, writes_per_day: 7 })
  expect((await caracal('autopilot', 'off', '--json')).json).toMatchObject({ enabled: false })
  expect((await caracal('autopilot', 'status', '--json')).json).toMatchObject({ enabled: false })
})

test('ask --autopilot applies what proves harmless and says so, and asks about the rest', async () => {
  await caracal('autopilot', 'on')
  const done = await caracal('ask', '--autopilot', await taking())
  expect(done.exit).toBe(0)
  expect(done.out).toMatch(/Autopilot has approved and applied plan plan_\S+\./)
  expect(done.out).toMatch(/approved by autopilot for administrator/)
  const held = await caracal('ask', '--autopilot', 'register an application called newcomer')
  expect(held.exit).toBe(5)
  expect(held.out).toMatch(/Autopilot leaves plan plan_\S+ to you\./)
})

test('chat --autopilot says it too', async () => {
  const words = await taking()
  await caracal('autopilot', 'on')
  const { streams, written } = openStreams(false)
  streams.input.end(`${words}\n`)
  const { input, output } = streams
  const { url: apiUrl, token } = world
  await startChat({ apiUrl, token, zone: make.zone, input, output, autopilot: true, color: false })
  expect(written.out.join('')).toContain('Autopilot has approved and applied plan')
})
