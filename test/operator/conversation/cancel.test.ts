import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Turn } from '../../../src/operator/model/model.ts'
import { converse, say, type Conversation } from '../../support/conversations.ts'
import { application } from '../../support/plans.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { freshName } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

/**
 * Guarantee (operator.md, Conversation): an answer can be stopped at each of its stages, from any
 * replica. It leaves one reply that says so and one event, and proposes nothing more.
 */
const model = scriptedModel()
let here: World
let there: World

beforeAll(async () => {
  here = await startWorld({ model })
  there = await startWorld({ model: scriptedModel(), sharing: here })
})
afterAll(async () => {
  await there[Symbol.asyncDispose]()
  await here[Symbol.asyncDispose]()
})
beforeEach(() => {
  model.follow(() => Promise.resolve('Hello.'))
})

function propose(turn: Turn) {
  return turn.call('plan_propose', { steps: [application(freshName('agent'))] })
}

async function cancel(world: World, { id }: Conversation): Promise<boolean> {
  const answer = await world.admin.conversations.cancel('default', { conversation_id: id })
  return answer.cancelled
}

async function plansOf({ id }: Conversation): Promise<string[]> {
  const rows = await here.sql<{ id: string }>('select id from plans where conversation_id = $1', [
    id,
  ])
  return rows.map((row) => row.id)
}

/** What the model does up to the moment at which the person stops it; it never listens. */
const stages: Readonly<Record<string, (turn: Turn) => Promise<unknown>>> = {
  'before it has said anything': () => Promise.resolve(),
  'while it streams': (turn) => {
    turn.emit({ type: 'text', text: 'I think' })
    return Promise.resolve()
  },
  'after it has used a tool': (turn) => turn.call('grants_list', {}),
  'after it has proposed a plan': propose,
}

describe.each(Object.entries(stages))('an answer that is stopped %s', (_, stage) => {
  test.each([
    ['here', () => here],
    ['on another replica', () => there],
  ])('%s says so once, and proposes nothing more', async (_where, world) => {
    const conversation = await converse(here)
    const reached = Promise.withResolvers<Turn>()
    const never = Promise.withResolvers<string>()
    model.follow(async (turn) => {
      await stage(turn)
      reached.resolve(turn)
      return never.promise
    })
    const mark = await here.eventCount()
    const answer = say(here, conversation, 'go on')
    const turn = await reached.promise
    const before = await plansOf(conversation)
    expect(await cancel(world(), conversation)).toBe(true)
    const { reply } = await answer
    expect(reply).toMatchObject({ outcome: 'cancelled', text: 'Stopped.', plan_ids: before })
    await expect(propose(turn)).rejects.toThrow()
    never.resolve('done all the same')
    await expectOneReply(conversation, mark)
    expect(await plansOf(conversation)).toEqual(before)
    expect(await cancel(world(), conversation)).toBe(false)
  })
})

async function expectOneReply({ id }: Conversation, mark: number): Promise<void> {
  const { messages } = await here.admin.conversations.get('default', { conversation_id: id })
  expect(messages.map(({ outcome }) => outcome)).toEqual([null, 'cancelled'])
  const told = (await here.events(mark)).filter(({ type }) => type === 'model.answer')
  expect(told).toMatchObject([{ outcome: 'failed', reason: 'cancelled' }])
}

test('an answer that is stopped while a tool runs waits for that, and shows what it has made', async () => {
  const conversation = await converse(here)
  const [reached, blocked] = [
    Promise.withResolvers<undefined>(),
    Promise.withResolvers<undefined>(),
  ]
  model.follow(async (turn) => {
    reached.resolve(undefined)
    await blocked.promise
    await propose(turn)
    await propose(turn)
    return 'Two plans.'
  })
  const holder = new pg.Client(here.connection)
  await holder.connect()
  const mark = await here.eventCount()
  const answer = say(here, conversation, 'go on')
  await reached.promise
  await holder.query('begin; select from zones for no key update')
  blocked.resolve(undefined)
  await vi.waitFor(async () => {
    const rows = await here.sql(`select 1 from pg_stat_activity where wait_event_type = 'Lock'
      and datname = current_database()`)
    expect(rows).not.toEqual([])
  })
  expect(await cancel(there, conversation)).toBe(true)
  await holder.query('rollback')
  await holder.end()
  const { reply } = await answer
  const plans = await plansOf(conversation)
  expect(plans).toHaveLength(1)
  expect(reply).toMatchObject({ outcome: 'cancelled', plan_ids: plans })
  await expectOneReply(conversation, mark)
})

test('an answer that is stopped before anybody has begun it asks for no mandate and no model', async () => {
  const conversation = await converse(here)
  const leaving = scriptedModel()
  leaving.follow(() => new Promise(() => undefined))
  const replica = await startWorld({ model: leaving, sharing: here })
  const lost = say(replica, conversation, 'go on', { client_message_id: 'one' }).catch(() => null)
  await vi.waitFor(() => {
    expect(leaving.turns).toHaveLength(1)
  })
  await replica[Symbol.asyncDispose]()
  expect(await lost).toBeNull()
  const [mark, asked] = [await here.eventCount(), model.turns.length]
  expect(await cancel(there, conversation)).toBe(true)
  const { reply } = await say(here, conversation, 'go on', { client_message_id: 'one' })
  expect(reply).toMatchObject({ outcome: 'cancelled', plan_ids: [] })
  expect(model.turns).toHaveLength(asked)
  const types = (await here.events(mark)).map(({ type }) => type)
  expect(types).toEqual(['conversations.cancel', 'conversations.send', 'model.answer'])
})

test('whoever is told that an answer is stopped finds it stopped, and nobody else does', async () => {
  for (let round = 0; round < 12; round += 1) {
    const conversation = await converse(here)
    const reached = Promise.withResolvers<undefined>()
    model.follow(async () => {
      reached.resolve(undefined)
      for (let turns = 0; turns < round; turns += 1) await new Promise(setImmediate)
      return 'Done.'
    })
    const answer = say(here, conversation, 'go on')
    await reached.promise
    const cancelled = await cancel(round % 2 === 0 ? here : there, conversation)
    expect((await answer).reply.outcome).toBe(cancelled ? 'cancelled' : 'done')
  }
})
