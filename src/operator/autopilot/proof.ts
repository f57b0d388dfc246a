import { digestOf } from '../../kernel/canonical.ts'
import { planFacts, type PlanParts, type ProofFacts } from './facts.ts'
import { failuresOf, obligations } from './obligations.ts'

const format = 'caracal-proof/1'

/** What autopilot has proven of a plan: the facts, the obligations that hold on them, their digest. */
export interface Proof {
  readonly format: typeof format
  readonly facts: ProofFacts
  readonly obligations: readonly string[]
  /** SHA-256 over the RFC 8785 form of the rest. */
  readonly digest: string
}

/** The proof of facts on which every obligation holds. */
export function proofOf(facts: ProofFacts): Proof {
  const body = { format, facts, obligations: obligations.map(({ name }) => name) } as const
  return { ...body, digest: digestOf(body) }
}

/** What is wrong with a recorded proof of a plan, asking nothing but the two; null: nothing. */
export function flawOf(recorded: unknown, plan: PlanParts): string | null {
  if (typeof recorded !== 'object' || recorded === null) return 'has no proof'
  const { digest, ...body } = recorded as Proof
  if (digestOf(body) !== digest) return 'has a proof that is not what its digest is of'
  try {
    if (digestOf(body.facts.plan) !== digestOf(planFacts(plan)))
      return 'has a proof of another plan'
    const [failed] = failuresOf(body.facts, 'whole')
    return failed === undefined ? null : `does not hold: ${failed.obligation}`
  } catch {
    return 'has a proof that cannot be read'
  }
}
