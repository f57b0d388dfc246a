import { isDeepStrictEqual } from 'node:util'
import { expectedSteps, messagesOf, stepsOf, withAliases, zoneOf, type Phrase } from './phrases.ts'
import { converse } from './tool-backend.ts'

/**
 * How a phrase came out. `exact`: the plan, the answer or the question that was expected.
 * `wrong plan`: steps that were not expected. `asked back`: a question, or "not understood", where
 * a plan or an answer was expected. `wrong answer`: words that were not expected, and no plan.
 */
export type Verdict = 'exact' | 'wrong plan' | 'asked back' | 'wrong answer'

export interface Judgement {
  readonly verdict: Verdict
  readonly said: string
  readonly text: string
  readonly outcome: string
  readonly steps: readonly unknown[]
}

export async function judge(phrase: Phrase): Promise<Judgement> {
  const zone = zoneOf(phrase)
  const answer = await converse(zone, messagesOf(phrase))
  const steps = stepsOf(answer.last?.steps ?? [])
  const text = withAliases(answer.text, zone)
  const { outcome } = answer
  return {
    verdict: verdictOf(phrase, steps, text, outcome),
    said: messagesOf(phrase).join(' / '),
    text,
    outcome,
    steps,
  }
}

function verdictOf(
  phrase: Phrase,
  steps: readonly unknown[],
  text: string,
  outcome: string,
): Verdict {
  const expected = expectedSteps(phrase)
  if (steps.length > 0) return isDeepStrictEqual(steps, expected) ? 'exact' : 'wrong plan'
  if (expected !== undefined) return outcome === 'done' ? 'wrong answer' : 'asked back'
  if ('no_plan' in phrase) return text.includes(phrase.no_plan) ? 'exact' : 'wrong answer'
  if ('answer' in phrase) {
    if (outcome !== 'done') return 'asked back'
    return text.includes(phrase.answer) ? 'exact' : 'wrong answer'
  }
  const [wanted, part] =
    'question' in phrase
      ? ['question', phrase.question]
      : 'not_understood' in phrase
        ? ['not_understood', phrase.not_understood]
        : ['', '']
  return outcome === wanted && text.includes(part) ? 'exact' : 'wrong answer'
}
