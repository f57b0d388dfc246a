import { findOperation } from '../../tools/catalogue.ts'
import { keptPossible } from '../../tools/lock-out.ts'
import { countApprovers } from '../store/principals.ts'
import type { GateContext } from './context.ts'
import type { Call } from './handler.ts'
import { planPolicy } from './plan-policy.ts'

/**
 * What nobody could do any more by a plan in the zone as it is in this transaction, in a sentence; null
 * where all of it stays possible. A rule that denies it, or that wants more approvals than there are
 * people to give them, would hold against the plan that takes the rule away again.
 */
export async function lockOut(context: GateContext, call: Call): Promise<string | null> {
  const everybody = await countApprovers(call.queries, call.zone, '', call.now)
  for (const { operation: id, words } of keptPossible) {
    const operation = findOperation(id)
    if (operation === undefined) throw new Error(`there is no operation ${id}`)
    const { risk, inverse } = operation
    const step = { operation: id, zone_id: call.zone, risk, reversible: inverse !== null }
    const access = { gained: [], lost: [], newly_gated: [] }
    const decided = await planPolicy(context, call, 'zone', { steps: [step], access, risk })
    if (decided.decision === 'deny') return `nobody could ${words}: ${decided.reason}`
    const people = decided.second_person
      ? await countApprovers(call.queries, call.zone, call.principal.id, call.now)
      : everybody
    if (decided.approvals > people)
      return `nobody could ${words}: it would take ${decided.approvals} approvals and ${people} can give one`
  }
  return null
}
