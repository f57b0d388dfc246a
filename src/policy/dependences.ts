import type { CustomPolicies } from './custom-policies.ts'
import type { Condition } from './document-schemas.ts'
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
    (condition) =>
      isSituational(condition) &&
      (condition.when.scopes ?? ['*']).some((pattern) => matchesPattern(pattern, scope)),
  )
  const custom = modules.filter(({ readsContext }) => readsContext)
  return [
    ...conditions.map(({ id }) => `condition:${id}`),
    ...custom.map(({ policyVersionId }) => `custom:${policyVersionId}`),
  ]
}

/** The same request and policies without the denials that another time or place may lift. */
export function withoutSituation(
  input: DecisionInput,
  custom: CustomPolicies,
): { readonly input: DecisionInput; readonly custom: CustomPolicies } {
  const conditions = input.documents.conditions.filter(
    (condition) => condition.effect !== 'deny' || !isSituational(condition),
  )
  return {
    input: { ...input, documents: { ...input.documents, conditions } },
    custom: { ...custom, modules: custom.modules.filter(({ readsContext }) => !readsContext) },
  }
}

function isSituational({ when }: Condition): boolean {
  return situational.some((clause) => when[clause] !== undefined)
}
