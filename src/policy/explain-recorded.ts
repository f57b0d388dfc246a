import type { Explanation } from './explain.ts'

/** What an explanation reads of a recorded event. */
interface RecordedEvent {
  readonly type: string
  readonly outcome: string
  readonly reason: string | null
  readonly rules: readonly string[]
  readonly diagnostics: Readonly<Record<string, unknown>>
}

/**
 * What a recorded event says of its decision. The event of an exchange keeps the explanation that
 * the policy gave at the time; the state may have changed since.
 */
export function explainRecorded(event: RecordedEvent): Explanation {
  const { explanation, smallest_change } = event.diagnostics
  if (typeof explanation === 'string')
    return {
      summary: explanation,
      smallest_change: typeof smallest_change === 'string' ? smallest_change : null,
    }
  const rules = event.rules.length === 0 ? '' : ` It was determined by ${event.rules.join(', ')}.`
  return event.outcome === 'deny' || event.outcome === 'refused'
    ? {
        summary: `${event.type} was refused: ${event.reason ?? 'unknown'}.${rules}`,
        smallest_change: null,
      }
    : {
        summary: `${event.type} was ${outcomeWords[event.outcome] ?? event.outcome}.${rules}`,
        smallest_change: null,
      }
}

const outcomeWords: Readonly<Record<string, string>> = {
  allow: 'allowed',
  applied: 'applied',
  failed: 'begun and failed',
}
