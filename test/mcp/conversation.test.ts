import { expect, test } from 'vitest'
import {
  resultsIn,
  say,
  startFakeMessagesApi,
  use,
  type Brain,
  type FakeMessagesApi,
} from '../support/fake-messages-api.ts'
import { startWorld, type World } from '../world.ts'

interface Talk extends AsyncDisposable {
  readonly api: FakeMessagesApi
  readonly world: World
}

async function startTalking(brain: Brain): Promise<Talk> {
  await using begun = new AsyncDisposableStack()
  const api = begun.use(await startFakeMessagesApi(brain))
  const models = [{ model: 'claude-test', baseUrl: api.url }]
  const world = begun.use(await startWorld({ config: { models }, modelKeys: ['sk-test'] }))
  const stack = begun.move()
  return { api, world, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test('a model’s words become a plan through the same tools, and nothing more', async () => {
  const steps = [
    { id: 'app', operation: 'applications.create', input: { name: 'billing-agent' } },
    {
      id: 'res',
      operation: 'resources.create',
      input: { name: 'Invoices', scopes: ['invoices:read', 'invoices:write'] },
    },
    {
      id: 'grant',
      operation: 'grants.create',
      input: {
        application_id: '{{steps.app.output.id}}',
        resource_id: '{{steps.res.output.id}}',
        scopes: ['invoices:read'],
      },
    },
  ]
  await using talk = await startTalking((request, call) => {
    if (call === 1) return use('applications_list')
    if (call === 2) return use('plan_propose', { steps, intent: 'as said', summary: 'All three.' })
    expect(resultsIn(request)).toMatchObject([{ is_error: false }])
    return say('The plan would register billing-agent and let it read invoices.')
  })
  const { api, world } = talk
  const before = await world.state()
  const conversation = await world.call('POST', 'operator/conversations', {})
  const messages = `operator/conversations/${String(conversation.body.id)}/messages`
  const text = 'register billing-agent and let it read Invoices'
  const { body } = await world.call('POST', messages, { text })
  expect(eventsOf(String(body))).toEqual(
    expect.arrayContaining(['stage', 'tool', 'plan', 'text', 'done']),
  )
  expect(await world.state()).toBe(before)

  const { body: listed } = await world.call('GET', 'plans')
  expect(listed.items).toMatchObject([{ state: 'pending_approval', origin: 'chat' }])
  const [plan] = listed.items
  await world.call('POST', `plans/${String(plan.id)}/approve`, { digest: plan.digest })
  const applied = await world.call('POST', `plans/${String(plan.id)}/apply`)
  expect(applied.body).toMatchObject({ plan: { state: 'applied' } })
  const { body: grants } = await world.call('GET', 'grants')
  expect(grants.items).toMatchObject([{ scopes: ['invoices:read'] }])

  const [first] = api.requests
  expect(first?.body.system?.[0]?.text).toContain('- zone: "default" (slug default')
  expect(first?.body.tools?.map(({ name }) => name)).not.toContain('plan_apply')
})

test('a failing provider is said in plain words, and the turn is over', async () => {
  await using talk = await startTalking(() => ({
    error: { status: 401, type: 'authentication_error', message: 'invalid x-api-key' },
  }))
  const { world } = talk
  const conversation = await world.call('POST', 'operator/conversations', {})
  const path = `operator/conversations/${String(conversation.body.id)}`
  await world.call('POST', `${path}/messages`, { text: 'hello' })
  const { body } = await world.call('GET', path)
  const messages = body.messages as readonly unknown[]
  expect(messages.at(-1)).toMatchObject({
    role: 'operator',
    outcome: 'failed',
    text: expect.stringContaining('ANTHROPIC_API_KEY'),
  })
  expect((await world.events()).at(-1)).toMatchObject({
    type: 'model.answer',
    outcome: 'failed',
    reason: 'model_unavailable',
  })
})

function eventsOf(stream: string): readonly string[] {
  return [...stream.matchAll(/^event: (.+)$/gm)].map(([, type = '']) => type)
}
