import { readFile } from 'node:fs/promises'
import { loadPolicy } from '@open-policy-agent/opa-wasm'
import type {
  Decision,
  DecisionInput,
  MandateDecision,
  MandateInput,
  PlanDecision,
  PlanInput,
  ScopeDecision,
} from './input.ts'
import { packageFile } from '../kernel/package-root.ts'
import { restrictDecision } from './custom-decision.ts'
import type { CustomPolicies } from './custom-policies.ts'
import { createCustomRunner, type CustomRunner } from './custom-runner.ts'
import type { EngineFailure } from './reasons-table.ts'

/**
 * The platform's own policy. Synchronous and pure: the same input gives the same answer. An answer
 * that is undefined or not of the promised shape, and an evaluation that throws, is a denial.
 * Disposing of it ends the thread that custom policies are evaluated in.
 */
export interface PolicyEngine extends AsyncDisposable {
  decide(input: DecisionInput): Decision
  /** With the custom policies of the set; at once where there are none. */
  decideWith(custom: CustomPolicies, input: DecisionInput): Decision | Promise<Decision>
  operatorMandate(input: MandateInput): MandateDecision
  operatorPlan(input: PlanInput): PlanDecision
}

/** The part of a loaded wasm that the engine uses; it throws where an evaluation fails. */
export interface Evaluator {
  evaluate(input: unknown, entrypoint: string): unknown
}

// The package's declarations do not resolve under nodenext, so its one function is declared here.
const instantiate = loadPolicy as unknown as (bytes: Uint8Array) => Promise<Evaluator>

/** Loads the compiled contracts of the package, once for the process: they hold no state. */
export async function loadPolicyEngine(): Promise<PolicyEngine> {
  const [decision, operator] = await Promise.all([load('decision'), load('operator')])
  return createPolicyEngine({ decision, operator })
}

async function load(name: string): Promise<Evaluator> {
  return instantiate(await readFile(packageFile('policies', `${name}.wasm`)))
}

/** The engine over given evaluators; what {@link loadPolicyEngine} makes of the compiled files. */
export function createPolicyEngine(evaluators: {
  readonly decision: Evaluator
  readonly operator: Evaluator
  /** Where custom policies are evaluated; a thread of its own when absent. */
  readonly custom?: CustomRunner
}): PolicyEngine {
  const { decision, operator, custom: runner = createCustomRunner() } = evaluators
  const decide = (input: DecisionInput): Decision => {
    const answer = evaluate(decision, 'caracal/authz/decision', input)
    if (typeof answer === 'string') return denial(input, answer)
    if (!isDecision(answer, input)) return denial(input, 'policy_error')
    return withEveryScope(answer, input)
  }
  return {
    decide,
    decideWith: (custom, input) =>
      custom.modules.length === 0
        ? decide(input)
        : restrictDecision(runner, custom, input, decide(input)),
    operatorMandate(input) {
      const answer = evaluate(operator, 'caracal/operator/mandate', input)
      if (typeof answer !== 'string' && isMandateDecision(answer, input)) return answer
      return { allow: false, reason: failureOf(answer), scopes: [] }
    },
    operatorPlan(input) {
      const answer = evaluate(operator, 'caracal/operator/plan', input)
      if (typeof answer !== 'string' && isPlanDecision(answer)) return answer
      return {
        decision: 'deny',
        approvals: 0,
        second_person: false,
        break_glass: false,
        reason: failureOf(answer),
        rules: [],
      }
    },
    [Symbol.asyncDispose]: () => runner[Symbol.asyncDispose](),
  }
}

type Answer = Readonly<Record<string, unknown>>

/** The value of an entrypoint, or why there is none. */
function evaluate(
  evaluator: Evaluator,
  entrypoint: string,
  input: unknown,
): Answer | EngineFailure {
  try {
    const results = evaluator.evaluate(input, entrypoint)
    if (!Array.isArray(results) || results.length === 0) return 'policy_undefined'
    const [first] = results as readonly unknown[]
    if (!isObject(first) || first['result'] === undefined) return 'policy_undefined'
    return isObject(first['result']) ? first['result'] : 'policy_error'
  } catch {
    // A trap or an abort inside the wasm; the next evaluation resets its heap.
    return 'policy_error'
  }
}

