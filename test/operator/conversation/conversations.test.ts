import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Fault } from '../../../src/kernel/faults.ts'
import {
  conversationsPath,
  converse,
  say,
  send,
  type Conversation,
} from '../../support/conversations.ts'
import { application, apply, approve, readPlan, sendPlan, type Plan } from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { freshName } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

const model = scriptedModel()
let world: World

beforeAll(async () => {
  world = await startWorld({ model })
})

beforeEach(() => {
  model.follow(() => Promise.resolve('Hello.'))
})

afterAll(() => world[Symbol.asyncDispose]())

function one(conversation: Conversation, more = ''): string {
  return `${conversationsPath()}/${conversation.id}${more}`
}

async function messagesOf(conversation: Conversation, token = world.token) {
  const answer = await world.call('GET', one(conversation), undefined, { token })
  expect(answer.status).toBe(200)
  return answer.body.messages as { role: string; text: string; outcome: string | null }[]
}

describe('conversations', () => {
  test('are listed newest first, read with their messages, and deleted for good', async () => {
    const [first, second] = [await converse(world), await converse(world, { mode: 'ask' })]
    const { items } = (await world.call('GET', conversationsPath())).body
    const ids = (items as Conversation[]).map(({ id }) => id)
    expect(ids.slice(0, 2)).toEqual([second.id, first.id])
    expect(first).toMatchObject({ mode: 'agent', person: { name: 'administrator' } })
    await say(world, first, 'hello there')
    expect(await messagesOf(first)).toMatchObject([
      { role: 'person', text: 'hello there', outcome: null },
      { role: 'operator', text: 'Hello.', outcome: 'done' },
    ])
    expect((await world.call('DELETE', one(first))).status).toBe(204)
    await expectNotFound(first)
    const rows = await world.sql('select 1 from messages where conversation_id = $1', [first.id])
    expect(rows).toEqual([])
  })

  test('are a person’s own: nobody else finds them', async () => {
    const mine = await converse(world)
    const token = await world.person(freshName('bob'), ['read', 'write', 'approve', 'audit'])
    await expectNotFound(mine, token)
    const { items } = (await world.call('GET', conversationsPath(), undefined, { token })).body
    expect(items).toEqual([])
    expect((await world.call('GET', one(mine))).status).toBe(200)
  })

  async function expectNotFound(conversation: Conversation, token = world.token): Promise<void> {
    for (const [method, more, body] of [
      ['DELETE', ''],
      ['POST', '/cancel'],
      ['POST', '/messages', { text: 'hi' }],
    ] as const)
      await expectRefused(world, 'not_found', () =>
        world.call(method, one(conversation, more), body, { token }),
      )
    const read = await world.call('GET', one(conversation), undefined, { token })
    expect(read).toMatchObject({ status: 404, body: { error: 'not_found' } })
  }
})

