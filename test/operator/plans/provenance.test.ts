import { afterAll, beforeAll, expect, test } from 'vitest'
import { renderPlan } from '../../../src/cli/render-plan.ts'
import { createIo } from '../../../src/cli/io.ts'
import { openStreams } from '../../cli/terminal.ts'
import { converse, say } from '../../support/conversations.ts'
import { onPlan, propose, readPlan, type Plan, type PlanStep } from '../../support/plans.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { freshName, makerIn } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

const model = scriptedModel()
let world: World

beforeAll(async () => {
  world = await startWorld({ model })
})
afterAll(() => world[Symbol.asyncDispose]())

/** The plan that a model makes of a person's words. */
async function planOf(words: string, steps: readonly PlanStep[], intent = ''): Promise<Plan> {
  model.follow(async (turn) => {
    await turn.call('plan_propose', { steps, intent })
    return 'Here is a plan.'
  })
  const { reply } = await say(world, await converse(world), words)
  return readPlan(world, { id: reply.plan_ids[0] ?? '', zone_id: 'default' })
}

test('every argument of the Operator says where it comes from', async () => {
  const make = makerIn(world, 'default')
  const { id } = await make.resource()
  const name = freshName('Billing Bot')
  const plan = await planOf(
    `register ${name.toLowerCase()}, which may read the invoices`,
    [
      { id: 'app', operation: 'applications.create', input: { name, labels: ['team:secret'] } },
      {
        id: 'grant',
        operation: 'grants.create',
        input: {
          application_id: '{{steps.app.output.id}}',
          resource_id: id,
          scopes: ['invoices:read'],
          expires_at: '2099-01-01T00:00:00Z',
        },
      },
    ],
    'give it team:secret until 2099-01-01T00:00:00Z',
  )
  expect(plan.preview?.provenance).toEqual(
    [
      { step: 'app', argument: 'name', source: 'words' },
      { step: 'app', argument: 'labels.0', source: 'neither' },
      { step: 'grant', argument: 'scopes.0', source: 'state' },
      { step: 'grant', argument: 'expires_at', source: 'neither' },
      { step: 'grant', argument: 'resource_id', source: 'state' },
      { step: 'grant', argument: 'application_id', source: 'plan' },
    ].toSorted((a, b) => order(plan, a) - order(plan, b)),
  )

  const io = createIo(openStreams(false).streams, false)
  const shown = renderPlan(plan, io)
  expect(shown).toContain('neither in the words of the person nor in the zone:')
  expect(shown).toContain('step 1: labels.0')
  expect(shown).toContain('step 2: expires_at')
  expect(shown).not.toContain('step 2: scopes.0')
})

/** JSON of the database has an order of keys of its own. */
function order(plan: Plan, { step, argument }: { step: string; argument: string }): number {
  return (plan.preview?.provenance ?? []).findIndex(
    (one) => one.step === step && one.argument === argument,
  )
}

test('a part of a word is no word, and what the model says is not what the person says', async () => {
  const { preview } = await planOf(
    'register an agent',
    [
      { id: 'a', operation: 'applications.create', input: { name: 'age' } },
      { id: 'b', operation: 'applications.create', input: { name: 'an agent' } },
    ],
    'register age',
  )
  expect(preview?.provenance?.map(({ source }) => source)).toEqual(['neither', 'words'])
})

test('it is part of what is approved, and stays over a rebase', async () => {
  const plan = await planOf('register an agent', [
    { id: 'a', operation: 'applications.create', input: { name: freshName('other') } },
  ])
  expect(plan.preview?.provenance).toMatchObject([{ source: 'neither' }])
  const again = (await onPlan(world, plan, 'rebase', {}, { zone: 'default' })).body as Plan
  expect(again.preview?.provenance).toEqual(plan.preview?.provenance)
  expect(again.since?.differences).toEqual([])
})

test('a plan that a person makes has none: every argument is theirs', async () => {
  const step = { id: 'a', operation: 'applications.create', input: { name: freshName('own') } }
  expect((await propose(world, [step])).preview?.provenance).toBeUndefined()
})
