import { z } from 'zod'
import { limits } from '../../kernel/limits.ts'
import { fenced } from '../model/fence.ts'
import type { Model, Turn } from '../model/model.ts'
import type { PlanView } from '../plans/plan-view.ts'
import { promptText } from '../conversation/prompt.ts'

/** What a call to a model goes with. */
type Calling = Pick<Turn, 'meter' | 'signal'>

/** A second look at plans by a model, which may find one riskier and nothing else. */
export interface Reviewer {
  readonly name: string
  /** The model's answer as it came: it is not believed to be anything. */
  review(plan: PlanView, calling: Calling): Promise<string>
}

const answer = z.strictObject({
  risk: z.enum(['low', 'medium', 'high', 'critical']),
  reason: z.string().trim().min(1).max(limits.customPolicyTextChars),
})

/** What a reviewer has said; null for anything that is not exactly an answer. */
export function readReview(text: string): z.output<typeof answer> | null {
  try {
    return answer.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

/** Has the Operator's model review: a call of its own, without tools and without the conversation. */
export function reviewerOf(model: Model, clock: { now(): number }): Reviewer {
  return {
    name: model.name,
    async review({ intent, summary, preview, risk }, { meter, signal }) {
      const text = fenced('plan', { intent, summary, risk, preview })
      const { text: said } = await model.answer({
        system: promptText('review', {}),
        summary: '',
        history: [{ role: 'person', text }],
        tools: [],
        call: () =>
          Promise.resolve({ ok: false, code: 'unknown_operation', message: 'There is no tool.' }),
        emit: () => undefined,
        meter,
        signal,
        nowMs: clock.now(),
        timeZone: 'UTC',
      })
      return said
    },
  }
}
