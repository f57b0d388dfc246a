/** Bytes that are reckoned as one token: English has some four, ids and code fewer. */
const bytesPerToken = 2

/**
 * How many tokens a text may be at the most, without the model's own tokenizer: one for every two
 * bytes of UTF-8. English is half of that, ids as ours come near it.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken)
}
