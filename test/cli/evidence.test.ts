import { afterAll, beforeAll, expect, test } from 'vitest'
import { everythingLogged } from '../support/audit-log.ts'
import { access, carryOut } from '../support/plans.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { runCommand } from './terminal.ts'

let world: World
let input: string

beforeAll(async () => {
  world = await startWorld()
  const { zone } = await newZone(world)
  const { id } = await carryOut(world, access('proven'), { zone })
  await everythingLogged(world)
  const env = { CARACAL_URL: world.url, CARACAL_ADMIN_TOKEN: world.token }
  const written = await runCommand(['plan', 'evidence', id, '--zone', zone], { env })
  expect(written.exit).toBe(0)
  input = written.out
})
afterAll(() => world[Symbol.asyncDispose]())

/** No service and no token: what is verified is the file. */
const offline = { CARACAL_URL: 'http://127.0.0.1:9' }

test('evidence verify needs no service, and says whose key it believed', async () => {
  const ran = await runCommand(['evidence', 'verify', '-'], { env: offline, input })
  expect(ran.exit).toBe(0)
  expect(ran.out).toMatch(/Verified: plan plan_\S+, applied/)
  expect(ran.out).toContain('approve by administrator')
  expect(ran.out).toContain('The key is the one in the file')
  const key = (JSON.parse(input) as { logs: { verifier_key: string }[] }).logs[0]?.verifier_key
  const given = ['evidence', 'verify', '-', '--key', key ?? '', '--json']
  const { exit, json } = await runCommand(given, { env: offline, input })
  expect(exit).toBe(0)
  expect(json).toMatchObject({ verified: true, key, findings: [] })
})

test('what was altered is named, with exit code 1', async () => {
  const altered = input.replace('proven agent', 'another agent')
  const ran = await runCommand(['evidence', 'verify', '-'], { env: offline, input: altered })
  expect(ran.exit).toBe(1)
  expect(ran.out).toContain('Not verified')
  expect(ran.out).toContain('plan.steps is not what was signed')
  const none = await runCommand(['evidence', 'verify', '-'], { env: offline, input: 'no JSON' })
  expect(none.exit).toBe(2)
})
