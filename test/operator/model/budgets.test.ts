import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Budgets } from '../../../src/operator/conversation/budget.ts'
import { pruneFinished } from '../../../src/sts/upkeep.ts'
import { converse, say, type Conversation } from '../../support/conversations.ts'
import { startFakeMessagesApi, use, type Reply } from '../../support/fake-messages-api.ts'
import { freshName } from '../../support/zone-maker.ts'
import { startWorld, type World, type WorldOptions } from '../../world.ts'

/**
 * Guarantee: what is used of models never goes beyond the budgets of a conversation, a zone and the
 * installation, whichever replica asks and whatever comes of the calls; every call is on record.
 */
const budgets: Budgets = {
  conversation: { tokens: 60_000, calls: 3 },
  zoneDay: { tokens: 90_000, calls: 50 },
  day: { tokens: 150_000, calls: 100 },
}
const usage = { input_tokens: 9_000, output_tokens: 1_000 }
const answering: Reply = { say: [{ type: 'text', text: 'Here.' }], usage }
let reply: Reply = answering
const api = await startFakeMessagesApi(() => reply)
const options: WorldOptions = {
  still: true,
  config: { models: [{ model: 'claude-test', baseUrl: api.url }], budgets },
  modelKeys: ['sk-test'],
}
const world = await startWorld(options)
const other = await startWorld({ ...options, sharing: world })
const dayMs = 86_400_000

