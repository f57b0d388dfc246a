import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ServerEvent } from '../../../src/client/event-stream.ts'
import { limits } from '../../../src/kernel/limits.ts'
import type { Turn } from '../../../src/operator/model/model.ts'
import { pruneFinished } from '../../../src/sts/upkeep.ts'
import { conversationsPath, converse, say, type Conversation } from '../../support/conversations.ts'
import { application } from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { freshName } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

/**
 * Guarantee (operator.md, Conversation): a message has one run, which streams by sequence from any
 * replica, whichever it was sent to, and is cancelled from any.
 */
const models = { here: scriptedModel(), there: scriptedModel() }
let here: World
let there: World

beforeAll(async () => {
  here = await startWorld({ model: models.here })
  there = await startWorld({ model: models.there, sharing: here })
})

beforeEach(() => {
  for (const model of [models.here, models.there]) model.follow(() => Promise.resolve('Hello.'))
})

afterAll(async () => {
  await there[Symbol.asyncDispose]()
  await here[Symbol.asyncDispose]()
})

interface Heard {
  readonly id: string | null
  readonly event: string
  readonly data: ServerEvent['data']
}

/** Every event of a stream, up to as many of its run as are wanted. */
async function hear(
  events: AsyncIterable<ServerEvent>,
  wanted = Infinity,
  heard: Heard[] = [],
): Promise<Heard[]> {
  for await (const { id, event, data } of events) {
    if (event !== 'accepted') heard.push({ id, event, data })
    if (heard.length >= wanted) break
  }
  return heard
}

function send(world: World, { id }: Conversation, text: string, client_message_id: string) {
  const said = { conversation_id: id, text, client_message_id }
  return world.admin.conversations.send('default', said)
}

function follow(world: World, { id }: Conversation, message_id: string, since?: number) {
  const place = since === undefined ? {} : { since }
  return world.admin.conversations.follow('default', { conversation_id: id, message_id, ...place })
}

async function messagesOf({ id }: Conversation) {
  const { messages } = await here.admin.conversations.get('default', { conversation_id: id })
  return messages
}

async function messageOf(conversation: Conversation): Promise<string> {
  return vi.waitFor(async () => {
    const [first] = await messagesOf(conversation)
    if (first === undefined) throw new Error('nothing was said yet')
    return first.id
  })
}

/** A model that is told when to begin, to say something and to end. */
function held(model: (typeof models)['here']) {
  const begun = Promise.withResolvers<Turn>()
  const end = Promise.withResolvers<string>()
  model.follow((turn) => {
    begun.resolve(turn)
    return end.promise
  })
  return { begun: begun.promise, end: end.resolve }
}

async function answersOf(mark: number) {
  return (await here.events(mark)).filter(({ type }) => type === 'model.answer')
}

async function plans(): Promise<number> {
  return (await here.sql('select 1 from plans')).length
}

