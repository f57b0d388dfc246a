/** Bytes that are reckoned as one token: English has some four, ids and code fewer. */
const bytesPerToken = 2

/**
 * How many tokens a text may be at the most, without the model's own tokenizer: one for every two
 * bytes of UTF-8. English is half of that, ids as ours come near it.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken)
}

/** The beginning of a text, of so many estimated tokens at the most; no character is cut in two. */
export function cutToTokens(text: string, tokens: number): string {
  const bytes = Buffer.from(text)
  const most = tokens * bytesPerToken
  if (bytes.length <= most) return text
  const mark = '…'
  const room = most - Buffer.byteLength(mark)
  return (
    bytes
      .subarray(0, Math.max(room, 0))
      .toString('utf8')
      .replace(/\uFFFD+$/u, '') + mark
  )
}
