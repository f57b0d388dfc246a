import { afterAll, beforeAll, expect, test } from 'vitest'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { runCommand, type Ran } from './terminal.ts'

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  await make.grant()
})
afterAll(() => world[Symbol.asyncDispose]())

function draft(...args: readonly string[]): Promise<Ran> {
  const env = { CARACAL_URL: world.url, CARACAL_ADMIN_TOKEN: world.token, CARACAL_ZONE: make.zone }
  return runCommand(['policy', 'draft', ...args], { env })
}

test('shows the document and who loses by it, and keeps nothing', async () => {
  const before = await world.state()
  const { exit, out } = await draft('freeze the zone')
  expect(exit).toBe(0)
  expect(out).toContain('"restrict"')
  expect(out).toMatch(/loses invoices:read/)
  expect(out).toContain('Nothing is kept.')
  expect(await world.state()).toBe(before)
})

test('with --plan it proposes the plan, which waits', async () => {
  const { exit, out } = await draft('freeze the zone', '--plan')
  expect(exit).toBe(5)
  expect(out).toMatch(/Plan plan_\S+ {2}pending approval/)
  expect(out).toContain('caracal plan approve plan_')
})

test('asks back, refuses, and is one JSON value where that is wanted', async () => {
  expect((await draft('require approval')).exit).toBe(3)
  const refused = await draft('flurbl the wibble')
  expect(refused).toMatchObject({ exit: 4, out: expect.stringContaining('No draft.') })
  const { json } = await draft('freeze the zone', '--json')
  expect(json).toMatchObject({ outcome: 'drafted', widens: false })
})
