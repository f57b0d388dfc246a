import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { limits } from '../../../src/kernel/limits.ts'
import { digestOf } from '../../../src/operator/conversation/memory.ts'
import { cutToTokens, estimateTokens } from '../../../src/operator/model/tokens.ts'
import { converse, say, type Conversation } from '../../support/conversations.ts'
import {
  say as speak,
  startFakeMessagesApi,
  type MessagesRequest,
  type Reply,
} from '../../support/fake-messages-api.ts'
import { startWorld, type World } from '../../world.ts'

/**
 * Guarantee: however long a conversation is, what of it goes to a model stays within its bound of
 * tokens, and what was said early is still told in short; no secret is, and no turn fails by it.
 */
const answer = `Noted. ${'This is a long answer. '.repeat(60)}`
let summarize: (request: MessagesRequest) => Reply = summaryOfFacts
const api = await startFakeMessagesApi((request) =>
  isSummary(request) ? summarize(request) : speak(answer),
)
const world = await startWorld({
  config: { models: [{ model: 'claude-test', baseUrl: api.url }] },
  modelKeys: ['sk-test'],
})
const offline = await startWorld()

beforeEach(() => {
  summarize = summaryOfFacts
})
afterAll(async () => {
  for (const part of [offline, world, api]) await part[Symbol.asyncDispose]()
})

const fact = 'The approved limit is 4711 euros.'

function isSummary({ body }: MessagesRequest): boolean {
  return body.system?.[0]?.text.startsWith('You keep the memory') === true
}

/** A model that keeps every sentence with the limit, and pads. */
function summaryOfFacts(request: MessagesRequest): Reply {
  const facts = /The approved limit is \d+ euros\./.exec(contentOf(request)) ?? ['Nothing.']
  return speak(`${facts[0]} ${'And so on. '.repeat(20)}`.trim())
}

function contentOf({ body }: MessagesRequest): string {
  return JSON.stringify(body.messages)
}

interface Kept {
  readonly summary: string
  readonly summarized_to: number
}

async function keptOf(conversation: Conversation, by: World = world): Promise<Kept> {
  const [row] = await by.sql<Kept & Record<string, unknown>>(
    'select summary, summarized_to from conversations where id = $1',
    [conversation.id],
  )
  return { summary: row?.summary ?? '', summarized_to: Number(row?.summarized_to) }
}

/** A conversation that begins with the fact and goes on for so many messages. */
async function talkFor(turns: number, by: World = world): Promise<Conversation> {
  const conversation = await converse(by, { mode: 'ask' })
  await say(by, conversation, fact)
  for (let i = 1; i < turns; i += 1)
    await say(by, conversation, `Message ${String(i)}: ${'more of the story. '.repeat(90)}`)
  return conversation
}

