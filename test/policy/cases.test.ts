import { describe, expect, test } from 'vitest'
import type { DecisionInput, MandateInput, PlanInput } from '../../src/policy/input.ts'
import { loadPolicyEngine } from '../../src/policy/load.ts'
import { loadCases, type PolicyCase } from './case-files.ts'

const engine = await loadPolicyEngine()
const cases = loadCases()

function decide({ entrypoint, input }: PolicyCase): unknown {
  switch (entrypoint) {
    case 'caracal/authz/decision':
      return engine.decide(input as DecisionInput)
    case 'caracal/operator/mandate':
      return engine.operatorMandate(input as MandateInput)
    case 'caracal/operator/plan':
      return engine.operatorPlan(input as PlanInput)
  }
}

for (const [file, ofFile] of Map.groupBy(cases, (one) => one.file)) {
  describe(file, () => {
    test.each(ofFile)('$name', (one) => {
      expect(decide(one)).toMatchObject(one.expect)
    })
  })
}

test('case names are unique within a file', () => {
  const names = cases.map(({ file, name }) => `${file}: ${name}`)
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})

/** Every reason that a contract can give, so that a new gate cannot come without a case. */
const reasons: Readonly<Record<PolicyCase['entrypoint'], readonly string[]>> = {
  'caracal/authz/decision': [
    'ok',
    'input_malformed',
    'no_active_policy_set',
    'zone_restricted',
    'principal_archived',
    'principal_expired',
    'resource_unknown',
    'resource_archived',
    'no_scope_requested',
    'scope_unknown',
    'no_grant',
    'grant_user_mismatch',
    'grant_expired',
    'confined',
    'condition_denied',
    'approval_required',
  ],
  'caracal/operator/mandate': [
    'ok',
    'input_malformed',
    'use_unknown',
    'client_not_operator',
    'system_zone_refused',
    'zone_archived',
    'global_scope_required',
    'nothing_requested',
    'scope_not_read',
    'requester_lacks_scope',
    'operator_lacks_scope',
    'plan_missing',
    'plan_zone_mismatch',
    'plan_requester_mismatch',
    'plan_expired',
    'plan_not_approved',
    'plan_scope_exceeds',
    'plan_scope_missing',
    'approval_digest_mismatch',
    'approval_consumed',
    'approval_expired',
    'approver_lacks_capability',
    'approver_is_requester',
    'autopilot_off',
    'autopilot_unproven',
    'approvals_missing',
  ],
  'caracal/operator/plan': [
    'input_malformed',
    'system_zone_refused',
    'rule_denied',
    'rule_requires_approval',
    'risk_requires_approval',
    'access_gained',
    'no_rule_matched',
    'rule_allowed',
  ],
}

test.each(Object.entries(reasons))('%s: the cases meet every reason and no other', (entry, all) => {
  const met = cases
    .filter(({ entrypoint }) => entrypoint === entry)
    .map((one) => (decide(one) as { reason: string }).reason)
  expect(new Set(met)).toEqual(new Set(all))
})
