import type { CustomPolicies } from '../policy/custom-policies.ts'
import type { Decision, DecisionInput } from '../policy/input.ts'
import type { PolicyEngine } from '../policy/load.ts'
import { createRecent } from './recent.ts'

/** Decides on requests, which agents make again and again on the same facts. */
export interface Decisions {
  of(custom: CustomPolicies, input: DecisionInput): Decision | Promise<Decision>
}

const decisionsKept = 2_000
/** Inputs that are longer, in characters, are of zones with many documents: few would take a lot. */
const inputChars = 4_096

/**
 * The contract is a function of its input, which is read anew for every request: what it has
 * allowed once it allows again on the very same one. Refusals are not kept, since a failure is one,
 * and nothing is where policies of the zone's own decide too.
 */
export function createDecisions(policy: Pick<PolicyEngine, 'decideWith'>): Decisions {
  const allowed = createRecent<string, Decision>(decisionsKept)
  return {
    of(custom, input) {
      if (custom.modules.length > 0) return policy.decideWith(custom, input)
      const name = JSON.stringify(input)
      const seen = allowed.get(name)
      if (seen !== undefined) return seen
      const decision = policy.decideWith(custom, input)
      if (!(decision instanceof Promise) && decision.allow && name.length <= inputChars)
        allowed.set(name, decision)
      return decision
    },
  }
}