describe('a long conversation', () => {
  test('stays within its bound on the wire, and what was said early is in its summary', async () => {
    const from = api.requests.length
    const conversation = await talkFor(24)
    const requests = api.requests.slice(from)
    const answers = requests.filter((request) => !isSummary(request))
    expect(answers).toHaveLength(24)
    const bound = (limits.historyTokens + limits.summaryTokens) * 1.1
    for (const request of requests) expect(estimateTokens(contentOf(request))).toBeLessThan(bound)
    const last = answers.at(-1)
    expect(last && contentOf(last)).toContain('4711')
    expect(last && contentOf(last)).toContain('Message 23:')
    expect(last && contentOf(last)).not.toContain('Message 1:')
    const [first] = (last?.body.messages[0]?.content ?? []) as { text: string }[]
    expect(first?.text).toMatch(
      /^<data source="earlier_messages">\n\{"summary":".*4711.*<\/data>$/s,
    )
    const kept = await keptOf(conversation)
    expect(kept.summary).toContain('4711')
    const { messages } = await world.admin.conversations.get('default', {
      conversation_id: conversation.id,
    })
    expect(messages).toHaveLength(48)
  })

  test('is summarized once for many turns, in calls of their own that are on record', async () => {
    const from = api.requests.length
    const conversation = await talkFor(24)
    const summaries = api.requests.slice(from).filter(isSummary)
    expect(summaries.length).toBeGreaterThan(1)
    expect(summaries.length).toBeLessThan(5)
    for (const { body } of summaries) {
      expect(body.max_tokens).toBe(limits.summaryTokens)
      expect(body.tools).toBeUndefined()
    }
    const { items } = await world.admin.operator.calls('default', {
      conversation_id: conversation.id,
      limit: 500,
    })
    expect(items.filter(({ purpose }) => purpose === 'summary')).toHaveLength(summaries.length)
  })

  test.each<[string, () => Reply]>([
    ['fails', () => ({ error: { status: 400, type: 'invalid_request_error', message: 'x' } })],
    ['refuses', () => ({ say: [{ type: 'text', text: 'No.' }], stop: 'refusal' })],
    ['is cut off', () => ({ say: [{ type: 'text', text: 'The' }], stop: 'max_tokens' })],
    ['says nothing', () => ({ say: [] })],
    ['calls a tool', () => ({ say: [{ type: 'tool_use', name: 'plan_propose', input: {} }] })],
    ['tells a secret', () => speak(`The key is sk-${'a'.repeat(40)}.`)],
  ])('whose summary %s goes on with a digest', async (_, reply) => {
    summarize = reply
    const mark = await world.eventCount()
    const conversation = await talkFor(12)
    const { summary, summarized_to: to } = await keptOf(conversation)
    expect(to).toBeGreaterThan(0)
    expect(summary).toMatch(/^person: The approved limit is 4711 euros\.\noperator: Noted\./)
    const events = (await world.events(mark)).filter(({ type }) => type === 'model.answer')
    expect(events.map(({ outcome }) => outcome)).toEqual(Array(12).fill('allow'))
    const rows = await world.sql(`select 1 from conversations c where c::text ~ 'sk-a{9}'`)
    expect(rows).toEqual([])
  })

  test('of the built-in planner has a digest, which asks nobody', async () => {
    const asked = api.requests.length
    const conversation = await talkFor(24, offline)
    expect((await keptOf(conversation, offline)).summary).toContain('person: The approved limit')
    expect(api.requests).toHaveLength(asked)
  })

  test('can be stopped while it is summarized', async () => {
    const conversation = await talkFor(9)
    summarize = () => ({ hang: true })
    const from = api.requests.length
    const text = 'more of the story. '.repeat(400)
    const talking = say(world, conversation, text)
    await expect.poll(() => api.requests.slice(from).filter(isSummary).length).toBe(1)
    await world.admin.conversations.cancel('default', { conversation_id: conversation.id })
    expect((await talking).reply).toMatchObject({ outcome: 'cancelled' })
    expect((await keptOf(conversation)).summary).toBe('')
  })

  test('answers a message that was summarized before it was ever answered', async () => {
    const conversation = await converse(world, { mode: 'ask' })
    const id = { client_message_id: 'lost' }
    await say(world, conversation, fact, id)
    for (let i = 0; i < 12; i += 1) await say(world, conversation, 'more of the story. '.repeat(90))
    const lost = `select id from messages where conversation_id = $1 and client_message_id = 'lost'`
    await world.sql(`delete from runs where message_id in (${lost})`, [conversation.id])
    await world.sql(`delete from messages where in_reply_to in (${lost})`, [conversation.id])
    const { reply } = await say(world, conversation, fact, id)
    expect(reply).toMatchObject({ outcome: 'done', text: answer.trim() })
    expect(api.requests.at(-1)?.body.messages).toHaveLength(1)
  })
})

describe('a digest', () => {
  const message = fc.record({
    role: fc.constantFrom('person' as const, 'operator' as const),
    text: fc.string({ unit: 'grapheme', maxLength: 400 }),
    plan_ids: fc.array(fc.constant('plan_01jabcdefghjkmnpqrstvwxyz0'), { maxLength: 2 }),
  })

  test('is within its bound and begins with what came first, whatever was said', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(message, { maxLength: 150 }), (earlier, messages) => {
        const digest = digestOf(earlier, messages)
        expect(estimateTokens(digest)).toBeLessThanOrEqual(limits.summaryTokens)
        const begins = cutToTokens(earlier, limits.summaryTokens / 2)
        expect(digest.startsWith(begins)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  test('of digests keeps the first fact and the newest, with the plans', () => {
    let digest = ''
    for (let round = 0; round < 20; round += 1)
      digest = digestOf(digest, [
        {
          role: 'person',
          text: round === 0 ? fact : `${String(round)} ${'x'.repeat(900)}`,
          plan_ids: [],
        },
        { role: 'operator', text: 'It would.', plan_ids: [`plan_${String(round)}`] },
      ])
    expect(digest).toMatch(/^person: The approved limit is 4711 euros\./)
    expect(digest).toContain('(proposed plan_0)')
    expect(digest).toContain('(proposed plan_19)')
  })

  test('leaves out what looks like a secret', () => {
    const secret = `sk-${'b'.repeat(30)}`
    const digest = digestOf('', [
      { role: 'operator', text: `use ${secret}`, plan_ids: [] },
      { role: 'person', text: 'thanks', plan_ids: [] },
    ])
    expect(digest).toBe('person: thanks')
  })
})

test('the estimate of tokens is never below what two bytes make, and cutting keeps characters whole', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.integer({ min: 2, max: 50 }),
      (text, tokens) => {
        const cut = cutToTokens(text, tokens)
        expect(estimateTokens(cut)).toBeLessThanOrEqual(tokens)
        expect(cut.isWellFormed()).toBe(true)
        expect(cut === text || text.startsWith(cut.slice(0, -1))).toBe(true)
      },
    ),
  )
})
