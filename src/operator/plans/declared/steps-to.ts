import { stateOperations } from '../../../../tools/declared-state.ts'
import type { ZoneState } from '../../../store/zone-state.ts'
import { stepsToGrants } from './grants.ts'
import { stepsToApplications, stepsToProviders, stepsToResources } from './objects.ts'
import {
  differing,
  openPlan,
  type Brought,
  type DeclaredState,
  type PlanOfState,
} from './plan-of-state.ts'
import { stepsToActive, stepsToPolicies, stepsToSets } from './policy.ts'

/**
 * The steps that bring a zone from what it says to what a file declares, in an order in which each
 * finds what it needs; none where it says so already. What cannot be brought about is refused, with
 * an issue for each.
 */
export function stepsTo(state: ZoneState, file: DeclaredState): Brought {
  const plan = openPlan(state, file.prune === true)
  stepsToSettings(plan, file.settings)
  stepsToProviders(plan, file.providers)
  stepsToResources(plan, file.resources)
  stepsToApplications(plan, file.applications)
  stepsToPolicies(plan, file.policies)
  stepsToSets(plan, file.policy_sets)
  stepsToGrants(plan, file.grants)
  stepsToActive(plan, file.active_policy_set ?? null)
  return plan.close()
}

function stepsToSettings(plan: PlanOfState, wanted: DeclaredState['settings'] = {}): void {
  const changes = differing(wanted, plan.state.settings)
  if (Object.keys(changes).length > 0) plan.add('settings', stateOperations.settings.patch, changes)
}
