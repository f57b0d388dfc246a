import { z } from 'zod'
import { limits } from '../../kernel/limits.ts'
import { fenced } from '../model/fence.ts'
import type { Model, Turn, Utterance } from '../model/model.ts'
import { loadObjects } from '../planner/scene.ts'
import type { WrittenPolicy } from '../planner/policy-requests.ts'
import { zoneState } from '../planner/zone-state.ts'
import { authorPrompt } from './prompt.ts'

const reply = z.union([
  z.strictObject({
    name: z.string().trim().min(1).max(limits.nameChars),
    description: z.string().trim().min(1).max(limits.descriptionChars),
    documents: z.record(z.string(), z.unknown()),
  }),
  z.strictObject({ question: z.string().trim().min(1).max(limits.descriptionChars) }),
])

/** What the model has answered: a policy, a question, or nothing that can be read. */
type Answered =
  { readonly policy: WrittenPolicy } | { readonly question: string } | { readonly problem: string }

/** What the model is told: the words and what of the zone they can be about, both as data. */
export async function toldOf(
  turn: Turn,
  words: string,
): Promise<{ readonly system: string; readonly history: readonly Utterance[] }> {
  const { applications, resources, policies } = await loadObjects(zoneState(turn))
  const most = limits.policyDraftObjects
  const zone = {
    applications: applications.slice(0, most).map(({ id, name, labels }) => ({ id, name, labels })),
    resources: resources.slice(0, most).map(({ name, identifier, scopes }) => ({
      ...{ name, identifier, scopes },
    })),
    policies: policies.slice(0, most).map(({ name, description }) => ({ name, description })),
  }
  const text = `${fenced('words', words)}\n${fenced('zone', zone)}`
  return { system: authorPrompt(), history: [{ role: 'person', text }] }
}

/** The history with a draft and what is wrong with it, which the model may mend. */
export function mended(
  history: readonly Utterance[],
  said: string,
  problem: string,
): readonly Utterance[] {
  const text = `The draft was not taken. Mend it.\n${fenced('problem', problem)}`
  return [...history, { role: 'operator', text: said }, { role: 'person', text }]
}

export async function askModel(
  model: Model,
  turn: Turn,
): Promise<{ readonly said: string; readonly answered: Answered; readonly usage: object }> {
  const { text, usage } = await model.answer(turn)
  return { said: text, answered: answeredBy(text), usage }
}

function answeredBy(text: string): Answered {
  const json = /^\s*(?:```(?:json)?\s*)?(\{[\s\S]*\})\s*(?:```)?\s*$/.exec(text)?.[1]
  try {
    const { data } = reply.safeParse(JSON.parse(json ?? ''))
    if (data === undefined) return { problem: 'The answer is not an object of the form asked for.' }
    return 'question' in data ? data : { policy: data }
  } catch {
    return { problem: 'The answer is not one JSON object and nothing else.' }
  }
}
