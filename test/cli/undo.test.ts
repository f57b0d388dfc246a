import { afterAll, beforeAll, expect, test } from 'vitest'
import { access, approved, carryOut } from '../support/plans.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { runCommand, type Ran } from './terminal.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

function caracal(...args: string[]): Promise<Ran> {
  const env = { CARACAL_URL: world.url, CARACAL_ADMIN_TOKEN: world.token }
  return runCommand(args, { env })
}

test('plan undo shows the inverse plan, which is approved and applied like any other', async () => {
  const { zone } = await newZone(world)
  const plan = await carryOut(world, access('billing'), { zone })
  const shown = await caracal('plan', 'undo', plan.id, '--zone', zone)
  expect(shown.exit).toBe(0)
  expect(shown.out).toMatch(new RegExp(`undoes +${plan.id}`))
  expect(shown.out).toContain('- billing agent loses invoices:read on billing invoices')

  const { json } = await caracal('plan', 'undo', plan.id, '--zone', zone, '--json')
  const args = [json.id, '--digest', json.digest, '--reason', 'a mistake', '--apply']
  expect((await caracal('plan', 'approve', ...args, '--zone', zone)).exit).toBe(0)
  const left = await caracal('application', 'list', '--zone', zone)
  expect(left.out).toContain('No application found')
})

test('what stands against it is named, one reason a line', async () => {
  const make = await newZone(world)
  const { zone } = make
  const plan = await carryOut(world, access('kept'), { zone })
  for (const { kind, id } of plan.preview?.steps.flatMap(({ changes }) => changes) ?? [])
    if (kind === 'application')
      await make.call('applications.patch', { application_id: id, labels: ['team:x'] })
  const refused = await caracal('plan', 'undo', plan.id, '--zone', zone)
  expect(refused.exit).toBe(4)
  expect(refused.notes).toContain('The application kept agent has been changed since')
  expect(refused.notes).toContain('applications.patch by administrator')
})

test('plan rebase shows what has changed since the approval, and nothing else', async () => {
  const make = await newZone(world)
  const { zone } = make
  const { id: application_id } = await make.application()
  const labels = { application_id, labels: ['team:a'] }
  const plan = await approved(
    world,
    [{ id: 'label', operation: 'applications.patch', input: labels }, ...access('other')],
    { zone },
  )
  await make.call('applications.patch', { application_id, labels: ['team:b'] })
  const stale = await caracal('plan', 'apply', plan.id, '--zone', zone)
  expect(stale.notes).toContain('caracal plan rebase ID')
  const { exit, out } = await caracal('plan', 'rebase', plan.id, '--zone', zone)
  expect(exit).toBe(0)
  expect(out).toContain('Changed since it was approved\n  steps.label.changes')
  expect(out).toContain('team:b')
  expect(out).not.toContain('other invoices')
  expect((await caracal('plan', 'show', plan.id, '--zone', zone)).out).toContain('other invoices')
})
