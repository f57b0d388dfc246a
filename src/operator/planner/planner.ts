import { limits } from '../../kernel/limits.ts'
import type { Model, Turn, TurnOutcome, TurnResult } from '../model/model.ts'
import { isTimeZone } from './civil-time.ts'
import { readConversation } from './dialogue.ts'
import type { Reading } from './interpret.ts'
import { classesOf } from './lexicon.ts'
import { loadObjects } from './scene.ts'
import { capitalized, general, listed, planTexts } from './texts.ts'
import { ToolRefusedError, zoneState } from './zone-state.ts'

interface Said {
  readonly text: string
  readonly outcome: TurnOutcome
}

export const plannerName = 'built-in planner'

/**
 * The model that needs no key and no network: a grammar over the catalogue. It makes a plan only
 * from a message of which every word that could change the meaning was understood, and asks back
 * otherwise. It is deterministic: the same conversation on the same zone gives the same answer.
 */
export function builtInPlanner(): Model {
  return { name: plannerName, offline: true, answer }
}

async function answer(turn: Turn): Promise<TurnResult> {
  const said = await answerOrRefusal(turn)
  turn.emit({ type: 'text', text: said.text })
  return { ...said, usage: { calls: 0, inputTokens: 0, outputTokens: 0 } }
}

async function answerOrRefusal(turn: Turn): Promise<Said> {
  try {
    return await respond(turn)
  } catch (error) {
    if (!(error instanceof ToolRefusedError)) throw error
    return { text: general.refused(error.code, error.message), outcome: 'done' }
  }
}

async function respond(turn: Turn): Promise<Said> {
  const texts = turn.history.flatMap(({ role, text }) => (role === 'person' ? [text] : []))
  const last = texts.at(-1)?.trim() ?? ''
  const alone = texts.length <= 1
  const fixed = fixedAnswer(last, alone)
  if (fixed !== null) return fixed
  const state = zoneState(turn)
  turn.emit({ type: 'stage', stage: 'reading the zone' })
  const objects = await loadObjects(state)
  const timeZone = isTimeZone(turn.timeZone) ? turn.timeZone : 'UTC'
  const reading = await readConversation(texts, state, objects, { ms: turn.nowMs, timeZone })
  const isYes = classesOf(last.replace(/[.!\s]+$/u, '')).has('yes')
  if (isYes && reading.message === last) return { text: general.nothingToConfirm, outcome: 'done' }
  if (reading.tooLong) return { text: general.tooLong, outcome: 'not_understood' }
  const asked = questionText(reading)
  if (asked !== null) return asked
  return reading.draft.steps.length > 0
    ? propose(turn, reading, intentOf(texts, reading))
    : informed(reading)
}

/** Answers to messages that are no request: greetings, thanks, help, a yes to nothing. */
function fixedAnswer(message: string, alone: boolean): Said | null {
  const plain = message
    .replace(/[\s!.?,]+$/u, '')
    .replace(/^[\s,]+/u, '')
    .replaceAll(',', '')
  if (plain === '') return { text: general.empty, outcome: 'question' }
  const classes = classesOf(plain.replace(/\s+/gu, ' '))
  const done = (text: string): Said => ({ text, outcome: 'done' })
  if (classes.has('help')) return done(general.help)
  if (classes.has('cancel') || (classes.has('negation') && /^(?:no|nope)$/i.test(plain)))
    return done(general.nothingToCancel)
  if (classes.has('greeting')) return done(general.greeting)
  if (classes.has('thanks')) return done(general.thanks)
  return classes.has('yes') && alone ? done(general.nothingToConfirm) : null
}

/** What stands in the way of an answer; a plan of the understood part alone is never made. */
function questionText(reading: Reading): Said | null {
  const { questions, unknown, answers, notes, draft } = reading
  if (questions.length > 0)
    return { text: [...answers, ...questions].join('\n'), outcome: 'question' }
  if (unknown.length === 0) return null
  const understood = draft.steps.length > 0 || answers.length > 0 || notes.length > 0
  const plan = draft.steps.length > 0 ? [general.notPlannedForThat] : []
  const text = [...answers, [general.notUnderstood(unknown), ...plan, general.howToGoOn].join(' ')]
  return { text: text.join('\n'), outcome: understood ? 'question' : 'not_understood' }
}

/** Nothing to plan: answers, what is there already, or an honest word that nothing was understood. */
function informed(reading: Reading): Said {
  const { answers, notes, aside, draft } = reading
  const told = [...answers, ...draft.notes]
  if (notes.length > 0)
    told.push(`${notes.join(' ')} ${answers.length > 0 ? '' : planTexts.nothingToChange}`.trim())
  if (told.length === 0 || (answers.length === 0 && notes.length === 0)) {
    const spans = aside.length > 0 ? aside : [reading.message.trim().slice(0, 200)]
    return {
      text: `${general.notUnderstood(spans)} ${general.howToGoOn}`,
      outcome: 'not_understood',
    }
  }
  if (aside.length > 0) told.push(general.leftOut(aside))
  return { text: told.join('\n'), outcome: 'done' }
}

/** The person's words: all that are remembered, where the last ones only go on with those before. */
function intentOf(texts: readonly string[], reading: Reading): string {
  const last = texts.at(-1)?.trim() ?? ''
  const words = reading.message.trim() === last ? last : texts.slice(-5).join('\n')
  return words.slice(-limits.messageChars)
}

interface ProposedPlan {
  readonly id: string
  readonly preview: {
    readonly steps: readonly {
      readonly id: string
      readonly effect: string
      readonly blocked: { readonly code: string; readonly message: string } | null
    }[]
  } | null
}

async function propose(turn: Turn, reading: Reading, intent: string): Promise<Said> {
  const { draft, notes, aside, answers } = reading
  if (draft.steps.length > limits.planSteps)
    return { text: general.tooManySteps(draft.steps.length, limits.planSteps), outcome: 'question' }
  turn.emit({ type: 'stage', stage: 'proposing a plan' })
  const summary = capitalized(`${listed(draft.phrases.map(({ text }) => text))}.`).slice(
    0,
    limits.descriptionChars,
  )
  const proposed = await turn.call('plan_propose', { intent, summary, steps: draft.steps })
  if (!proposed.ok)
    return proposed.code === 'control_scope_required'
      ? { text: general.answersOnly, outcome: 'question' }
      : { text: general.refused(proposed.code, proposed.message), outcome: 'done' }
  // The server has checked the value against the output schema of plans.create.
  const plan = proposed.value as unknown as ProposedPlan
  const blocked = (plan.preview?.steps ?? []).flatMap((step) =>
    step.blocked === null
      ? []
      : [planTexts.blocked(step.id, step.blocked.message, step.blocked.code)],
  )
  const more = [
    ...draft.notes,
    ...notes,
    ...blocked,
    ...(aside.length > 0 ? [general.leftOut(aside)] : []),
  ]
  const text = [...answers, planTexts.made(summary, plan.id), ...more].join('\n')
  return { text, outcome: 'done' }
}
