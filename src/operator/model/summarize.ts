import type { Failover } from './failover.ts'
import { fenced } from './fence.ts'
import type { SummaryRequest } from './model.ts'
import { modelFault } from './provider-errors-table.ts'

/** What of the messages goes out at the most, in characters; the fence holds somewhat more. */
const messagesChars = 16_000
/** Longer than this nobody waits for a summary. */
const timeoutMs = 30_000

/**
 * Has the model put messages in short, in one call. Every message has its share of what may go out.
 * Refuses `model_unavailable` where no summary comes whole.
 */
export async function summarize(
  lines: Failover,
  { system, earlier, messages, maxTokens, meter, signal }: SummaryRequest,
): Promise<string> {
  const share = Math.floor(messagesChars / Math.max(messages.length, 1))
  const said = messages.map(({ role, text }) => ({ role, text: text.slice(0, share) }))
  const content = fenced('conversation', { summary_so_far: earlier, messages: said })
  const deadline = AbortSignal.timeout(timeoutMs)
  const nobody = (): void => undefined
  try {
    const { message } = await lines.ask(
      { system, messages: [{ role: 'user', content }], tools: [], maxTokens },
      {
        ...{ meter, purpose: 'summary', hear: nobody, unsaid: nobody },
        signal: AbortSignal.any([signal, deadline]),
      },
    )
    const text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
    if (message.stopReason !== 'end_turn' || text.trim() === '') throw modelFault('broken_answer')
    return text.trim()
  } catch (error) {
    signal.throwIfAborted()
    throw deadline.aborted ? modelFault('timeout_error', error) : error
  }
}
