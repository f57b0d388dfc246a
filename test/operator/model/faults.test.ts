import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { anthropicModel } from '../../../src/operator/model/anthropic.ts'
import type { Model } from '../../../src/operator/model/model.ts'
import { converse, say } from '../../support/conversations.ts'
import {
  resultsIn,
  say as speak,
  startFakeMessagesApi,
  use,
  type Block,
  type Brain,
  type Reply,
} from '../../support/fake-messages-api.ts'
import { startWorld, type World } from '../../world.ts'

/**
 * Guarantee: whatever an endpoint answers, the person gets one clear reply that is kept, with one
 * event; nothing else is written, nothing of what the endpoint or the key said is in it, and the
 * next endpoint is asked where that helps and nowhere else.
 */
let brain: Brain = () => speak('unheard')
let nowMs = Date.now()
const first = await startFakeMessagesApi((request, call) => brain(request, call))
const second = await startFakeMessagesApi(() => speak('From the second.'))
const endpoints = [first, second].map(({ url }, index) => ({
  apiKey: 'sk-canary-key',
  baseUrl: url,
  model: index === 0 ? 'claude-first' : 'claude-second',
}))
const bounds = { maxCalls: 4, maxTokens: 200_000, clock: { now: () => nowMs } }
/** Waits for nobody: for the case of silence alone, for a machine may be slow. */
let impatient = false

function modelAt(some: typeof endpoints): Model {
  const patient = anthropicModel({ ...bounds, endpoints: some })
  const hasty = anthropicModel({ ...bounds, endpoints: some, silenceMs: 1_000 })
  return { ...patient, answer: (turn) => (impatient ? hasty : patient).answer(turn) }
}

const alone = await startWorld({ model: modelAt(endpoints.slice(0, 1)) })
const both = await startWorld({ model: modelAt(endpoints) })

beforeEach(() => {
  // Whichever endpoint has failed before is well again.
  nowMs += 3_600_000
})
afterAll(async () => {
  for (const part of [alone, both, first, second]) await part[Symbol.asyncDispose]()
})

interface Told {
  readonly text: string
  readonly outcome: string | null
  readonly model: string | null
  readonly reason: string | null
  /** How often the first and the second endpoint were asked. */
  readonly asked: readonly [number, number]
}

/** One message to a world, and all that it left. */
async function told(world: World, reply: Reply, then: Reply = speak('I cannot.')): Promise<Told> {
  const before = [first.requests.length, second.requests.length] as const
  impatient = 'hang' in reply
  brain = (_request, call) => (call === before[0] + 1 || repeats(reply) ? reply : then)
  const conversation = await converse(world)
  const [state, mark, plans] = [await world.state(), await world.eventCount(), await planIds(world)]
  const { reply: message } = await say(world, conversation, 'what is here?')
  expect(await world.state()).toBe(state)
  expect(await planIds(world)).toEqual(plans)
  const kept = await world.admin.conversations.get('default', { conversation_id: conversation.id })
  expect(kept.messages).toHaveLength(2)
  expect(kept.messages[1]).toEqual(message)
  const answers = (await world.events(mark)).filter(({ type }) => type === 'model.answer')
  expect(answers).toHaveLength(1)
  const rows = await world.sql(
    `select 1 from messages m where m::text ~ 'canary' union all
     select 1 from events e where e::text ~ 'canary' union all
     select 1 from model_calls c where c::text ~ 'canary'`,
  )
  expect(rows).toEqual([])
  const { text, outcome, model } = message
  const asked = [first.requests.length - before[0], second.requests.length - before[1]] as const
  return { text, outcome, model, reason: answers[0]?.reason ?? null, asked }
}

/** A failure of the endpoint lasts; what a model says, it says once. */
function repeats(reply: Reply): boolean {
  return !('say' in reply) || reply.endsBefore !== undefined || reply.stop !== undefined
}

async function planIds(world: World): Promise<readonly string[]> {
  const { items } = await world.admin.plans.list('default', { limit: 500 })
  return items.map(({ id }) => id)
}

const words: Block = { type: 'text', text: 'There are canaries here, and there are many of them.' }
const tool: Block = { type: 'tool_use', name: 'plan_propose', input: { steps: [] } }

function error(status: number, type: string): Reply {
  return { error: { status, type, message: 'canary: the stack of the provider' } }
}

function page(status: number): Reply {
  return { body: '<html>canary</html>', status, contentType: 'text/html' }
}

