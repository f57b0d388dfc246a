import type { Decision, DecisionInput, ScopeDecision } from './input.ts'
import type { DenyReason } from './reasons-table.ts'

export interface Explanation {
  /** What was decided and why, in a sentence. */
  readonly summary: string
  /** The smallest change that would have allowed it; null when it was allowed. */
  readonly smallest_change: string | null
}

/** What a sentence about one reason may speak of. */
interface Facts {
  readonly application: string
  readonly user: string
  readonly resource: string
  /** The scopes with this reason, joined. */
  readonly scopes: string
  /** The ids of what determined it, without their kind, joined. */
  readonly rules: string
  readonly reasonsOfConditions: string
  /** What custom policies have said, each in quotes. */
  readonly messages: string
  /** The versions of the custom policies among what determined it, joined. */
  readonly customPolicies: string
  readonly approvals: string
}

interface Sentence {
  readonly why: (facts: Facts) => string
  readonly change: (facts: Facts) => string
}

/** Why each gate refuses, and the least that would have opened it. */
const sentences: Readonly<Record<DenyReason, Sentence>> = {
  input_malformed: {
    why: () => 'the request did not hold every fact that a decision needs',
    change: () =>
      'Report this: a part of the service asked for a decision without all of its facts.',
  },
  policy_undefined: {
    why: () => 'the policy gave no answer, which refuses',
    change: () => 'Report this: the compiled policy does not answer; reinstall or rebuild it.',
  },
  policy_error: {
    why: () => 'the policy could not be evaluated, which refuses',
    change: () => 'Look for characters in the request that are no text, and report this otherwise.',
  },
  no_active_policy_set: {
    why: () => 'the zone has no active policy set, and without one it authorizes nothing',
    change: () => 'Activate a policy set in the zone; an empty one lets grants alone decide.',
  },
  zone_restricted: {
    why: ({ rules }) => `the zone is frozen (${rules})`,
    change: ({ rules }) =>
      `Take ${rules} out of the restrict document and activate the new version.`,
  },
  principal_archived: {
    why: ({ application }) => `the application ${application} is archived`,
    change: () => 'Use an application that is not archived, or restore this one.',
  },
  principal_expired: {
    why: ({ application }) => `the registration of the application ${application} has expired`,
    change: () => 'Register the application anew.',
  },
  resource_unknown: {
    why: () => 'the zone has no such resource',
    change: () => 'Name a resource of the zone by its identifier, or create it.',
  },
  resource_archived: {
    why: ({ resource }) => `the resource ${resource} is archived`,
    change: ({ resource }) => `Restore the resource ${resource}, or ask for another.`,
  },
  no_scope_requested: {
    why: () => 'no scope was asked for',
    change: () => 'Ask for at least one scope.',
  },
  scope_unknown: {
    why: ({ resource, scopes }) => `the resource ${resource} has no scope ${scopes}`,
    change: ({ resource, scopes }) => `Ask for a scope of ${resource}, or add ${scopes} to it.`,
  },
  no_grant: {
    why: ({ application, resource, scopes }) =>
      `nothing grants ${scopes} on ${resource} to the application ${application}`,
    change: ({ application, resource, scopes }) =>
      `Grant ${scopes} on ${resource} to the application ${application}.`,
  },
  grant_user_mismatch: {
    why: ({ user, scopes, rules }) => `${rules} gives ${scopes} to another user than ${user}`,
    change: ({ user, scopes }) => `Grant ${scopes} for ${user}, or act for the user who has it.`,
  },
  grant_expired: {
    why: ({ scopes, rules }) => `${rules}, which gave ${scopes}, has expired`,
    change: ({ rules }) => `Extend ${rules}, or make a new grant.`,
  },
  confined: {
    why: ({ scopes, rules }) => `the confinement of labels in ${rules} does not list ${scopes}`,
    change: ({ scopes, rules }) =>
      `Add ${scopes} to the confinement of ${rules}, or take the label from the application.`,
  },
  condition_denied: {
    why: ({ rules, reasonsOfConditions }) =>
      `the condition ${rules} denies it: ${reasonsOfConditions}`,
    change: ({ rules }) =>
      `Ask where the condition ${rules} does not apply, or change the condition.`,
  },
  custom_policy_failed: {
    why: ({ customPolicies }) =>
      `the custom policy ${customPolicies} failed or gave an answer that cannot be used`,
    change: ({ customPolicies }) =>
      `Correct the policy of ${customPolicies}, and activate a set with the new version.`,
  },
  custom_policy_timeout: {
    why: ({ customPolicies }) => `the custom policy ${customPolicies} took too long to evaluate`,
    change: ({ customPolicies }) =>
      `Make the policy of ${customPolicies} simpler, and activate a set with the new version.`,
  },
  custom_denied: {
    why: ({ customPolicies, messages, scopes }) =>
      `the custom policy ${customPolicies} denies ${scopes}: ${messages}`,
    change: ({ customPolicies }) =>
      `Ask for what the policy of ${customPolicies} does not deny, or change the policy.`,
  },
  approval_required: {
    why: ({ scopes, approvals }) => `${scopes} needs ${approvals}`,
    change: ({ approvals }) => `Get ${approvals}, and ask again.`,
  },
}

