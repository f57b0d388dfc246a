import type { CustomPolicies } from './custom-policies.ts'
import { matchesPattern, type DecisionInput } from './input.ts'

/** The clauses of a condition whose answer changes with the time, the place and the way of asking. */
const situational = ['days', 'between', 'source_cidrs', 'max_hops'] as const

/**
 * What may decide otherwise on a scope at another time, from another place or through other hops: the
 * conditions with such clauses that concern it, and the custom policies that read the context.
 */
export function dependencesOf(
  { documents }: DecisionInput,
  { modules }: CustomPolicies,
  scope: string,
): string[] {
  const conditions = documents.conditions.filter(
    ({ when }) =>
      situational.some((clause) => when[clause] !== undefined) &&
      (when.scopes ?? ['*']).some((pattern) => matchesPattern(pattern, scope)),
  )
  const custom = modules.filter(({ readsContext }) => readsContext)
  return [
    ...conditions.map(({ id }) => `condition:${id}`),
    ...custom.map(({ policyVersionId }) => `custom:${policyVersionId}`),
  ]
}
