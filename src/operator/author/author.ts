import type { OutputOf } from '../../../tools/catalogue.ts'
import type { GateContext } from '../../gate/context.ts'
import type { PrepareRequest } from '../../gate/handler.ts'
import { refuse } from '../../kernel/faults.ts'
import { limits } from '../../kernel/limits.ts'
import { findZone } from '../../store/zones.ts'
import type { Meter, Model } from '../model/model.ts'
import type { Step } from '../planner/draft.ts'
import { builtInPlanner, plannerName } from '../planner/planner.ts'
import { stepsInForce } from '../planner/written-policy.ts'
import { asksToGive } from './asked-for.ts'
import { askModel, mended, toldOf } from './by-model.ts'
import { examine } from './examine.ts'
import { draftTurn } from './reads.ts'

type Drafted = OutputOf<'policies.draft'>

interface Asked {
  readonly context: GateContext
  readonly request: PrepareRequest
  readonly words: string
  readonly meter: Meter
}

/** A draft with what the models that made it have used. */
export interface Authored {
  readonly drafted: Drafted
  /** One for each call of a model; none for the built-in planner. */
  readonly usages: readonly object[]
}

/**
 * Drafts a policy from words and shows nothing that the contract has not taken and previewed. The
 * model, where there is one, may mend its draft twice; where that does not help, or somebody would
 * get more than the words ask for, there is no draft. Nothing is stored.
 */
export async function authorPolicy(asked: Asked, model: Model): Promise<Authored> {
  const { context, request } = asked
  const zone = await findZone(context.db.unzoned, request.zone)
  if (zone?.system !== false)
    refuse('system_zone_refused', 'No policy is drafted for a system zone.')
  return model.name === plannerName
    ? { drafted: await byGrammar(asked), usages: [] }
    : byModel(asked, model)
}

async function byGrammar(asked: Asked): Promise<Drafted> {
  const { context, request, words, meter } = asked
  const told = { system: '', history: [{ role: 'person' as const, text: words }], meter }
  const own = draftTurn(context, request, told)
  const { text, outcome } = await builtInPlanner().answer(own.turn)
  const steps = own.proposed()
  if (steps.length > 0) return checked(asked, plannerName, 1, steps)
  if (outcome === 'question') return nothing('question', text, plannerName, 0)
  const why = outcome === 'done' ? `These words ask for no policy. ${text}` : text
  return nothing('refused', why, plannerName, 0)
}

async function byModel(asked: Asked, model: Model): Promise<Authored> {
  const { context, request, words, meter } = asked
  const reading = draftTurn(context, request, { system: '', history: [], meter }).turn
  const told = await toldOf(reading, words)
  const usages: object[] = []
  let { history } = told
  let last: Drafted | null = null
  for (let attempt = 1; attempt <= limits.policyDraftAttempts; attempt += 1) {
    const { turn } = draftTurn(context, request, { system: told.system, history, meter })
    const { said, answered, usage } = await askModel(model, { ...turn, call: noTool })
    usages.push(usage)
    if ('question' in answered)
      return { drafted: nothing('question', answered.question, model.name, attempt), usages }
    last =
      'problem' in answered
        ? nothing('refused', answered.problem, model.name, attempt)
        : await checked(asked, model.name, attempt, await stepsInForce(reading, answered.policy))
    if (last.outcome === 'drafted') return { drafted: last, usages }
    history = mended(history, said, last.text)
  }
  if (last === null) throw new Error('a draft without an attempt')
  return { drafted: last, usages }
}

/** Whoever drafts for words has no tools: all that they may read is in the prompt. */
function noTool() {
  return Promise.resolve({
    ok: false as const,
    code: 'unknown_operation',
    message: 'There is no tool here.',
  })
}

async function checked(
  { context, request, words }: Asked,
  author: string,
  attempts: number,
  steps: readonly Step[],
): Promise<Drafted> {
  const examined = await examine(context, request, steps)
  if (examined.problem !== null) return nothing('refused', examined.problem, author, attempts)
  const { documents, source, widens, preview } = examined
  if (widens && !asksToGive(words)) {
    const text = 'Somebody would get more by it, which the words do not ask for.'
    return nothing('refused', text, author, attempts)
  }
  const described = steps[0]?.input['description']
  return {
    outcome: 'drafted',
    text: typeof described === 'string' ? described : 'A policy.',
    ...{ author, attempts, documents, source, widens, preview },
    steps: steps.map(({ id, operation, input, depends_on: needed = [] }) => ({
      ...{ id, operation, input, depends_on: [...needed] },
    })),
  }
}

function nothing(
  outcome: 'question' | 'refused',
  text: string,
  author: string,
  attempts: number,
): Drafted {
  const none = { documents: null, source: null, widens: false, preview: null }
  return { outcome, text, author, attempts, ...none, steps: [] }
}
