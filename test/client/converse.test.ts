import { ReadableStream } from 'node:stream/web'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { converse, followAnswer, type ConversationEvent } from '../../src/client/converse.ts'
import { serverEvents, type ServerEvent } from '../../src/client/event-stream.ts'
import { event, json, startWire, stream, type Seen } from './wire.ts'

const answer = { id: 'msg_2', text: 'Hello', outcome: 'done', plan_ids: [] }

test('events are handed on as they come and the message is the answer', async () => {
  await using wire = await startWire(
    stream([
      event('stage', { stage: 'thinking' }, 1),
      ': still thinking\n\n',
      event('text', { text: 'Hel' }, 2) + event('text', { text: 'lo' }, 3).slice(0, 9),
      event('text', { text: 'lo' }, 3).slice(9),
      event('tool', { name: 'grants_list', ok: true }, 4),
      event('mystery', { of: 'a later version' }, 5),
      event('plan', { plan: { id: 'plan_1' } }, 6),
      event('done', answer, 7),
    ]),
  )
  const events: ConversationEvent[] = []
  const said = await converse(wire.client(), 'default', 'conv_1', 'hi', {
    onEvent: (one) => events.push(one),
    clientMessageId: 'm1',
  })
  expect(said).toEqual(answer)
  expect(events).toEqual([
    { type: 'stage', stage: 'thinking' },
    { type: 'text', text: 'Hel' },
    { type: 'text', text: 'lo' },
    { type: 'tool', name: 'grants_list', ok: true },
    { type: 'plan', plan: { id: 'plan_1' } },
  ])
  expect(wire.seen[0]).toMatchObject({
    method: 'POST',
    url: '/v1/zones/default/operator/conversations/conv_1/messages',
    body: { text: 'hi', client_message_id: 'm1' },
  })
})

const accepted = 'event: accepted\ndata: {"message_id":"msg_1"}\n\n'
const gone = event('error', { error: 'answer_interrupted', request_id: 'req_9' })

test('a stream that breaks is followed behind the last event, each of which comes once', async () => {
  await using wire = await startWire(
    stream([accepted, event('text', { text: 'Hel' }, 1)], true),
    stream([accepted, event('text', { text: 'Hel' }, 1), event('text', { text: 'l' }, 2)], true),
    stream([accepted, event('text', { text: 'o' }, 3), event('done', answer, 4)]),
  )
  const texts: string[] = []
  const onEvent = (one: ConversationEvent): void => {
    if (one.type === 'text') texts.push(one.text)
  }
  expect(await converse(wire.client(), 'default', 'conv_1', 'hi', { onEvent })).toEqual(answer)
  expect(texts).toEqual(['Hel', 'l', 'o'])
  const path = '/v1/zones/default/operator/conversations/conv_1/messages'
  expect(wire.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    `POST ${path}`,
    `GET ${path}/msg_1/stream?since=1`,
    `GET ${path}/msg_1/stream?since=2`,
  ])
})

test('a stream that breaks before it was accepted is asked for again under the same id', async () => {
  await using wire = await startWire(stream([], true), stream([accepted, event('done', answer, 1)]))
  expect(await converse(wire.client(), 'default', 'conv_1', 'hi')).toEqual(answer)
  const ids = wire.seen.map(
    ({ body }: Seen) => (body as Record<string, string>)['client_message_id'],
  )
  expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/)
  expect(ids[1]).toBe(ids[0])
})