function failureOf(answer: Answer | EngineFailure): EngineFailure {
  return typeof answer === 'string' ? answer : 'policy_error'
}

function isDecision(answer: Answer, input: DecisionInput): answer is Answer & Decision {
  const { allow, reason, scopes, missing, rules, risk, obligations } = answer
  if (typeof allow !== 'boolean' || typeof reason !== 'string' || typeof risk !== 'string')
    return false
  if (!Array.isArray(missing) || !Array.isArray(rules) || !Array.isArray(obligations)) return false
  if (!isObject(scopes)) return false
  for (const scope of Object.keys(scopes)) {
    if (!isScopeDecision(scopes[scope])) return false
  }
  if (!allow) return reason !== 'ok'
  if (reason !== 'ok' || missing.length > 0 || obligations.length > 0) return false
  const asked = askedScopes(input)
  return asked.length > 0 && asked.every((scope) => isAllowed(ownValue(scopes, scope)))
}

const verdicts: ReadonlySet<unknown> = new Set(['allow', 'deny', 'approval'])

function isScopeDecision(value: unknown): value is ScopeDecision {
  if (!isObject(value)) return false
  return (
    verdicts.has(value['verdict']) &&
    typeof value['reason'] === 'string' &&
    Array.isArray(value['rules'])
  )
}

function isAllowed(value: unknown): boolean {
  return isObject(value) && value['verdict'] === 'allow'
}

function isMandateDecision(
  answer: Answer,
  input: MandateInput,
): answer is Answer & MandateDecision {
  const { allow, reason, scopes } = answer
  if (typeof allow !== 'boolean' || typeof reason !== 'string' || !Array.isArray(scopes))
    return false
  if (allow !== (reason === 'ok')) return false
  if (!allow) return scopes.length === 0
  const asked: ReadonlySet<unknown> = new Set(input.requested)
  return scopes.length > 0 && scopes.every((scope) => asked.has(scope))
}

const planDecisions: ReadonlySet<unknown> = new Set(['deny', 'require_approval', 'allow'])

function isPlanDecision(answer: Answer): answer is Answer & PlanDecision {
  const { decision, approvals, second_person, break_glass, reason, rules } = answer
  if (!planDecisions.has(decision) || !Number.isInteger(approvals)) return false
  if ((decision === 'require_approval') !== Number(approvals) > 0) return false
  if (typeof second_person !== 'boolean' || typeof break_glass !== 'boolean') return false
  return typeof reason === 'string' && Array.isArray(rules)
}

/** A refusal of the input as a whole may not name its scopes; each of them is denied all the same. */
function withEveryScope(decision: Decision, input: DecisionInput): Decision {
  if (decision.allow) return decision
  if (askedScopes(input).every((scope) => Object.hasOwn(decision.scopes, scope))) return decision
  const denied = denial(input, decision.reason)
  return {
    ...denied,
    ...decision,
    scopes: { ...denied.scopes, ...decision.scopes },
    missing: denied.missing,
  }
}

function denial(input: DecisionInput, reason: string): Decision {
  const scopes = [...new Set(askedScopes(input))].sort()
  const verdict: ScopeDecision = { verdict: 'deny', reason, rules: [] }
  return {
    allow: false,
    reason,
    scopes: Object.fromEntries(scopes.map((scope) => [scope, verdict])),
    missing: scopes,
    rules: [],
    risk: 'none',
    obligations: [],
  }
}

/** The scopes of an input that may be malformed in spite of its type: it was made from requests. */
function askedScopes(input: DecisionInput): readonly string[] {
  const scopes: unknown = input.scopes
  return Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === 'string') : []
}

function ownValue(object: Answer, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

function isObject(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