describe('an answer', () => {
  test('streams its stages, tools, plan and text in order, then the kept reply', async () => {
    const conversation = await converse(world)
    const name = freshName('agent')
    model.follow(async (turn) => {
      await turn.call('grants_list', {})
      await turn.call('plan_propose', { steps: [application(name)] })
      turn.emit({ type: 'text', text: 'Here is ' })
      turn.emit({ type: 'text', text: 'a plan.' })
      return 'Here is a plan.'
    })
    const { events, reply } = await say(world, conversation, 'register an agent')
    expect(
      events.map(({ event, data }) => [event, data['stage'] ?? data['name'] ?? data['text']]),
    ).toEqual([
      ['stage', 'mandate'],
      ['stage', 'thinking'],
      ['tool', 'grants_list'],
      ['tool', 'plan_propose'],
      ['plan', undefined],
      ['text', 'Here is '],
      ['text', 'a plan.'],
      ['done', 'Here is a plan.'],
    ])
    expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1))
    expect(reply).toMatchObject({ role: 'operator', outcome: 'done', model: 'scripted' })
    const plan = events.find(({ event }) => event === 'plan')?.data['plan'] as Plan
    expect(reply.plan_ids).toEqual([plan.id])
    expect(plan).toMatchObject({ state: 'pending_approval', origin: 'chat' })
    const applied = await apply(world, await approve(world, await readPlan(world, plan)))
    expect(applied.secrets).toHaveLength(1)
  })

  test('leaves one event, with the model’s use and not a word of what was said', async () => {
    const conversation = await converse(world)
    model.follow(() => Promise.resolve('A canary sings.'))
    const mark = await world.eventCount()
    await say(world, conversation, 'does the nightingale sing?')
    const types = (await world.events(mark)).map(({ type, outcome }) => `${type} ${outcome}`)
    expect(types).toEqual([
      'conversations.send applied',
      'token.read_mandate allow',
      'model.answer allow',
    ])
    const [row] = await world.sql<{ body: { diagnostics: object } }>(
      `select entry as body from events order by position desc limit 1`,
    )
    expect(row?.body.diagnostics).toMatchObject({ usage: { calls: 1 }, ended: 'done' })
    const words = await world.sql(`select 1 from events where entry::text ~ 'nightingale|canary'`)
    expect(words).toEqual([])
  })

  test('is made from what was said before, by the person’s words last', async () => {
    const conversation = await converse(world)
    await say(world, conversation, 'first')
    await say(world, conversation, 'second')
    expect(model.turns.at(-1)?.history).toEqual([
      { role: 'person', text: 'first' },
      { role: 'operator', text: 'Hello.' },
      { role: 'person', text: 'second' },
    ])
  })

  test('of a model that asks back is a question', async () => {
    const usage = { calls: 0, inputTokens: 0, outputTokens: 0 }
    model.follow(() => Promise.resolve({ text: 'Which one?', outcome: 'question', usage }))
    const { reply } = await say(world, await converse(world), 'delete the agent')
    expect(reply).toMatchObject({ text: 'Which one?', outcome: 'question', plan_ids: [] })
  })

  test.each([
    [
      'throws',
      new Error('secret detail of a stack'),
      'The answer could not be made',
      'model_unavailable',
    ],
    ['is refused', new Fault('rate_limited', 'Slowly, please.'), 'Slowly, please.', 'rate_limited'],
  ])('of a model that %s is a failure, kept and told', async (_, error, text, reason) => {
    const conversation = await converse(world)
    model.follow(() => Promise.reject(error))
    const mark = await world.eventCount()
    const { reply } = await say(world, conversation, 'hello')
    expect(reply.outcome).toBe('failed')
    expect(reply.text).toContain(text)
    expect(reply.text).not.toContain('stack')
    const event = (await world.events(mark)).at(-1)
    expect(event).toMatchObject({ type: 'model.answer', outcome: 'failed', reason })
  })
})

describe('the same client_message_id', () => {
  test('sent again has the same reply, and the model is not asked again', async () => {
    const conversation = await converse(world)
    const id = { client_message_id: 'one' }
    const first = await say(world, conversation, 'hello', id)
    const asked = model.turns.length
    const again = await say(world, conversation, 'hello', id)
    expect(again.reply).toEqual(first.reply)
    expect(again.events.map(({ event }) => event)).toEqual(['done'])
    expect(model.turns).toHaveLength(asked)
    expect(await messagesOf(conversation)).toHaveLength(2)
    await expectRefused(world, 'idempotency_key_reused', () =>
      send(world, conversation, { text: 'something else', ...id }),
    )
  })

  test('sent while it is being answered waits for the one answer', async () => {
    const conversation = await converse(world)
    const gate = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<undefined>()
    model.follow(() => {
      begun.resolve(undefined)
      return gate.promise
    })
    const asked = model.turns.length
    const id = { client_message_id: 'two' }
    const first = say(world, conversation, 'hello', id)
    await begun.promise
    const second = say(world, conversation, 'hello', id)
    setTimeout(() => {
      gate.resolve('Once.')
    }, 100)
    expect((await second).reply).toEqual((await first).reply)
    expect(model.turns).toHaveLength(asked + 1)
  })

  test('is found again though the connection broke off', async () => {
    const conversation = await converse(world)
    const gate = Promise.withResolvers<string>()
    model.follow(() => gate.promise)
    const id = { text: 'hello', client_message_id: 'three' }
    const controller = new AbortController()
    const broken = fetch(world.url + one(conversation, '/messages'), {
      method: 'POST',
      headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(id),
      signal: controller.signal,
    })
    await (await broken).body?.getReader().read()
    controller.abort()
    gate.resolve('Still here.')
    const { reply } = await say(world, conversation, 'hello', { client_message_id: 'three' })
    expect(reply.text).toBe('Still here.')
    expect(await messagesOf(conversation)).toHaveLength(2)
  })
})

