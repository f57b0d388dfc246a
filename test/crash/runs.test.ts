import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createAdminClient } from '../../src/client/admin-client.ts'
import { converse, type ConversationEvent } from '../../src/client/converse.ts'
import { converse as open } from '../support/conversations.ts'
import { startFakeMessagesApi, type FakeMessagesApi } from '../support/fake-messages-api.ts'
import { application } from '../support/plans.ts'
import { scriptedModel } from '../support/scripted-model.ts'
import { freshName } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { startReplica } from './replica.ts'

/**
 * Guarantee (operator.md, Conversation): a message whose process is killed in the middle of its
 * answer is answered once, by another replica, and what was proposed is not proposed again.
 */
const model = scriptedModel()
let world: World
let provider: FakeMessagesApi
/** What the model of the replica that dies does before it hangs. */
let before: readonly { readonly name: string; readonly input: object }[] = []

beforeAll(async () => {
  world = await startWorld({ model })
  provider = await startFakeMessagesApi((request) => {
    const [use] = before
    const used = JSON.stringify(request.body.messages).includes('tool_result')
    if (use === undefined || used) return { hang: true }
    return {
      say: [
        { type: 'text', text: 'Half' },
        { type: 'tool_use', ...use },
      ],
    }
  })
})

beforeEach(() => {
  model.follow((turn) => {
    turn.emit({ type: 'text', text: 'Whole' })
    return Promise.resolve('Whole')
  })
})

afterAll(async () => {
  await provider[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

/** Talks with a replica that is killed once a model hangs, behind an address that leads on. */
async function talkThroughDeath() {
  const settings = { ANTHROPIC_API_KEY: 'not-a-key', ANTHROPIC_BASE_URL: provider.url }
  await using replica = await startReplica(world, undefined, settings)
  const conversation = await open(world)
  let base = replica.url
  const client = createAdminClient({
    apiUrl: world.url,
    adminToken: world.token,
    fetch: (url, init) => fetch((url as string).replace(world.url, base), init),
  })
  const [asked, mark] = [provider.requests.length, await world.eventCount()]
  const events: ConversationEvent[] = []
  const answer = converse(client, 'default', conversation.id, 'go on', {
    onEvent: (event) => events.push(event),
  })
  await vi.waitFor(() => {
    expect(provider.requests.length).toBe(asked + 1 + before.length)
    expect(events.filter(({ type }) => type === 'plan')).toHaveLength(before.length)
    expect(events.length).toBeGreaterThan(1)
  }, 15_000)
  base = world.url
  await replica.kill()
  const reply = await answer
  const { messages } = await world.admin.conversations.get('default', {
    conversation_id: conversation.id,
  })
  expect(messages.map(({ role }) => role)).toEqual(['person', 'operator'])
  expect(messages[1]).toEqual(reply)
  const told = (await world.events(mark)).filter(({ type }) => type === 'model.answer')
  expect(told).toHaveLength(1)
  const plans = await world.sql<{ id: string }>('select id from plans where conversation_id = $1', [
    conversation.id,
  ])
  return { reply, events, plans: plans.map(({ id }) => id) }
}

test('a message whose process is killed while its model thinks is answered once, by another', async () => {
  before = []
  const asked = model.turns.length
  const { reply, events } = await talkThroughDeath()
  expect(reply).toMatchObject({ text: 'Whole', outcome: 'done', model: 'scripted' })
  expect(model.turns).toHaveLength(asked + 1)
  const restart = events.findIndex(({ type }) => type === 'restart')
  expect(restart).toBeGreaterThan(0)
  expect(events.slice(restart + 1)).toEqual([
    { type: 'stage', stage: 'mandate' },
    { type: 'stage', stage: 'thinking' },
    { type: 'text', text: 'Whole' },
  ])
}, 120_000)

test('a plan that was proposed before the process was killed is shown, and not made again', async () => {
  before = [{ name: 'plan_propose', input: { steps: [application(freshName('agent'))] } }]
  const asked = model.turns.length
  const { reply, events, plans } = await talkThroughDeath()
  expect(plans).toHaveLength(1)
  expect(reply).toMatchObject({ plan_ids: plans, outcome: 'done' })
  expect(reply.text).toContain('interrupted')
  expect(model.turns).toHaveLength(asked)
  const shown = events.slice(events.findIndex(({ type }) => type === 'restart') + 1)
  expect(shown).toMatchObject([{ type: 'plan', plan: { id: plans[0] } }])
}, 120_000)
