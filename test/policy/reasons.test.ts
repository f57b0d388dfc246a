import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { packageFile } from '../../src/kernel/package-root.ts'
import { newId } from '../../src/kernel/ids.ts'
import { explainDecision } from '../../src/policy/explain.ts'
import type { Decision, DecisionInput } from '../../src/policy/input.ts'
import { gates } from '../../src/policy/reasons-table.ts'
import { decisionRefusals } from '../../src/sts/refusals-table.ts'
import { loadCases } from './case-files.ts'

const failures = ['policy_undefined', 'policy_error'] as const
const custom = ['custom_policy_failed', 'custom_policy_timeout', 'custom_denied'] as const
const reasons = [...gates, ...failures]

/** The strings of `gate_order` in the contract. */
function gatesOfContract(): string[] {
  const text = readFileSync(packageFile('policies', 'decision.rego'), 'utf8')
  const list = /^gate_order := \[([^\]]*)\]/m.exec(text)?.[1] ?? ''
  return [...list.matchAll(/"([a-z_]+)"/g)].map(([, gate = '']) => gate)
}

test('the gates are those of the contract, with those of custom policies after the conditions', () => {
  const own = gates.filter((gate) => !custom.some((one) => one === gate))
  expect(own).toEqual(gatesOfContract())
  expect(gates.slice(gates.indexOf('condition_denied') + 1, -1)).toEqual(custom)
})

test('every gate of the contract has a case', () => {
  const met = new Set(loadCases().map(({ expect: answer }) => answer['reason']))
  expect(gatesOfContract().filter((gate) => !met.has(gate))).toEqual([])
})

test.each(reasons)('%s has a refusal for clients and a line in the documentation', (reason) => {
  expect(decisionRefusals[reason].message).toMatch(/\S/)
  const page = readFileSync(packageFile('docs', 'policy-contract.md'), 'utf8')
  expect(page).toContain(`\`${reason}\``)
})

test.each(reasons)('%s is explained with the smallest change that would have allowed', (reason) => {
  const { summary, smallest_change } = explainDecision(input, denied(reason))
  expect(summary).toMatch(/^(?:Denied|Held): \S.+\.$/)
  expect(summary).not.toContain(reason)
  expect(smallest_change).toMatch(/\.$/)
  expect(`${summary} ${smallest_change ?? ''}`).not.toMatch(/undefined|nothing and|\bnull\b/)
})

const input: DecisionInput = {
  zone: { id: newId('zone', 0), active: true },
  principal: {
    application: newId('application', 0),
    kind: 'managed',
    labels: [],
    archived: false,
    expired: false,
    user: 'alice',
  },
  resource: { identifier: 'https://invoices.example', scopes: ['read'], archived: false },
  scopes: ['read'],
  grants: [],
  documents: {
    app_ids: {},
    grants: {},
    confinement: [],
    restrict: [],
    risk: [],
    approval_tiers: [],
    conditions: [{ id: 'night', effect: 'deny', when: {}, reason: 'not at night' }],
  },
  approved: [],
  context: { source_ip: null, hops: 0, local: {} },
}

function denied(reason: string): Decision {
  const gated = reason === 'approval_required'
  const rules = ['condition:night', 'custom:polv_1/no writes']
  return {
    allow: false,
    reason,
    scopes: { read: { verdict: gated ? 'approval' : 'deny', reason, rules } },
    missing: ['read'],
    rules,
    risk: 'none',
    obligations: gated
      ? [{ tier: 'high', approver: 'approve', ttl_seconds: 60, quorum: 1, scopes: ['read'] }]
      : [],
  }
}
