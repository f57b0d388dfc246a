import type { CustomModule, CustomPolicies } from './custom-policies.ts'
import type { CustomOutcome, CustomRunner } from './custom-runner.ts'
import type { Decision, DecisionInput, Obligation, ScopeDecision } from './input.ts'
import { gates } from './reasons-table.ts'

/** What the custom policies of a set have said about one scope. */
type Findings = readonly { readonly module: CustomModule; readonly outcome: CustomOutcome }[]

/** A tier that nobody has documented: anyone who may approve decides, within the hour. */
const undocumented = { approver: 'approve', ttl_seconds: 3_600, quorum: 1 } as const

/**
 * The decision of the contract as the custom policies of the set leave it. They are asked about each
 * scope by itself, and only about those that the contract does not deny: all that they can do is
 * take away. Their input is that of the contract, with the one scope in `scopes`.
 */
export async function restrictDecision(
  runner: CustomRunner,
  { modules, load }: CustomPolicies,
  input: DecisionInput,
  decision: Decision,
): Promise<Decision> {
  const left = Object.entries(decision.scopes)
    .filter(([, { verdict }]) => verdict !== 'deny')
    .map(([scope]) => scope)
  if (left.length === 0) return decision
  const inputs = left.map((scope) => ({ ...input, scopes: [scope] }))
  const answers = await Promise.all(
    modules.map(async (module) => ({
      module,
      outcomes: await runner.run(module.digest, load, inputs),
    })),
  )
  const findings = left.map((scope, index): [string, Findings] => [
    scope,
    answers.map(({ module, outcomes }) => ({
      module,
      outcome: outcomes[index] ?? 'custom_policy_failed',
    })),
  ])
  return applyFindings(input, decision, new Map(findings))
}

/** What is left of a decision; a scope without findings stays as it is. */
function applyFindings(
  input: DecisionInput,
  decision: Decision,
  findings: ReadonlyMap<string, Findings>,
): Decision {
  const tiers = new Map<string, Set<string>>()
  const scopes = Object.fromEntries(
    Object.entries(decision.scopes).map(([scope, given]) => {
      const found = findings.get(scope)
      if (found === undefined) return [scope, given]
      const due = tiersDue(input, found)
      const verdict = verdictOf(given, found, due)
      if (verdict.verdict === 'approval')
        for (const { tier } of due) tiers.set(tier, (tiers.get(tier) ?? new Set()).add(scope))
      return [scope, verdict]
    }),
  )
  const answers = Object.values(scopes)
  const reason = gates.find((gate) => answers.some((answer) => answer.reason === gate)) ?? 'ok'
  return {
    ...decision,
    allow: reason === 'ok',
    reason,
    scopes,
    missing: Object.keys(scopes)
      .filter((scope) => scopes[scope]?.verdict !== 'allow')
      .sort(),
    rules: [...new Set(answers.flatMap(({ rules }) => rules))].sort(),
    obligations: obligationsOf(input, decision, scopes, tiers),
  }
}

/** The first gate that refuses: a policy that does not answer, one that denies, one that gates. */
function verdictOf(given: ScopeDecision, findings: Findings, due: readonly Due[]): ScopeDecision {
  for (const failure of ['custom_policy_failed', 'custom_policy_timeout'] as const) {
    const failed = findings.filter(({ outcome }) => outcome === failure)
    if (failed.length > 0)
      return denied(
        failure,
        failed.map(({ module }) => ruleOf(module)),
      )
  }
  const denials = findings.flatMap(({ module, outcome }) =>
    typeof outcome === 'string' ? [] : outcome.deny.map((message) => ruleOf(module, message)),
  )
  if (denials.length > 0) return denied('custom_denied', denials)
  if (due.length === 0) return given
  const rules = [...new Set([...given.rules, ...due.map(({ rule }) => rule)])].sort()
  return { verdict: 'approval', reason: 'approval_required', rules }
}

function denied(reason: string, rules: readonly string[]): ScopeDecision {
  return { verdict: 'deny', reason, rules: [...new Set(rules)].sort() }
}

/** `custom:<policy version>`, with what the policy has said after a slash. */
function ruleOf({ policyVersionId }: CustomModule, said?: string): string {
  return said === undefined ? `custom:${policyVersionId}` : `custom:${policyVersionId}/${said}`
}

interface Due {
  readonly tier: string
  readonly rule: string
}

/**
 * The approvals that are asked for and not given. A name among the `approval_tiers` of the set means
 * that tier; any other is a tier of its own.
 */
function tiersDue(input: DecisionInput, findings: Findings): readonly Due[] {
  return findings.flatMap(({ module, outcome }) =>
    typeof outcome === 'string'
      ? []
      : outcome.require_approval
          .map((name) => ({ tier: tierNamed(input, name), rule: ruleOf(module, name) }))
          .filter(({ tier }) => !input.approved.includes(tier)),
  )
}

function tierNamed(input: DecisionInput, name: string): string {
  return documented(input, name) === undefined ? `custom:${name}` : name
}

function documented(input: DecisionInput, name: string) {
  return input.documents.approval_tiers.find(({ tier }) => tier === name)
}

/** Those of the contract for the scopes that still wait, and those that the custom policies add. */
function obligationsOf(
  input: DecisionInput,
  { obligations }: Decision,
  scopes: Decision['scopes'],
  tiers: ReadonlyMap<string, ReadonlySet<string>>,
): Obligation[] {
  const waiting = (scope: string): boolean => scopes[scope]?.verdict === 'approval'
  const known = new Set(obligations.map(({ tier }) => tier))
  const merged = obligations.map((obligation) => ({
    ...obligation,
    scopes: [
      ...new Set([...obligation.scopes.filter(waiting), ...(tiers.get(obligation.tier) ?? [])]),
    ].sort(),
  }))
  const added = [...tiers]
    .filter(([tier]) => !known.has(tier))
    .map(([tier, gated]) => {
      const { approver, ttl_seconds, quorum = 1 } = documented(input, tier) ?? undocumented
      return { tier, approver, ttl_seconds, quorum, scopes: [...gated].sort() }
    })
  return [...merged, ...added].filter((obligation) => obligation.scopes.length > 0)
}