describe('a run', () => {
  test('goes on behind any sequence, on any replica, while it is made and afterwards', async () => {
    const words = fc.array(fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }), {
      minLength: 1,
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(
        words,
        fc.array(fc.nat({ max: 14 }), { maxLength: 4 }),
        async (said, cuts) => {
          const conversation = await converse(here)
          models.here.follow(async (turn) => {
            for (const text of said) {
              turn.emit({ type: 'text', text })
              await new Promise(setImmediate)
            }
            return 'Said.'
          })
          const first = hear(send(here, conversation, 'go on', 'one'))
          const message = await messageOf(conversation)
          const begun = [follow(there, conversation, message, 0)]
          const live = await Promise.all([first, ...begun.map((one) => hear(one))])
          const [whole] = live
          for (const heard of live) expect(heard).toEqual(whole)
          expect(whole.map(({ id }) => Number(id))).toEqual(whole.map((_, i) => i + 1))
          const texts = whole
            .filter(({ event }) => event === 'text')
            .map(({ data }) => data['text'])
          expect(texts).toEqual(said)
          expect(whole.at(-1)).toMatchObject({ event: 'done', data: { text: 'Said.' } })
          for (const [i, cut] of cuts.entries()) {
            const world = i % 2 === 0 ? here : there
            const since = Math.min(cut, whole.length - 1)
            expect(await hear(follow(world, conversation, message, since))).toEqual(
              whole.slice(since),
            )
            const options = { lastEventId: String(since) }
            const input = { conversation_id: conversation.id, message_id: message, since: 0 }
            const again = world.admin.conversations.follow('default', input, options)
            expect(await hear(again)).toEqual(whole.slice(since))
          }
          expect(await hear(follow(there, conversation, message))).toEqual(whole.slice(-1))
        },
      ),
      { numRuns: 12 },
    )
  })

  test('is heard by whoever was cut off, each event once', async () => {
    const conversation = await converse(here)
    const { begun, end } = held(models.here)
    const heard = hear(send(here, conversation, 'go on', 'one'), 3)
    const turn = await begun
    turn.emit({ type: 'text', text: 'One' })
    const before = await heard
    turn.emit({ type: 'text', text: ' and two' })
    const rest = hear(follow(there, conversation, await messageOf(conversation), before.length))
    turn.emit({ type: 'text', text: ' and three' })
    end('One and two and three')
    const all = [...before, ...(await rest)]
    expect(
      all.map(({ event, data }) => data['stage'] ?? (event === 'text' ? data['text'] : event)),
    ).toEqual(['mandate', 'thinking', 'One', ' and two', ' and three', 'done'])
    expect(all.map(({ id }) => Number(id))).toEqual(all.map((_, i) => i + 1))
  })

  test('keeps what a model says in a hurry in few rows, and plans by their ids', async () => {
    const conversation = await converse(here)
    models.here.follow(async (turn) => {
      for (let i = 0; i < 500; i += 1) turn.emit({ type: 'text', text: `${i} ` })
      await turn.call('plan_propose', { steps: [application(freshName('agent'))] })
      return 'Counted.'
    })
    const { events } = await say(here, conversation, 'count')
    expect(events.filter(({ event }) => event === 'text')).toHaveLength(500)
    expect(events.find(({ event }) => event === 'plan')?.data).toMatchObject({
      plan: { state: 'pending_approval', origin: 'chat' },
    })
    const [row] = await here.sql<{ rows: number; longest: number }>(
      `select count(*)::int as rows, max(length(e->>'plan_id')) as longest
       from run_events left join lateral json_array_elements(events) e on e->>'type' = 'plan'
       where message_id = $1`,
      [await messageOf(conversation)],
    )
    expect(row?.rows).toBeLessThan(10)
    expect(row?.longest).toBe('plan_'.length + 26)
  })

  test('is a person’s own, and leaves no event when it is followed', async () => {
    const conversation = await converse(here)
    await say(here, conversation, 'hello')
    const message = await messageOf(conversation)
    const path = `${conversationsPath()}/${conversation.id}/messages/${message}/stream`
    const token = await here.person(freshName('bob'), ['read', 'write', 'approve'])
    await expectRefused(here, 'not_found', () => here.call('GET', path, undefined, { token }))
    await expectRefused(here, 'not_found', () => here.call('GET', path.replace(message, 'msg_x')))
    const mark = await here.eventCount()
    expect((await here.call('GET', path)).status).toBe(200)
    expect(await here.events(mark)).toEqual([])
  })

  test('is removed when it is old, and the reply is still there for whoever follows', async () => {
    const conversation = await converse(here)
    await say(here, conversation, 'hello')
    const message = await messageOf(conversation)
    const old = limits.finishedRetentionSeconds + 3_600
    await here.sql(
      `update runs set created_at = created_at - $2 * interval '1 s',
         ended_at = ended_at - $2 * interval '1 s' where message_id = $1`,
      [message, old],
    )
    await pruneFinished(here.service.context)
    expect(await here.sql('select 1 from run_events where message_id = $1', [message])).toEqual([])
    const heard = await hear(follow(there, conversation, message, 0))
    expect(heard).toMatchObject([{ event: 'done', data: { text: 'Hello.' } }])
  })

  test('of a conversation that is deleted meanwhile ends with a refusal, and keeps nothing', async () => {
    const conversation = await converse(here)
    const { begun, end } = held(models.here)
    const heard = hear(send(here, conversation, 'go on', 'one'))
    await begun
    const mark = await here.eventCount()
    await there.admin.conversations.delete('default', { conversation_id: conversation.id })
    end('too late')
    expect((await heard).at(-1)).toMatchObject({ event: 'error', data: { error: 'not_found' } })
    expect(await answersOf(mark)).toEqual([])
  })
})