test('where the process that was answering has died, the message is sent again, once', async () => {
  await using wire = await startWire(
    stream([accepted, event('text', { text: 'Hel' }, 1)], true),
    stream([accepted, gone]),
    stream([accepted, event('restart', {}, 2), event('text', { text: 'Hello' }, 3)], true),
    stream([accepted, event('done', answer, 4)]),
  )
  const events: ConversationEvent[] = []
  const onEvent = (one: ConversationEvent): void => void events.push(one)
  expect(await converse(wire.client(), 'default', 'conv_1', 'hi', { onEvent })).toEqual(answer)
  expect(events).toEqual([
    { type: 'text', text: 'Hel' },
    { type: 'restart' },
    { type: 'text', text: 'Hello' },
  ])
  expect(wire.seen.map(({ method, headers }) => [method, headers['last-event-id']])).toEqual([
    ['POST', undefined],
    ['GET', '1'],
    ['POST', '1'],
    ['POST', '3'],
  ])
})

test('an answer is followed by its message, and refused where nobody has it in hand', async () => {
  await using wire = await startWire(
    stream([accepted, event('text', { text: 'lo' }, 5)], true),
    stream([accepted, event('done', answer, 6)]),
    stream([accepted, gone]),
  )
  const follow = () => followAnswer(wire.client(), 'default', 'conv_1', 'msg_1', { since: 4 })
  expect(await follow()).toEqual(answer)
  await expect(follow()).rejects.toMatchObject({ code: 'answer_interrupted' })
  expect(wire.seen.map(({ headers }) => headers['last-event-id'])).toEqual(['4', '5', '4'])
})

test('a stream that never ends properly is an interruption', async () => {
  await using wire = await startWire(stream([event('stage', { stage: 'thinking' })]))
  const call = converse(wire.client(), 'default', 'conv_1', 'hi')
  await expect(call).rejects.toMatchObject({ code: 'stream_interrupted' })
  expect(wire.seen).toHaveLength(3)
})

test.each([
  ['before the stream', json(403, { error: 'mode_is_ask', request_id: 'req_9' })],
  ['in the stream', stream([event('error', { error: 'mode_is_ask', request_id: 'req_9' })])],
])('a refusal %s is thrown once', async (_, reply) => {
  await using wire = await startWire(reply)
  const call = converse(wire.client(), 'default', 'conv_1', 'hi')
  await expect(call).rejects.toMatchObject({ code: 'mode_is_ask', requestId: 'req_9' })
  expect(wire.seen).toHaveLength(1)
})

test('an answer that is no stream is an unexpected one', async () => {
  await using wire = await startWire(json(200, {}))
  const call = converse(wire.client(), 'default', 'conv_1', 'hi')
  await expect(call).rejects.toMatchObject({ code: 'unexpected_answer' })
})

async function read(chunks: readonly Uint8Array[]): Promise<ServerEvent[]> {
  const events: ServerEvent[] = []
  for await (const one of serverEvents(ReadableStream.from<Uint8Array>(chunks))) events.push(one)
  return events
}

test('however a stream is cut and its lines end, the events are the same', async () => {
  const data = fc.record({ text: fc.string({ unit: 'grapheme' }) })
  const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 8 })
  const lineEnd = fc.constantFrom('\n', '\r\n', '\r')
  await fc.assert(
    fc.asyncProperty(fc.array(data, { maxLength: 5 }), cuts, lineEnd, async (all, at, end) => {
      const text = all.map((one, i) => event('text', one, i)).join('')
      const bytes = new TextEncoder().encode(`: hello\n\n${text}`.replaceAll('\n', end))
      const edges = [0, ...[...at].sort((a, b) => a - b), bytes.length]
      const chunks = edges.slice(1).map((edge, i) => bytes.slice(edges[i], edge))
      const events = await read(chunks)
      // A lone CR at the very end may be half of a line end, so that event is still open.
      const closed = end === '\r' ? all.slice(0, -1) : all
      expect(events.map((one) => one.data).slice(0, closed.length)).toEqual(closed)
    }),
  )
})

test.each(['data: {\n\n', 'data: [1]\n\n', 'data: 5\n\n'])('%j is refused', async (text) => {
  await expect(read([new TextEncoder().encode(text)])).rejects.toMatchObject({
    code: 'unexpected_answer',
  })
})
