import { afterAll, beforeAll, expect, test } from 'vitest'
import { say, startFakeMessagesApi, type FakeMessagesApi } from '../support/fake-messages-api.ts'
import { startWorld, type World } from '../world.ts'
import { runCommand, type Ran } from './terminal.ts'

let first: FakeMessagesApi
let second: FakeMessagesApi
let world: World

beforeAll(async () => {
  first = await startFakeMessagesApi(() => ({
    error: { status: 529, type: 'overloaded_error', message: 'busy' },
  }))
  second = await startFakeMessagesApi(() => say('There is nothing here.'))
  world = await startWorld({
    config: {
      models: [
        { model: 'claude-first', baseUrl: first.url },
        { model: 'claude-second', baseUrl: second.url },
      ],
    },
    modelKeys: ['sk-first', 'sk-second'],
  })
})
afterAll(async () => {
  for (const part of [world, first, second]) await part[Symbol.asyncDispose]()
})

function caracal(...args: readonly string[]): Promise<Ran> {
  return runCommand(args, {
    env: { CARACAL_URL: world.url, CARACAL_ADMIN_TOKEN: world.token },
    columns: 200,
  })
}

test('the command line answers by the next endpoint, and says which failed and what was used', async () => {
  expect(await caracal('ask', 'what is here?')).toMatchObject({
    exit: 0,
    out: expect.stringContaining('There is nothing here.'),
  })
  const { json } = await caracal('doctor', '--json')
  const models = (json.findings as { check: string; state: string; finding: string }[]).filter(
    ({ check }) => check === 'model',
  )
  expect(models).toEqual([
    {
      check: 'model',
      state: 'warn',
      finding: expect.stringMatching(
        /^claude-first at 127\.0\.0\.1:\d+ failed \(overloaded_error\)/,
      ),
    },
    { check: 'model', state: 'ok', finding: `claude-second at ${new URL(second.url).host}` },
  ])
  const calls = await caracal('operator', 'calls')
  expect(calls.out).toMatch(/claude-second +answered/)
  expect(calls.out.match(/claude-first +failed +overloaded_error/g)).toHaveLength(3)
  const usage = await caracal('operator', 'usage', '--json')
  expect(usage.json).toMatchObject({
    zone: { used: { calls: 4 } },
    installation: { used: { calls: 4 } },
    endpoints: [{ failure: 'overloaded_error' }, { failure: null }],
  })
  for (const { out, notes } of [calls, usage]) expect(out + notes).not.toContain('sk-')
})