function events(...lines: readonly string[]): Reply {
  return { body: lines.map((line) => `${line}\n\n`).join('') }
}

const begun = `event: message_start\ndata: {"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}`
const plain = JSON.stringify({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'text', text: 'canary' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
})

describe('a failure that passes: the next endpoint is asked', () => {
  test.each([
    ['429', error(429, 'rate_limit_error'), /limits the rate/],
    [
      '429 that asks to wait for an hour',
      {
        error: {
          ...{ status: 429, type: 'rate_limit_error', message: 'canary' },
          headers: { 'retry-after': '3600' },
        },
      },
      /limits the rate/,
    ],
    ['500', error(500, 'api_error'), /provider failed/],
    ['529', error(529, 'overloaded_error'), /overloaded/],
    ['529 midway', { midway: { type: 'overloaded_error', message: 'canary' } }, /overloaded/],
    [
      'an error midway of a kind that nobody knows',
      { midway: { type: 'constructor', message: 'canary' } },
      /provider failed/,
    ],
    ['a proxy’s page with 502', page(502), /provider failed/],
    ['a proxy’s page with 200', page(200), /broke off/],
    ['the connection cut at once', { cut: true }, /cannot be reached/],
    ['the connection cut midway', { cutAfter: [words] }, /broke off/],
    ['the end within the words', { say: [words], endsBefore: 'content_block_stop' }, /broke off/],
    ['the end within a tool call', { say: [tool], endsBefore: 'content_block_stop' }, /broke off/],
    ['the end after a tool call', { say: [words, tool], endsBefore: 'message_delta' }, /broke off/],
    ['silence', { hang: true }, /did not answer in time/],
    ['nothing', { body: '' }, /broke off/],
    ['the answer in one piece', { body: plain, contentType: 'application/json' }, /broke off/],
    ['events of something else', events('data: {"choices":[]}'), /broke off/],
    ['events that are no JSON', events(begun, 'event: x\ndata: canary{{{'), /broke off/],
    [
      'a piece of no block',
      events(
        begun,
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"canary"}}',
      ),
      /broke off/,
    ],
    ['bytes that are no text', { body: Buffer.from([0xff, 0xfe, 0, 0xc3, 0x28]) }, /broke off/],
    [
      'two tool calls under one id',
      {
        say: [
          { ...tool, id: 'same' },
          { ...tool, id: 'same' },
        ],
        stop: 'tool_use',
      },
      /broke off/,
    ],
  ] satisfies [string, Reply, RegExp][])('%s', async (_, reply, text) => {
    const failed = await told(alone, reply)
    expect(failed).toMatchObject({
      text: expect.stringMatching(text),
      outcome: 'failed',
      reason: 'model_unavailable',
    })
    expect(await told(both, reply)).toMatchObject({
      ...{ text: 'From the second.', outcome: 'done', model: 'claude-second', reason: null },
      asked: [failed.asked[0], 1],
    })
  })
})

describe('a failure that stays: nobody else is asked', () => {
  test.each([
    ['400', error(400, 'invalid_request_error'), /refused the request/],
    ['401', error(401, 'authentication_error'), /does not accept the API key/],
    ['402', error(402, 'billing_error'), /lack of credit/],
    ['403', error(403, 'permission_error'), /may not use this model/],
    ['404', error(404, 'not_found_error'), /does not know this model/],
    ['413', error(413, 'request_too_large'), /too long for the model/],
    ['a page with 403', page(403), /may not use this model/],
    ['a refusal', { say: [words], stop: 'refusal' }, /declined to answer/],
    ['an answer that is cut off', { say: [words], stop: 'max_tokens' }, /too long and was cut off/],
    ['a tool call that is cut off', { say: [tool], stop: 'max_tokens' }, /was cut off/],
    ['an answer of nothing', { say: [], stop: 'end_turn' }, /broke off/],
    [
      'an answer of spaces',
      { say: [{ type: 'text', text: ' \n' }], stop: 'end_turn' },
      /broke off/,
    ],
    ['a tool call that is none', { say: [], stop: 'tool_use' }, /broke off/],
  ] satisfies [string, Reply, RegExp][])('%s', async (_, reply, text) => {
    for (const world of [alone, both])
      expect(await told(world, reply)).toMatchObject({
        ...{ text: expect.stringMatching(text), outcome: 'failed', asked: [1, 0] },
        reason: expect.stringMatching(/^(?:model_unavailable|limit_reached)$/),
      })
  })
})

