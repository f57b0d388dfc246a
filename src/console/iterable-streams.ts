/**
 * The client reads a stream with `for await`, which Safari learned later than the other browsers.
 * Streams get the method where they have none (WHATWG Streams, section 4.2.5).
 */
export function makeStreamsIterable(): void {
  const { prototype } = ReadableStream
  if (Symbol.asyncIterator in prototype) return
  Object.defineProperty(prototype, Symbol.asyncIterator, { value: chunks, configurable: true })
}

async function* chunks<T>(this: ReadableStream<T>): AsyncGenerator<T, void, undefined> {
  const reader = this.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
    reader.releaseLock()
  }
}
