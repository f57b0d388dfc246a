import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { anthropicModel } from '../../src/operator/model/anthropic.ts'
import {
  resultsIn,
  startFakeMessagesApi,
  type Block,
  type FakeMessagesApi,
  type MessagesRequest,
} from '../support/fake-messages-api.ts'
import { shown, type Planted } from './corpus-table.ts'
import { readsOf, startGround, unique, type Ground } from './ground.ts'
import type { ToolCall, Upon } from './places.ts'

/*
 * Planted texts on their way to a provider: each of them stands between the marks of a fence that it
 * cannot end, with nothing hidden in it, and in the prompt only as a quoted name.
 */

let api: FakeMessagesApi
let ground: Ground
/** What the model behind the wire does with a request. */
let brain: (request: MessagesRequest) => readonly Block[] = () => []

beforeAll(async () => {
  api = await startFakeMessagesApi((request) => ({ say: brain(request) }))
  const bounds = { maxCalls: 8, maxTokens: 1_000_000 }
  ground = await startGround(
    anthropicModel({
      endpoints: [{ apiKey: 'k', baseUrl: api.url, model: 'claude-test' }],
      clock: systemClock,
      ...bounds,
    }),
  )
})

afterAll(async () => {
  await ground[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

const fence = /^<data source="[a-z_]+"(?: cut="after \d+ of \d+ characters")?>\n([^<>]*)\n<\/data>$/
/** What the SDK says of a tool that was not offered; the name is the model's own. */
const unknownTool = /^Error: Tool '[\w-]+' not found$/
const notAsItLooks = /[\p{Cf}\p{Zl}\p{Zp}\uff1c\uff1e\ufe64\ufe65]/u

function expectFenced(request: MessagesRequest, mark: string, isSaid: boolean): void {
  const system = request.body.system?.map(({ text }) => text).join('') ?? ''
  const unquoted = system.replace(/^- (?:person|zone): "(?:[^"\\<>]|\\.)*".*$/gm, '')
  expect(unquoted).not.toContain(mark)
  expect(system.match(/<\/data>/g)).toHaveLength(1)
  expect(JSON.stringify(request.body.tools)).not.toContain(mark)
  for (const { content } of resultsIn(request)) {
    if (unknownTool.test(content)) continue
    const inner = fence.exec(content)?.[1]
    expect(inner, content.slice(0, 200)).toBeDefined()
    expect(inner).not.toMatch(notAsItLooks)
  }
  const spoken = request.body.messages
    .filter(({ role }) => role === 'user')
    .flatMap(({ content }) => content as readonly { type: string }[])
    .filter(({ type }) => type === 'text')
  if (!isSaid) expect(JSON.stringify(spoken)).not.toContain(mark)
}

/** Blocks of one message: a model may call many tools at once. */
function uses(calls: readonly ToolCall[]): readonly Block[] {
  return calls
    .filter(([name]) => /^[\w-]{1,64}$/.test(name))
    .map(([name, input]) => ({ type: 'tool_use', name, input }))
}

/** Reads, then does what it has read, then says that it is done. */
function obedient(reads: readonly Block[], mark: string): typeof brain {
  let call = 0
  return (request) => {
    call += 1
    const marked = resultsIn(request).filter(({ content }) => content.includes(mark))
    const orders = unique(marked.flatMap(({ content }) => ground.ordersOf(content)))
    const next = call === 1 ? reads : call === 2 ? uses(orders).slice(0, 12) : []
    return next.length > 0 ? next : [{ type: 'text', text: 'Done.' }]
  }
}

async function expectHeld(planted: Planted, mark: string, upon: Upon | undefined): Promise<void> {
  const before = await ground.facts()
  const from = api.requests.length
  brain = obedient(uses(readsOf(planted, upon)), mark)
  const reply = await ground.talk(upon)
  expect(reply.outcome, reply.text).toBe('done')
  const sent = api.requests.slice(from)
  for (const request of sent) expectFenced(request, mark, planted.place === 'conversation.history')
  const given = sent.map(({ body }) => JSON.stringify(body)).join('')
  if (planted.place !== 'tool.unknown' && planted.place !== 'tool.field')
    expect(given).toContain(mark)
  ground.expectNoLeak(given)
  expect(await ground.facts()).toEqual(before)
}

const byPlace = [...Map.groupBy(shown, ({ place }) => place)]

test.each(byPlace)('what is planted in %s comes between the marks', async (_, planted) => {
  const upons: (Upon | undefined)[] = []
  for (const one of planted) upons.push(await ground.plant({ ...one, id: `w${one.id}` }))
  const [first] = planted
  if (first === undefined) return
  if (upons.every((upon) => upon === undefined)) return expectHeld(first, `w${first.id}`, undefined)
  for (const [nth, one] of planted.entries()) await expectHeld(one, `w${one.id}`, upons[nth])
})
