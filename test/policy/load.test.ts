import { describe, expect, test } from 'vitest'
import type { DecisionInput, MandateInput, PlanInput } from '../../src/policy/input.ts'
import { createPolicyEngine, loadPolicyEngine, type Evaluator } from '../../src/policy/load.ts'
import { allowedInput } from './inputs.ts'

const mandateInput = { requested: ['control:zones:read'] } as unknown as MandateInput
const planInput = {} as PlanInput

function engineOf(evaluate: () => unknown) {
  const evaluator: Evaluator = { evaluate }
  return createPolicyEngine({ decision: evaluator, operator: evaluator })
}

const good = {
  allow: true,
  reason: 'ok',
  scopes: { 'invoices:read': { verdict: 'allow', reason: 'ok', rules: [] } },
  missing: [],
  rules: [],
  risk: 'none',
  obligations: [],
}

test('a well-formed answer passes', () => {
  expect(engineOf(() => [{ result: good }]).decide(allowedInput)).toEqual(good)
})

const refusals: readonly (readonly [string, () => unknown, string])[] = [
  ['no result', () => [], 'policy_undefined'],
  ['an undefined result', () => [{}], 'policy_undefined'],
  ['nothing at all', () => undefined, 'policy_undefined'],
  ['a result that is true', () => [{ result: true }], 'policy_error'],
  ['a result that is a list', () => [{ result: [good] }], 'policy_error'],
  ['an empty result', () => [{ result: {} }], 'policy_error'],
  [
    'a trap in the wasm',
    () => {
      throw new Error('unreachable')
    },
    'policy_error',
  ],
]

describe.each(refusals)('%s is a denial', (_name, evaluate, reason) => {
  const engine = engineOf(evaluate)

  test('as a decision', () => {
    expect(engine.decide(allowedInput)).toEqual({
      allow: false,
      reason,
      scopes: { 'invoices:read': { verdict: 'deny', reason, rules: [] } },
      missing: ['invoices:read'],
      rules: [],
      risk: 'none',
      obligations: [],
    })
  })

  test('as a mandate', () => {
    expect(engine.operatorMandate(mandateInput)).toEqual({ allow: false, reason, scopes: [] })
  })

  test('as a plan', () => {
    expect(engine.operatorPlan(planInput)).toMatchObject({ decision: 'deny', approvals: 0, reason })
  })
})

test.each([
  ['allows without a verdict on the scope', { scopes: {} }],
  [
    'allows beside a denied scope',
    { scopes: { 'invoices:read': { verdict: 'deny', reason: 'x', rules: [] } } },
  ],
  ['allows for a reason', { reason: 'no_grant' }],
  ['allows with something missing', { missing: ['invoices:read'] }],
  ['allows with an obligation', { obligations: [{}] }],
  ['denies for no reason', { allow: false }],
  [
    'knows another verdict',
    { scopes: { 'invoices:read': { verdict: 'maybe', reason: 'ok', rules: [] } } },
  ],
  ['has no rules', { rules: null }],
])('an answer that %s is a denial', (_name, change) => {
  const decision = engineOf(() => [{ result: { ...good, ...change } }]).decide(allowedInput)
  expect(decision).toMatchObject({
    allow: false,
    reason: 'policy_error',
    missing: ['invoices:read'],
  })
})

test('a mandate for a scope that nobody asked for is a denial', () => {
  const result = { allow: true, reason: 'ok', scopes: ['control:zones:delete'] }
  const engine = engineOf(() => [{ result }])
  expect(engine.operatorMandate(mandateInput)).toMatchObject({
    allow: false,
    reason: 'policy_error',
  })
})

test('a plan that needs approval of nobody is a denial', () => {
  const result = {
    decision: 'require_approval',
    approvals: 0,
    second_person: false,
    break_glass: false,
    reason: 'x',
    rules: [],
  }
  expect(engineOf(() => [{ result }]).operatorPlan(planInput)).toMatchObject({ decision: 'deny' })
})

describe('the compiled contract', async () => {
  const engine = await loadPolicyEngine()

  test('refuses text that is no Unicode and goes on deciding', () => {
    const broken: DecisionInput = { ...allowedInput, scopes: ['\ud800'] }
    expect(engine.decide(broken)).toMatchObject({ allow: false, reason: 'policy_error' })
    expect(engine.decide(allowedInput).allow).toBe(true)
  })

  test('keeps no memory of the request before', () => {
    const first = engine.decide(allowedInput)
    const scopes = Array.from({ length: 500 }, (_, index) => `invoices:${'x'.repeat(200)}${index}`)
    expect(engine.decide({ ...allowedInput, scopes }).reason).toBe('scope_unknown')
    expect(engine.decide(allowedInput)).toEqual(first)
  })

  test.each(['__proto__', 'constructor', 'a\0b', 'é😀', '"', '\\u0000'])(
    'takes %j as a scope',
    (scope) => {
      const resource = { identifier: 'invoices', scopes: [scope], archived: false }
      const grants = allowedInput.grants.map((grant) => ({ ...grant, scopes: [scope] }))
      const input = { ...allowedInput, resource, grants, scopes: [scope] }
      expect(engine.decide(input)).toMatchObject({ allow: true, reason: 'ok' })
      expect(engine.decide({ ...input, grants: [] })).toMatchObject({
        missing: [scope],
        reason: 'no_grant',
      })
    },
  )
})
