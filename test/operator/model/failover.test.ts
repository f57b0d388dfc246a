import { describe, expect, test } from 'vitest'
import { connectionTo } from '../../../src/operator/model/connection.ts'
import { failover } from '../../../src/operator/model/failover.ts'
import {
  resultsIn,
  say,
  startFakeMessagesApi,
  use,
  type Brain,
  type Reply,
} from '../../support/fake-messages-api.ts'
import { ask, meterInto, refusalOf, script, unavailable } from '../../support/one-turn.ts'

function fails(status: number, type: string): Brain {
  return () => ({ error: { status, type, message: 'secret detail' } })
}

const here = script(say('Here.'))

describe('the next endpoint', () => {
  test.each([
    ['429', fails(429, 'rate_limit_error')],
    ['500', fails(500, 'api_error')],
    ['502', fails(502, 'x')],
    ['503', fails(503, 'x')],
    ['529', fails(529, 'overloaded_error')],
    ['an overload midway', () => ({ midway: { type: 'overloaded_error', message: 'x' } })],
    ['a stream that breaks off', () => ({ cutAfter: [{ type: 'text', text: 'I wa' }] })],
  ] satisfies [string, Brain][])('is asked after %s', async (_, brain) => {
    await using asked = await ask([brain, here])
    expect(await asked.result).toMatchObject({ text: 'Here.', model: 'claude-test-1' })
    const [, second] = asked.apis
    expect(second?.requests).toHaveLength(1)
    expect(second?.requests[0]?.headers.authorization).toBe('Bearer sk-test-1')
  })

  test('is asked after silence, which is not waited for twice', async () => {
    await using asked = await ask([() => ({ hang: true }), here], { silenceMs: 50 })
    expect(await asked.result).toMatchObject({ text: 'Here.' })
    expect(asked.api.requests).toHaveLength(1)
  })

  test('is asked where nobody listens at the first', async () => {
    await using asked = await ask([here, here], { baseUrl: 'http://127.0.0.1:1' })
    expect(await asked.result).toMatchObject({ model: 'claude-test-1' })
  })

  test.each([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [402, 'billing_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [413, 'request_too_large'],
    [422, 'invalid_request_error'],
  ])('is not asked after %i', async (status, type) => {
    await using asked = await ask([fails(status, type), here])
    expect(await refusalOf(asked)).toMatchObject(unavailable(type))
    expect(asked.apis.map(({ requests }) => requests.length)).toEqual([1, 0])
  })

  test.each([
    ['a refusal', { say: [{ type: 'text', text: 'no' }], stop: 'refusal' }],
    ['an answer of nothing', { say: [] }],
    ['an answer that is too long', { say: [{ type: 'text', text: 'a' }], stop: 'max_tokens' }],
  ] satisfies [string, Reply][])('is not asked after %s', async (_, reply) => {
    await using asked = await ask([() => reply, here])
    expect(await refusalOf(asked)).not.toBe('it answered')
    expect(asked.apis.map(({ requests }) => requests.length)).toEqual([1, 0])
  })

  test('is not asked once the person has stopped the answer', async () => {
    const stop = new AbortController()
    await using asked = await ask([fails(500, 'api_error'), here], { signal: stop.signal })
    stop.abort()
    expect(await refusalOf(asked)).toMatchObject({ name: 'AbortError' })
    expect(asked.apis[1]?.requests).toEqual([])
  })
})

test('where all fail, the last failure is told', async () => {
  await using asked = await ask([fails(529, 'overloaded_error'), fails(500, 'api_error')])
  expect(await refusalOf(asked)).toMatchObject(unavailable('api_error'))
  expect(asked.apis.map(({ requests }) => requests.length)).toEqual([3, 3])
})

describe('midway in a turn', () => {
  test.each([
    ['fails', { error: { status: 529, type: 'overloaded_error', message: 'x' } }],
    ['breaks off in its words', { cutAfter: [{ type: 'text', text: 'It wo' }] }],
    [
      'breaks off after another tool call',
      { cutAfter: [{ type: 'tool_use', name: 'plan_propose', input: { steps: [] } }] },
    ],
  ] satisfies [string, Reply][])(
    'the loop goes on from the messages so far when a call %s: no tool runs twice',
    async (_, reply) => {
      const first: Brain = (_request, call) =>
        call === 1 ? use('plan_propose', { steps: [] }) : reply
      await using asked = await ask([first, script(say('It would do that.'))])
      expect(await asked.result).toMatchObject({
        text: 'It would do that.',
        model: 'claude-test-1',
        usage: { calls: 2 },
      })
      expect(asked.calls.map(({ name }) => name)).toEqual(['plan_propose'])
      const [request] = asked.apis[1]?.requests ?? []
      expect(request?.body.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
      expect(request && resultsIn(request)).toMatchObject([{ is_error: false }])
    },
  )

  test('what a broken call had said is told to be unsaid, and is not in the answer', async () => {
    await using asked = await ask([() => ({ cutAfter: [{ type: 'text', text: 'I wa' }] }), here])
    expect(await asked.result).toMatchObject({ text: 'Here.' })
    expect(asked.events.map((event) => ('text' in event ? event.text : event.type))).toEqual([
      'I wa',
      'stage',
      '\n\nI wa',
      'stage',
      '\n\nHere.',
    ])
  })
})

describe('an endpoint that has failed', () => {
  const question = {
    system: 's',
    messages: [{ role: 'user' as const, content: 'hello' }],
    tools: [],
    maxTokens: 100,
  }
  const asking = {
    meter: meterInto([]),
    purpose: 'answer' as const,
    signal: new AbortController().signal,
    hear: () => undefined,
    unsaid: () => undefined,
  }

  test('is left alone for a while, longer each time and never for long, then asked first again', async () => {
    let well = false
    let nowMs = 0
    const overloaded: Reply = { error: { status: 529, type: 'overloaded_error', message: 'x' } }
    await using first = await startFakeMessagesApi(() => (well ? say('one') : overloaded))
    await using second = await startFakeMessagesApi(() => say('two'))
    const connections = [first, second].map(({ url }, index) =>
      connectionTo({ apiKey: 'k', baseUrl: url, model: `m${String(index)}` }),
    )
    const lines = failover(connections, { now: () => nowMs })
    const answering = async (): Promise<string> => (await lines.ask(question, asking)).model
    const rests: number[] = []
    for (let round = 0; round < 8; round += 1) {
      expect(await answering()).toBe('m1')
      const asked = first.requests.length
      expect(await answering()).toBe('m1')
      expect(first.requests).toHaveLength(asked)
      const [state] = lines.states()
      expect(state).toMatchObject({ model: 'm0', failure: 'overloaded_error' })
      rests.push((state?.restsUntilMs ?? 0) - nowMs)
      nowMs = state?.restsUntilMs ?? 0
      expect(lines.states()[0]).toMatchObject({ failure: null, restsUntilMs: null })
    }
    expect(rests).toEqual([15, 30, 60, 120, 240, 300, 300, 300].map((seconds) => seconds * 1_000))
    well = true
    expect(await answering()).toBe('m0')
    expect(lines.states()[0]).toMatchObject({ failure: null, restsUntilMs: null })
  })

  test('is asked all the same where no other answers', async () => {
    let busy = true
    const overloaded: Reply = { error: { status: 529, type: 'overloaded_error', message: 'x' } }
    await using only = await startFakeMessagesApi(() => (busy ? overloaded : say('back')))
    const lines = failover([connectionTo({ apiKey: 'k', baseUrl: only.url, model: 'm' })], {
      now: () => 0,
    })
    await expect(lines.ask(question, asking)).rejects.toMatchObject(unavailable('overloaded_error'))
    busy = false
    expect(await lines.ask(question, asking)).toMatchObject({ model: 'm' })
  })

  test.each([
    ['retry-after', '60', 1, 60_000],
    ['retry-after', '86400', 1, 300_000],
    ['retry-after-ms', '2', 3, 15_000],
    ['retry-after', 'soon', 3, 15_000],
    ['retry-after', '-1', 3, 15_000],
  ])('that says %s: %s is asked %i times and rests %i ms', async (header, value, tries, restMs) => {
    await using first = await startFakeMessagesApi(() => ({
      error: { status: 429, type: 'rate_limit_error', message: 'x', headers: { [header]: value } },
    }))
    await using second = await startFakeMessagesApi(() => say('two'))
    const connections = [first, second].map(({ url }) =>
      connectionTo({ apiKey: 'k', baseUrl: url, model: 'm' }),
    )
    const lines = failover(connections, { now: () => 0 })
    await lines.ask(question, asking)
    expect(first.requests).toHaveLength(tries)
    expect(lines.states()[0]?.restsUntilMs).toBe(restMs)
  })
})
