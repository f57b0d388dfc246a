import { expect, test } from 'vitest'
import { failuresOf, obligations } from '../../../src/operator/autopilot/obligations.ts'
import { flawOf, proofOf } from '../../../src/operator/autopilot/proof.ts'
import type { ProofFacts } from '../../../src/operator/autopilot/facts.ts'

const outcome = {
  gained: 0,
  ungated: 0,
  lost: 1,
  newly_gated: 0,
  redecided: 3,
  deny_to_allow: 0,
  locked_out: null,
  as_shown: true,
}

/** Facts on which every obligation holds. */
const proven: ProofFacts = {
  plan: {
    zone: 'zone_a',
    reach: 'zone',
    requester: 'prn_ada',
    risk: 'low',
    reversible: true,
    steps: [
      {
        operation: 'grants.delete',
        zone: 'zone_a',
        risk: 'low',
        reversible: true,
        blocked: false,
      },
    ],
    changes: [
      { kind: 'grant', zone: 'zone_a', effect: 'archive', fields: ['scopes'], secret: false },
    ],
    gained: 0,
    policy: { decision: 'require_approval', approvals: 1, second_person: false, rules: [] },
  },
  switched_on: true,
  conversation: { id: 'conv_1', zone: 'zone_a', own: true, mode: 'agent', opted_in: true },
  person: { id: 'prn_ada', is_person: true, can_approve: true },
  budget: {
    plan: { spent: 0, limit: 1 },
    conversation: { spent: 4, limit: 5 },
    day: { spent: 9, limit: 10 },
  },
  outcome,
}

/** The facts with one of them otherwise, by its path. */
function otherwise(path: string, value: unknown): ProofFacts {
  const facts = structuredClone(proven) as unknown
  const steps = path.split('.')
  const last = steps.pop() ?? ''
  let at = facts as Record<string, unknown>
  for (const step of steps) at = at[step] as Record<string, unknown>
  at[last] = value
  return facts as ProofFacts
}

const failing: readonly (readonly [path: string, value: unknown, obligation: string])[] = [
  ['switched_on', false, 'switched_on'],
  ['conversation.own', false, 'opted_in'],
  ['conversation.mode', 'ask', 'opted_in'],
  ['conversation.opted_in', false, 'opted_in'],
  ['person.is_person', false, 'requester_may_approve'],
  ['person.can_approve', false, 'requester_may_approve'],
  ['person.id', 'prn_bob', 'requester_may_approve'],
  ['plan.reach', 'platform', 'own_zone'],
  ['plan.zone', 'zone_b', 'own_zone'],
  ['plan.steps.0.zone', null, 'own_zone'],
  ['plan.changes.0.zone', 'zone_b', 'own_zone'],
  ['plan.steps.0.blocked', true, 'every_step_runs'],
  ['plan.steps', [], 'every_step_runs'],
  ['plan.risk', 'medium', 'low_risk'],
  ['plan.steps.0.risk', 'high', 'low_risk'],
  ['plan.reversible', false, 'reversible'],
  ['plan.steps.0.reversible', false, 'reversible'],
  ...[
    'zone',
    'policy',
    'policyVersion',
    'policySet',
    'policySetVersion',
    'provider',
    'adminToken',
    'subjectIssuer',
    'webhook',
    'something new',
  ].map((kind) => ['plan.changes.0.kind', kind, 'nothing_sensitive'] as const),
  ['plan.changes.0.secret', true, 'nothing_sensitive'],
  ['plan.changes.0.fields', ['name', 'jwks'], 'nothing_sensitive'],
  ['plan.changes.0.fields', ['auth_method'], 'nothing_sensitive'],
  ['plan.gained', 1, 'nothing_gained'],
  ['outcome.gained', 1, 'nothing_gained'],
  ['plan.policy.decision', 'allow', 'one_approval'],
  ['plan.policy.decision', 'deny', 'one_approval'],
  ['plan.policy.approvals', 2, 'one_approval'],
  ['plan.policy.second_person', true, 'one_approval'],
  ['plan.policy.rules', ['plan_rule:two'], 'no_rule'],
  ['budget.plan.limit', 0, 'within_plan_budget'],
  ['budget.conversation.spent', 5, 'within_conversation_budget'],
  ['budget.day.spent', 10, 'within_day_budget'],
  ['outcome.as_shown', false, 'as_shown'],
  ['outcome.ungated', 1, 'nothing_ungated'],
  ['outcome.deny_to_allow', 1, 'no_flip'],
  ['outcome.locked_out', 'nobody could revoke a grant', 'no_lock_out'],
]

test('all of them hold where nothing speaks against a plan', () => {
  expect(failuresOf(proven, 'whole')).toEqual([])
})

test.each(failing)('%s being %j fails %s alone', (path, value, obligation) => {
  const failed = failuresOf(otherwise(path, value), 'whole')
  expect(failed).toEqual([{ obligation, reason: expect.stringMatching(/^[A-Z].*\.$/) }])
})

test('without an outcome, nothing that is about it holds', () => {
  const failed = failuresOf({ ...proven, outcome: null }, 'whole').map((one) => one.obligation)
  expect(failed).toEqual(obligations.filter(({ on }) => on === 'outcome').map(({ name }) => name))
})

test('each obligation is shown to fail, and has a name of its own', () => {
  const names = obligations.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const shown = new Set([...failing.map(([, , obligation]) => obligation), 'whole_diff'])
  expect([...shown].sort()).toEqual(names.toSorted())
})

test('a proof is of its facts: altered, or on facts that do not hold, it is found out', () => {
  const proof = proofOf(proven)
  const preview = {
    steps: [
      {
        ...{ id: 's', operation: 'grants.delete', zone_id: 'zone_a', effect: 'delete' as const },
        ...{ summary: '', input: {}, blocked: null, risk: 'low' as const, risk_reasons: [] },
        reversible: true,
        changes: [
          {
            ...{ kind: 'grant', id: 'grt_1', zone_id: 'zone_a', name: null },
            effect: 'archive' as const,
            fields: [{ field: 'scopes', before: ['a'], after: null }],
          },
        ],
      },
    ],
    access: { gained: [], lost: [], newly_gated: [] },
    policy: {
      ...{ decision: 'require_approval' as const, approvals: 1, second_person: false },
      ...{ break_glass: false, reason: 'no_rule_matched', rules: [] },
    },
    ...{ risk: 'low' as const, reversible: true, events: [], warnings: [] },
  }
  const plan = {
    ...{ zone_id: 'zone_a', reach: 'zone' as const, requester_id: 'prn_ada', risk: 'low' },
    preview,
  }
  expect(flawOf(proof, plan)).toBeNull()
  expect(flawOf(null, plan)).toBe('has no proof')
  expect(flawOf({ ...proof, obligations: [] }, plan)).toContain('not what its digest is of')
  expect(flawOf(proof, { ...plan, requester_id: 'prn_bob' })).toBe('has a proof of another plan')
  for (const [path, value, obligation] of failing) {
    if (path.startsWith('plan.')) continue
    expect(flawOf(proofOf(otherwise(path, value)), plan)).toBe(`does not hold: ${obligation}`)
  }
})