describe('a tool call that cannot be is told to the model, and runs nothing', () => {
  const steps = Array.from({ length: 10_000 }, (_, i) => ({
    id: `s${String(i)}`,
  }))

  test.each([
    ['broken JSON', { type: 'tool_use', name: 'plan_propose', json: '{"steps": [' }],
    ['an array', { type: 'tool_use', name: 'plan_propose', json: '[]' }],
    ['a number', { type: 'tool_use', name: 'plan_propose', json: '7' }],
    ['a string', { type: 'tool_use', name: 'plan_propose', json: '"steps"' }],
    ['null', { type: 'tool_use', name: 'plan_propose', json: 'null' }],
    ['no arguments', { type: 'tool_use', name: 'plan_propose', json: '' }],
    ['an unknown tool', { type: 'tool_use', name: 'plan_approve', input: {} }],
    ['constructor', { type: 'tool_use', name: 'constructor', input: {} }],
    ['__proto__', { type: 'tool_use', name: '__proto__', input: {} }],
    ['toString', { type: 'tool_use', name: 'toString', input: {} }],
    ['an argument __proto__', { type: 'tool_use', name: 'plan_propose', json: '{"__proto__":1}' }],
    ['10,000 steps', { type: 'tool_use', name: 'plan_propose', input: { steps } }],
    ['depth', { type: 'tool_use', name: 'plan_propose', json: '[{"a":'.repeat(2_000) }],
  ] satisfies [string, Block][])('%s', async (_, block) => {
    for (const world of [alone, both]) {
      expect(await told(world, { say: [block] })).toEqual({
        ...{ text: 'I cannot.', outcome: 'done', model: 'claude-first', reason: null },
        asked: [2, 0],
      })
      const [last] = first.requests.slice(-1)
      expect(last && resultsIn(last)).toMatchObject([{ is_error: true }])
    }
  })
})

describe('what is odd and whole is an answer', () => {
  const long = 'Ten thousand pieces. '.repeat(6_000).trim()

  test.each([
    ['ten thousand pieces', { say: [{ type: 'text', text: long }] }, long],
    [
      'no message_stop',
      { say: [{ type: 'text', text: 'Whole.' }], endsBefore: 'message_stop' },
      'Whole.',
    ],
    ['a stop reason of tomorrow', { say: [{ type: 'text', text: 'W.' }], stop: 'pondering' }, 'W.'],
    ['the stop reason __proto__', { say: [{ type: 'text', text: 'W.' }], stop: '__proto__' }, 'W.'],
  ] satisfies [string, Reply, string][])('%s', async (_, reply, text) => {
    expect(await told(both, reply)).toMatchObject({ text, outcome: 'done', asked: [1, 0] })
  })
})

test('the reply names the model that answered, and so does the event', async () => {
  const mark = await both.eventCount()
  await told(both, error(529, 'overloaded_error'))
  const [event] = await both.sql<{ entry: { diagnostics: object } }>(
    `select entry from events where type = 'model.answer' order by position desc limit 1`,
  )
  expect(event?.entry.diagnostics).toMatchObject({ model: 'claude-second' })
  expect((await both.events(mark)).length).toBeGreaterThan(0)
  const { endpoints: states } = await both.admin.operator.usage('default')
  expect(states).toMatchObject([
    { model: 'claude-first', failure: 'overloaded_error', rests_until: expect.any(String) },
    { model: 'claude-second', failure: null, rests_until: null },
  ])
})

test('a plan that was proposed before the endpoint failed is there once, and the next one is told of it', async () => {
  const name = 'billing-agent'
  const steps = [{ id: 'app', operation: 'applications.create', input: { name } }]
  const asked = first.requests.length
  brain = (_request, call) =>
    call === asked + 1
      ? use('plan_propose', { steps, intent: 'as said', summary: 'One.' })
      : error(529, 'overloaded_error')
  const { reply } = await say(both, await converse(both), `register ${name}`)
  expect(reply).toMatchObject({
    text: 'From the second.',
    outcome: 'done',
    plan_ids: [expect.stringMatching(/^plan_/)],
  })
  expect(JSON.stringify(second.requests.at(-1)?.body.messages)).toContain(reply.plan_ids[0])
  expect(await planIds(both)).toEqual(reply.plan_ids)
})
