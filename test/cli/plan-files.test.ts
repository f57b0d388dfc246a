import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { access, carryOut, propose } from '../support/plans.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { runCommand, type Ran, type RunOptions } from './terminal.ts'

let world: World
const folder = mkdtempSync(join(tmpdir(), 'caracal-files-'))
const file = join(folder, 'zone.yaml')

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

function caracal(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const env = { CARACAL_URL: world.url, CARACAL_ADMIN_TOKEN: world.token }
  return runCommand(args, { env, ...options })
}

test('zone export writes YAML that plan --file has nothing to change for', async () => {
  const { zone } = await newZone(world)
  await carryOut(world, access('billing'), { zone })
  const exported = await caracal(['zone', 'export', zone])
  expect(exported.exit).toBe(0)
  expect(parse(exported.out)).toEqual((await caracal(['zone', 'export', zone, '--json'])).json)
  writeFileSync(file, exported.out)
  const unchanged = await caracal(['plan', '--file', file, '--zone', zone])
  expect(unchanged.exit).toBe(0)
  expect(unchanged.out).toContain('Nothing to change')

  writeFileSync(file, exported.out.replaceAll('billing agent', 'invoice agent'))
  const planned = await caracal(['plan', '--file', file, '--zone', zone])
  expect(planned.exit).toBe(0)
  expect(planned.out).toContain('asked by   administrator (file)')
  expect(planned.out).toContain('+ invoice agent gains invoices:read on billing invoices')
  expect(planned.notes).toContain('caracal plan approve plan_')
})

test('plan export and import carry a plan elsewhere', async () => {
  const [{ zone }, other] = [await newZone(world), await newZone(world)]
  const { id, steps } = await propose(world, access('moved'), { zone })
  const path = join(folder, 'plan.yaml')
  expect((await caracal(['plan', 'export', id, '--output', path, '--zone', zone])).exit).toBe(0)
  const input = readFileSync(path, 'utf8')
  const made = await caracal(['plan', 'import', '-', '--zone', other.zone, '--json'], { input })
  expect(made.json.plan).toMatchObject({ zone_id: other.zone, steps })
})

test.each<readonly [string, readonly string[], string, RegExp]>([
  ['no YAML', ['plan', '--file', '-'], 'a: [', /is not YAML/],
  ['no declaration', ['plan', '--file', '-'], 'name: x', /has no "format"/],
  ['aliases', ['plan', 'import', '-'], 'format: &a x\nb: *a', /is not YAML/],
  ['a name twice', ['plan', 'import', '-'], 'format: x\nformat: y', /is not YAML/],
  ['no file', ['plan', '--file', join(folder, 'none.yaml')], '', /cannot be read/],
  ['a verb that is none', ['plan', 'approv'], '', /unknown command/],
])('%s is a usage error', async (_, args, input, words) => {
  const ran = await caracal(args, { input })
  expect(ran.exit).toBe(2)
  expect(ran.notes).toMatch(words)
})

test('what a file declares wrongly is named by its place', async () => {
  const input = 'format: caracal-zone/1\napplications:\n  - name: a\n  - name: A\n'
  const ran = await caracal(['plan', '--file', '-'], { input })
  expect(ran.exit).toBe(2)
  expect(ran.notes).toContain('applications.1.name')
})
