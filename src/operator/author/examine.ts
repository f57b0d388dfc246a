import type { OutputOf } from '../../../tools/catalogue.ts'
import { objectOf } from '../../../tools/operation.ts'
import type { GateContext } from '../../gate/context.ts'
import type { Call, PrepareRequest } from '../../gate/handler.ts'
import { previewSteps } from '../../gate/preview.ts'
import { isFault } from '../../kernel/faults.ts'
import type { DocumentSet } from '../../policy/document-schemas.ts'
import { parseDocument, type DocumentLanguage } from '../../policy/documents.ts'
import { openTx } from '../../store/tx.ts'
import { lockZone } from '../../store/zones.ts'
import type { Step } from '../planner/draft.ts'

type Drafted = OutputOf<'policies.draft'>

/** A draft that the contract takes, with what it would change; or what is wrong with it. */
type Examined =
  | { readonly problem: string }
  | (Pick<Drafted, 'widens' | 'preview'> & {
      readonly problem: null
      readonly documents: DocumentSet
      readonly source: string
    })

/** The objects that the steps of a policy may be about. */
const ofPolicy: readonly string[] = ['policies', 'policy_sets']

/**
 * Reads the one policy of some steps by the contract's own schemas, and runs the steps in a
 * transaction that is taken back: who gains and loses, and which recorded decisions would flip.
 */
export async function examine(
  context: GateContext,
  request: PrepareRequest,
  steps: readonly Step[],
): Promise<Examined> {
  if (steps.some((step) => !ofPolicy.includes(objectOf({ id: step.operation }))))
    return { problem: 'It would change something else than policy.' }
  const written = steps.flatMap(({ input }) => (typeof input['source'] === 'string' ? [input] : []))
  const [policy] = written
  if (policy === undefined || written.length > 1)
    return { problem: 'It has to be exactly one policy.' }
  const [language, source] = [policy['language'] as DocumentLanguage, String(policy['source'])]
  const documents = parsed(language, source)
  if ('problem' in documents) return documents
  const seen = await see(context, request, steps)
  if (seen.problem !== null) return seen
  const widens = seen.widens || gives(documents.set)
  return { ...seen, documents: documents.set, source, widens }
}

function parsed(
  language: DocumentLanguage,
  source: string,
): { readonly set: DocumentSet } | { readonly problem: string } {
  try {
    return { set: parseDocument({ language, source }) }
  } catch (error) {
    if (!isFault(error)) throw error
    const issues = (error.details?.['issues'] ?? []) as { path: string; message: string }[]
    const told = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    return { problem: told.length === 0 ? error.message : told.join('\n') }
  }
}

/** Kinds that hand something out whoever is there today: scopes by role, and plans unseen. */
function gives({ grants = {}, plan_rules: rules = [] }: DocumentSet): boolean {
  return Object.keys(grants).length > 0 || rules.some(({ effect }) => effect === 'allow')
}

async function see(context: GateContext, request: PrepareRequest, steps: readonly Step[]) {
  const { zone, principal, requestId, traceId } = request
  const given = steps.map((step) => ({ depends_on: [], ...step }))
  return context.db.transaction(zone, async (queries) => {
    await lockZone(queries, zone)
    const tx = openTx(queries, zone, context.clock.now())
    const call: Call = { ...tx, principal, requestId, traceId, surface: 'api', rehearsal: true }
    const { preview } = await previewSteps(context, call, given)
    const [blocked] = preview.steps.flatMap((step) => (step.blocked === null ? [] : [step.blocked]))
    if (blocked !== undefined) return { problem: `${blocked.code}: ${blocked.message}` } as const
    const { deny_to_allow = 0, widened = 0 } = preview.replay ?? {}
    const widens = preview.access.gained.length > 0 || deny_to_allow + widened > 0
    return { problem: null, preview, widens }
  })
}