/** The decision in words. Deterministic, and made of the facts of the decision alone. */
export function explainDecision(input: DecisionInput, decision: Decision): Explanation {
  const asked = list([...new Set(input.scopes)])
  const target = input.resource === null ? 'the resource' : input.resource.identifier
  if (decision.allow) {
    const rules = list(decision.rules)
    return { summary: `Allowed: ${asked} on ${target}, by ${rules}.`, smallest_change: null }
  }
  const reasons = reasonsOf(decision)
  const known = reasons.flatMap((reason) => {
    if (!Object.hasOwn(sentences, reason)) return []
    const sentence = sentences[reason as DenyReason]
    return [{ sentence, facts: factsOf(input, decision, reason) }]
  })
  if (known.length === 0) {
    return { summary: `Denied: ${decision.reason}.`, smallest_change: 'Read the rules it names.' }
  }
  const gated = decision.reason === 'approval_required'
  const why = known.map(({ sentence, facts }) => sentence.why(facts)).join('; ')
  return {
    summary: `${gated ? 'Held' : 'Denied'}: ${why}.`,
    smallest_change: known.map(({ sentence, facts }) => sentence.change(facts)).join(' '),
  }
}

/** The distinct reasons that must all be dealt with, the decision's own first. */
function reasonsOf(decision: Decision): string[] {
  const ofScopes = Object.values(decision.scopes).map(({ reason }) => reason)
  return [...new Set([decision.reason, ...ofScopes])].filter((reason) => reason !== 'ok')
}

function factsOf(input: DecisionInput, decision: Decision, reason: string): Facts {
  const concerned = Object.entries(decision.scopes).filter(([, answer]) => answer.reason === reason)
  const scopes = concerned.map(([scope]) => scope).sort()
  const rules = [...new Set(concerned.flatMap(([, answer]) => answer.rules))].sort()
  const denied = input.documents.conditions.filter(({ id }) => rules.includes(`condition:${id}`))
  const said = rules.filter((rule) => rule.startsWith('custom:')).map(customRule)
  return {
    application: input.principal.application,
    user: input.principal.user ?? 'the application itself',
    resource: input.resource?.identifier ?? 'the resource',
    scopes: list(scopes),
    rules: list(rules.map((rule) => rule.replace(/^[a-z]+:/, ''))),
    messages: list(said.map(([, message]) => `"${message}"`)),
    customPolicies: list([...new Set(said.map(([version]) => version))]),
    reasonsOfConditions: list(denied.map((condition) => condition.reason)),
    approvals: approvalsOf(decision, concerned),
  }
}

/** The policy version in a rule of custom Rego, and what it said. */
function customRule(rule: string): readonly [version: string, message: string] {
  const [version = '', ...said] = rule.slice('custom:'.length).split('/')
  return [version, said.join('/')]
}

function approvalsOf(
  decision: Decision,
  concerned: readonly (readonly [string, ScopeDecision])[],
): string {
  const scopes = new Set(concerned.map(([scope]) => scope))
  const due = decision.obligations.filter((duty) => duty.scopes.some((scope) => scopes.has(scope)))
  return list(
    due.map(({ tier, approver, quorum }) => {
      const count = quorum === 1 ? 'an approval' : `${quorum} approvals`
      return approver === 'approve' ? `${count} (${tier})` : `${count} by ${approver} (${tier})`
    }),
  )
}

function list(items: readonly string[]): string {
  if (items.length === 0) return 'nothing'
  if (items.length === 1) return items[0] ?? ''
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`
}