describe('cancel', () => {
  test('stops the answer, which says so', async () => {
    const conversation = await converse(world)
    const begun = Promise.withResolvers<undefined>()
    model.follow(async (turn) => {
      begun.resolve(undefined)
      await new Promise((_, reject) => {
        turn.signal.addEventListener('abort', () => {
          reject(new Error('stopped'))
        })
      })
      return 'never'
    })
    const answer = say(world, conversation, 'think long')
    await begun.promise
    const cancelled = await world.call('POST', one(conversation, '/cancel'), {})
    expect(cancelled).toMatchObject({ status: 200, body: { cancelled: true } })
    expect((await answer).reply).toMatchObject({ outcome: 'cancelled', text: 'Stopped.' })
  })

  test('keeps a model that does not listen from its tools', async () => {
    const conversation = await converse(world)
    const begun = Promise.withResolvers<undefined>()
    const stopped = Promise.withResolvers<undefined>()
    model.follow(async (turn) => {
      begun.resolve(undefined)
      await stopped.promise
      await turn.call('plan_propose', { steps: [application(freshName('agent'))] })
      return 'proposed all the same'
    })
    const answer = say(world, conversation, 'go on')
    await begun.promise
    await world.call('POST', one(conversation, '/cancel'), {})
    stopped.resolve(undefined)
    expect((await answer).reply).toMatchObject({ outcome: 'cancelled', plan_ids: [] })
  })

  test('of nothing is false', async () => {
    const { body } = await world.call('POST', one(await converse(world), '/cancel'), {})
    expect(body).toEqual({ cancelled: false })
  })
})

describe('ask mode', () => {
  test('offers no tool that proposes, and refuses one that is called all the same', async () => {
    const conversation = await converse(world, { mode: 'ask' })
    model.follow(async (turn) => {
      const names = turn.tools.map(({ name }) => name)
      const answer = await turn.call('plan_propose', { steps: [application('sneaky')] })
      return JSON.stringify({ names, answer })
    })
    const before = (await world.call('GET', 'plans?limit=500')).body.items.length as number
    const { reply } = await say(world, conversation, 'register an agent')
    const { names, answer } = JSON.parse(reply.text) as { names: string[]; answer: object }
    expect(names).toContain('grants_list')
    expect(names.filter((name) => /propose|apply|preview|approve/.test(name))).toEqual([])
    expect(answer).toMatchObject({ ok: false, code: 'control_scope_required' })
    expect((await world.call('GET', 'plans?limit=500')).body.items).toHaveLength(before)
  })
})

describe('a secret that a person pastes', () => {
  const secrets = {
    'an admin token': `cat_${'a'.repeat(43)}`,
    'a client secret': `cs_${'b'.repeat(43)}`,
    'an API key': `sk-ant-${'c'.repeat(30)}`,
    'an AWS key': 'AKIAABCDEFGHIJKLMNOP',
    'a GitHub token': `ghp_${'d'.repeat(36)}`,
    'a JWT': `eyJ${'e'.repeat(20)}.eyJ${'f'.repeat(20)}.${'g'.repeat(43)}`,
    'a private key': '-----BEGIN EC PRIVATE KEY-----',
    'a database URL': 'postgres://caracal:hunter2hunter2@db.example.com/caracal',
  }

  test.each(Object.entries(secrets))(
    '%s is refused, kept nowhere and seen by no model',
    async (_, secret) => {
      const conversation = await converse(world)
      const asked = model.turns.length
      const text = `please use ${secret} for it`
      await expectRefused(world, 'secret_in_message', () => send(world, conversation, { text }))
      await expectRefused(world, 'secret_in_message', () =>
        world.call('POST', conversationsPath(), { title: text.slice(0, 120) }),
      )
      const steps = [application(freshName('agent'))]
      for (const words of [{ intent: text }, { summary: text }])
        await expectRefused(world, 'secret_in_message', () => sendPlan(world, { steps, ...words }))
      const labelled = [{ ...steps[0], input: { name: secret } }]
      await expectRefused(world, 'secret_in_message', () => sendPlan(world, { steps: labelled }))
      expect(model.turns).toHaveLength(asked)
      expect(await messagesOf(conversation)).toEqual([])
      for (const table of ['messages', 'conversations', 'events', 'plans', 'idempotency'])
        expect(
          await world.sql(`select 1 from ${table} t where strpos(t::text, $1) > 0`, [secret]),
        ).toEqual([])
    },
  )
})

test('a conversation ends with the token under which it was opened', async () => {
  const made = await world.admin.adminTokens.create({
    principal_name: freshName('guest'),
    principal_kind: 'person',
    capabilities: ['read'],
  })
  const other = await world.admin.adminTokens.create({
    principal_name: made.principal_name,
    principal_kind: 'person',
    capabilities: ['read'],
  })
  const conversation = await converse(world, { token: made.token })
  await world.admin.adminTokens.delete({ admin_token_id: made.id })
  const asked = model.turns.length
  const { reply } = await say(world, conversation, 'hello', {}, { token: other.token })
  expect(reply.outcome).toBe('failed')
  expect(model.turns).toHaveLength(asked)
  await expectRefused(world, 'invalid_admin_token', () =>
    send(world, conversation, { text: 'hi' }, { token: made.token }),
  )
})