describe('a message sent to another replica', () => {
  test('while it is being answered has the one run', async () => {
    const conversation = await converse(here)
    const { begun, end } = held(models.here)
    const asked = models.there.turns.length
    const mark = await here.eventCount()
    const first = hear(send(here, conversation, 'go on', 'one'))
    const turn = await begun
    const heard: Heard[] = []
    const second = hear(send(there, conversation, 'go on', 'one'), Infinity, heard)
    await vi.waitFor(() => {
      expect(heard).toHaveLength(2)
    })
    turn.emit({ type: 'text', text: 'Once' })
    end('Once')
    expect(await second).toEqual(await first)
    expect(models.there.turns).toHaveLength(asked)
    expect(await messagesOf(conversation)).toHaveLength(2)
    expect(await answersOf(mark)).toHaveLength(1)
  })

  test('goes on there where its owner is taken for dead, who can keep nothing any more', async () => {
    const conversation = await converse(here)
    const { begun, end } = held(models.here)
    const mark = await here.eventCount()
    const first = hear(send(here, conversation, 'go on', 'one'))
    const turn = await begun
    turn.emit({ type: 'text', text: 'Half' })
    await vi.waitFor(async () => {
      const rows = await here.sql(`select 1 from run_events where events::text like '%Half%'`)
      expect(rows).not.toEqual([])
    })
    models.there.follow((again) => {
      again.emit({ type: 'text', text: 'Whole' })
      return Promise.resolve('Whole')
    })
    const second = hear(send(there, conversation, 'go on', 'one'))
    const message = await messageOf(conversation)
    await vi.waitFor(async () => {
      await here.sql(`update runs set beat_at = '-infinity' where message_id = $1`, [message])
      const [run] = await here.sql<{ attempt: number }>(
        'select attempt from runs where message_id = $1',
        [message],
      )
      expect(run?.attempt).toBe(2)
    }, 10_000)
    const said = (await second).map(({ event, data }) => data['text'] ?? data['stage'] ?? event)
    expect(said).toEqual([
      'mandate',
      'thinking',
      'Half',
      'restart',
      'mandate',
      'thinking',
      'Whole',
      'Whole',
    ])
    expect(await first).toEqual(await second)
    const before = await plans()
    const steps = [application(freshName('agent'))]
    await expect(turn.call('plan_propose', { steps })).rejects.toThrow()
    end('Half a lie')
    await turn.call('grants_list', {}).catch(() => undefined)
    expect(await plans()).toBe(before)
    expect((await messagesOf(conversation)).map(({ text }) => text)).toEqual(['go on', 'Whole'])
    expect(await answersOf(mark)).toHaveLength(1)
  })
})

describe('a replica that leaves', () => {
  test('lets another answer', async () => {
    const conversation = await converse(here)
    const leaving = scriptedModel()
    const { begun } = held(leaving)
    const replica = await startWorld({ model: leaving, sharing: here })
    const first = hear(send(replica, conversation, 'go on', 'one'))
    await begun
    await replica[Symbol.asyncDispose]()
    const heard = await first
    expect(heard.filter(({ event }) => event !== 'stage')).toEqual([])
    const message = await messageOf(conversation)
    const followed = await hear(follow(here, conversation, message, 0))
    expect(followed.at(-1)).toMatchObject({ data: { error: 'answer_interrupted' } })
    const again = await hear(send(there, conversation, 'go on', 'one'))
    expect(again.at(-1)).toMatchObject({ event: 'done', data: { text: 'Hello.' } })
    expect(await messagesOf(conversation)).toHaveLength(2)
  })
})