beforeEach(() => {
  reply = answering
  for (const each of [world, other]) each.pass(dayMs - (each.now() % dayMs))
})
afterAll(async () => {
  await other[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

async function calls(conversation?: Conversation) {
  const { items } = await world.admin.operator.calls(
    conversation?.zone_id ?? 'default',
    conversation === undefined ? {} : { conversation_id: conversation.id },
  )
  return items
}

/** Says something and gives the reply with the event of its answer: there is exactly one. */
async function told(conversation: Conversation, by: World = world) {
  const mark = await world.eventCount()
  const { reply } = await say(by, conversation, 'what is here?')
  const events = (await world.events(mark)).filter(({ type }) => type === 'model.answer')
  expect(events).toHaveLength(1)
  return { ...reply, event: events[0] }
}

async function expectLimit(conversation: Conversation, words: RegExp, by: World = world) {
  const asked = api.requests.length
  const state = await world.state()
  const { text, outcome, event } = await told(conversation, by)
  expect({ text, outcome }).toEqual({ text: expect.stringMatching(words), outcome: 'failed' })
  expect(event).toMatchObject({ outcome: 'failed', reason: 'limit_reached' })
  expect(api.requests).toHaveLength(asked)
  expect(await world.state()).toBe(state)
}

describe('a turn beyond a budget is refused before the model is called', () => {
  test('of a conversation, which says to open another one', async () => {
    const conversation = await converse(world)
    for (let i = 0; i < 3; i += 1) expect(await told(conversation)).toMatchObject({ text: 'Here.' })
    await expectLimit(conversation, /^This conversation has used 3 of its 3 calls.*open a new/)
    await expectLimit(conversation, /3 of its 3 calls/, other)
    expect(await told(await converse(world))).toMatchObject({ text: 'Here.' })
  })

  test('of a zone on one day, which says when it is free again, and then it is', async () => {
    const midnight = new Date(world.now() + dayMs).toISOString()
    for (let i = 0; i < 7; i += 1) await told(await converse(world))
    const conversation = await converse(world)
    await expectLimit(
      conversation,
      new RegExp(
        `^This zone today has used 70000 of its 90000 tokens of models and the next call may take ` +
          `\\d+: it is free again at ${midnight}\\.$`,
      ),
    )
    const zone = (await world.admin.zones.create({ name: freshName('zone') })).id
    expect(await told(await converse(world, { zone }))).toMatchObject({ text: 'Here.' })
    for (const each of [world, other]) each.pass(dayMs)
    expect(await told(conversation)).toMatchObject({ text: 'Here.' })
  })

  test('of the installation, whatever the zone', async () => {
    for (let i = 0; i < 13; i += 1) {
      const zone = (await world.admin.zones.create({ name: freshName('zone') })).id
      await told(await converse(world, { zone }))
    }
    const zone = (await world.admin.zones.create({ name: freshName('zone') })).id
    await expectLimit(
      await converse(world, { zone }),
      /^This installation today has used 130000 of/,
    )
  })

  test('of a zone, where a call whose process died counts as the most that it may have cost', async () => {
    const conversation = await converse(world)
    await told(conversation)
    await world.sql(
      `update model_calls set state = 'running', spent = 80000 where conversation_id = $1`,
      [conversation.id],
    )
    await expectLimit(await converse(world), /^This zone today has used 80000 of/)
  })

  test('midway, when the loop comes to it: what was proposed so far is kept', async () => {
    reply = { say: [{ type: 'tool_use', name: 'grants_list', input: {} }], usage }
    const conversation = await converse(world)
    const { text, outcome } = await told(conversation)
    expect({ text, outcome }).toEqual({
      text: expect.stringContaining('3 of its 3 calls'),
      outcome: 'failed',
    })
    expect(await calls(conversation)).toHaveLength(3)
  })

  test('two replicas that ask at once never go beyond it together', async () => {
    const conversations = await Promise.all(Array.from({ length: 12 }, () => converse(world)))
    await Promise.all(
      conversations.map((one, index) => say(index % 2 === 0 ? world : other, one, 'hello')),
    )
    const { zone } = await world.admin.operator.usage('default')
    expect(zone.used.tokens).toBeLessThanOrEqual(budgets.zoneDay.tokens)
    expect(zone.used.tokens).toBeGreaterThan(0)
    expect(zone.used.tokens).toBe(zone.used.calls * 10_000)
  })
})

describe('every call is on record', () => {
  test('with its cost, cached input at a tenth', async () => {
    const cached = { cache_creation_input_tokens: 20, cache_read_input_tokens: 1_000 }
    reply = { say: [{ type: 'text', text: 'Here.' }], usage: { ...usage, ...cached } }
    const conversation = await converse(world)
    const { id } = await told(conversation)
    const [call, ...more] = await calls(conversation)
    expect(more).toEqual([])
    expect(call).toMatchObject({
      ...{ model: 'claude-test', host: new URL(api.url).host, purpose: 'answer' },
      ...{ state: 'answered', reason: null, spent: 10_120 },
      ...{ input_tokens: 9_000, cache_write_tokens: 20, cache_read_tokens: 1_000 },
      output_tokens: 1_000,
      duration_ms: expect.any(Number),
    })
    expect(call?.message_id).not.toBe(id)
  })

  test('each try of a failed one, and what a broken one had cost', async () => {
    reply = { error: { status: 529, type: 'overloaded_error', message: 'sk-secret' } }
    const failed = await converse(world, { mode: 'ask' })
    await told(failed)
    expect(await calls(failed)).toMatchObject(
      Array.from({ length: 3 }, () => ({ state: 'failed', reason: 'overloaded_error', spent: 0 })),
    )
    reply = { cutAfter: [{ type: 'text', text: 'It was a long story, and ' }] }
    const broken = await converse(world)
    await told(broken)
    const [call] = await calls(broken)
    expect(call).toMatchObject({ state: 'failed', reason: 'broken_answer', input_tokens: 100 })
    expect(call?.output_tokens).toBeGreaterThan(5)
    expect(JSON.stringify(await calls())).not.toContain('sk-')
  })

  test('one that was stopped', async () => {
    reply = { hang: true }
    const conversation = await converse(world)
    const asked = api.requests.length
    const answer = say(world, conversation, 'hello')
    await expect.poll(() => api.requests.length).toBeGreaterThan(asked)
    expect(await calls(conversation)).toMatchObject([{ state: 'running', output_tokens: 0 }])
    await world.admin.conversations.cancel('default', { conversation_id: conversation.id })
    expect((await answer).reply.outcome).toBe('cancelled')
    expect(await calls(conversation)).toMatchObject([
      { state: 'cancelled', reason: null, spent: 0 },
    ])
  })

  test('the event of a failed turn says what it used', async () => {
    reply = { ...use('grants_list'), ...{ usage } }
    await told(await converse(world))
    const [row] = await world.sql<{ entry: { diagnostics: object } }>(
      `select entry from events where type = 'model.answer' order by position desc limit 1`,
    )
    expect(row?.entry.diagnostics).toMatchObject({
      usage: { calls: 3, inputTokens: 27_000, outputTokens: 3_000 },
    })
  })

  test('for thirty days, after its conversation was deleted too', async () => {
    const conversation = await converse(world)
    await told(conversation)
    await world.admin.conversations.delete('default', { conversation_id: conversation.id })
    expect(await calls(conversation)).toHaveLength(1)
    world.pass(31 * dayMs)
    other.pass(31 * dayMs)
    await pruneFinished(world.service.context)
    expect(await calls()).toEqual([])
  })
})

describe('who may read it', () => {
  test('the budgets and endpoints: the zone’s own for who reads one zone, all for who reads all', async () => {
    await told(await converse(world))
    const all = await world.admin.operator.usage('default')
    expect(all).toMatchObject({
      zone: { used: { tokens: 10_000, calls: 1 }, bound: budgets.zoneDay },
      installation: { used: { tokens: 10_000, calls: 1 }, bound: budgets.day },
      endpoints: [{ model: 'claude-test', host: new URL(api.url).host, failure: null }],
    })
    expect(all.zone.free_at).toBe(new Date(world.now() + dayMs).toISOString())
    const zone = await world.admin.zones.create({ name: freshName('zone') })
    const token = await world.person(freshName('bob'), ['read'], zone.id)
    const own = await world.call('GET', `/v1/zones/${zone.id}/operator/usage`, undefined, { token })
    expect(own).toMatchObject({
      status: 200,
      body: { zone: { used: { tokens: 0, calls: 0 } }, installation: null },
    })
    const paths = ['usage', 'calls'].map((name) => `/v1/zones/default/operator/${name}`)
    for (const path of paths)
      expect((await world.call('GET', path, undefined, { token })).status).toBe(403)
  })

  test('no model: neither is a tool', async () => {
    await told(await converse(world))
    const names = api.requests.at(-1)?.body.tools?.map(({ name }) => name) ?? []
    expect(names).toContain('operator_status')
    expect(names.filter((name) => /usage|calls/.test(name))).toEqual([])
  })
})
