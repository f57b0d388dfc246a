import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BrokenAnswer,
  nothingUsed,
  wholeMessage,
  type WholeMessage,
} from '../../../src/operator/model/message-stream.ts'

async function* streamOf(events: readonly unknown[]): AsyncGenerator {
  for (const event of events) yield await Promise.resolve(event)
}

/** The message, or null where it broke; any other error fails the test. */
async function read(
  events: readonly unknown[],
  heard: string[] = [],
  used = nothingUsed(),
): Promise<WholeMessage | null> {
  try {
    return await wholeMessage(streamOf(events), used, (text) => heard.push(text))
  } catch (error) {
    if (error instanceof BrokenAnswer) return null
    throw error
  }
}

const usage = { input_tokens: 7, output_tokens: 1, cache_read_input_tokens: 30 }
const opening = { type: 'message_start', message: { usage } }
const closing = {
  type: 'message_delta',
  delta: { stop_reason: 'tool_use' },
  usage: { output_tokens: 9 },
}

function textEvents(index: number, pieces: readonly string[]): readonly unknown[] {
  return [
    { type: 'content_block_start', index, content_block: { type: 'text', text: '' } },
    ...pieces.map((text) => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'text_delta', text },
    })),
    { type: 'content_block_stop', index },
  ]
}

function toolEvents(index: number, json: readonly string[]): readonly unknown[] {
  const id = `toolu_${String(index)}`
  return [
    {
      type: 'content_block_start',
      index,
      content_block: { type: 'tool_use', id, name: 'plan_get', input: {} },
    },
    ...json.map((partial_json) => ({
      type: 'content_block_delta',
      index,
      delta: { type: 'input_json_delta', partial_json },
    })),
    { type: 'content_block_stop', index },
  ]
}

describe('a streamed message', () => {
  test('is whole however its text and arguments are cut into pieces', async () => {
    const pieces = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(pieces, fc.object({ maxDepth: 3 }), fc.nat(200), async (said, given, at) => {
        const json = JSON.stringify(given)
        const heard: string[] = []
        const used = nothingUsed()
        const events = [
          opening,
          { type: 'ping' },
          ...textEvents(0, said),
          { type: 'a_kind_of_tomorrow', index: 'x' },
          ...toolEvents(1, [json.slice(0, at), json.slice(at)]),
          closing,
          { type: 'message_stop' },
        ]
        expect(await read(events, heard, used)).toEqual({
          content: [
            { type: 'text', text: said.join('') },
            { type: 'tool_use', id: 'toolu_1', name: 'plan_get', input: JSON.parse(json) },
          ],
          stopReason: 'tool_use',
        })
        expect(heard.join('')).toBe(said.join(''))
        expect(used).toEqual({
          ...{ inputTokens: 7, cacheWriteTokens: 0, cacheReadTokens: 30 },
          outputTokens: 9,
        })
      }),
    )
  })

  test('that ends early is broken, wherever it ends, and says what it has cost', async () => {
    const events = [
      opening,
      ...textEvents(0, ['I look ', 'here.']),
      ...toolEvents(1, ['{"a":', '1}']),
    ]
    for (let length = 0; length <= events.length; length += 1) {
      const used = nothingUsed()
      expect(await read(events.slice(0, length), [], used)).toBeNull()
      if (length > 0) expect(used).toMatchObject({ inputTokens: 7, cacheReadTokens: 30 })
      if (length > 4) expect(used.outputTokens).toBeGreaterThan(1)
    }
    expect(await read([...events, closing])).not.toBeNull()
  })

  test('of anything at all is a message or broken, and nothing else', async () => {
    const known = fc.constantFrom(
      'message_start',
      'content_block_start',
      'content_block_delta',
      'message_delta',
      'constructor',
    )
    const field = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.record({ type: fc.constantFrom('text', 'tool_use', 'text_delta'), text: fc.jsonValue() }),
      fc.record({ usage: fc.jsonValue() }),
      fc.record({ stop_reason: fc.jsonValue() }),
    )
    const event = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.record(
        {
          type: known,
          index: field,
          message: field,
          content_block: field,
          delta: field,
          usage: field,
        },
        { requiredKeys: ['type'] },
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 8 }), async (events) => {
        const message = await read([opening, ...events, closing])
        for (const block of message?.content ?? [])
          if (block.type === 'tool_use')
            expect(block.input === undefined || typeof block.input === 'object').toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('without an end is given up', async () => {
    async function* endless(): AsyncGenerator {
      yield opening
      yield { type: 'content_block_start', index: 0, content_block: { type: 'text' } }
      const text = 'x'.repeat(10_000)
      for (;;)
        yield await Promise.resolve({
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'text_delta', text },
        })
    }
    await expect(wholeMessage(endless(), nothingUsed(), () => undefined)).rejects.toThrow('no end')
  })
})
