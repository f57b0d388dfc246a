import { CaracalError } from './caracal-error.ts'

/** One server-sent event (WHATWG HTML, section 9.2), its `data` read as JSON. */
export interface ServerEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
  /** Where to go on after a break; null where the stream does not say. */
  readonly id: string | null
}

/** No event of ours comes near it; a stream that sends more without an end is not ours. */
const eventCharsMax = 16_777_216

/**
 * The events of a stream, as they come. Comments and events without data are passed over. Throws
 * {@link CaracalError} `unexpected_answer` for data that is not a JSON object.
 */
export async function* serverEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerEvent, void, undefined> {
  let pending = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true })
    // A lone CR at the end may be half of a CRLF: it waits for the next chunk.
    const blocks = pending.replace(/\r\n|\r(?!$)/g, '\n').split('\n\n')
    pending = blocks.pop() ?? ''
    if (pending.length > eventCharsMax) throw malformed('an event without an end')
    for (const block of blocks) {
      const event = eventOf(block)
      if (event !== null) yield event
    }
  }
}

function eventOf(block: string): ServerEvent | null {
  let event = 'message'
  let id: string | null = null
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'event') event = value
    if (field === 'id') id = value
    if (field === 'data') data.push(value)
  }
  return data.length === 0 ? null : { event, id, data: objectOf(data.join('\n')) }
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw malformed('data that is not JSON', cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('data that is not an object')
  return value as Readonly<Record<string, unknown>>
}

function malformed(what: string, cause?: unknown): CaracalError {
  const message = `The stream of events holds ${what}.`
  return new CaracalError({ status: 200, code: 'unexpected_answer', message, cause })
}
