import { expect, test } from 'vitest'
import type { DecisionInput } from '../../src/policy/input.ts'
import { explainDecision } from '../../src/policy/explain.ts'
import { loadPolicyEngine } from '../../src/policy/load.ts'
import { loadCases } from './case-files.ts'
import { allowedInput } from './inputs.ts'

const engine = await loadPolicyEngine()

function explain(input: DecisionInput) {
  return explainDecision(input, engine.decide(input))
}

test('an allowed request names what allowed it and needs no change', () => {
  const { summary, smallest_change } = explain(allowedInput)
  expect(summary).toBe(
    `Allowed: invoices:read on invoices, by grant:${allowedInput.grants[0]?.id ?? ''}.`,
  )
  expect(smallest_change).toBeNull()
})

test('a missing grant names the grant to make', () => {
  const { application } = allowedInput.principal
  expect(explain({ ...allowedInput, scopes: ['invoices:read', 'invoices:write'] })).toEqual({
    summary: `Denied: nothing grants invoices:write on invoices to the application ${application}.`,
    smallest_change: `Grant invoices:write on invoices to the application ${application}.`,
  })
})

test('a gated scope names the approvals', () => {
  const documents = {
    ...allowedInput.documents,
    risk: [{ scope: 'invoices:*', tier: 'high' }],
    approval_tiers: [{ tier: 'high', approver: 'finance', ttl_seconds: 60, quorum: 2 }],
  }
  expect(explain({ ...allowedInput, documents })).toEqual({
    summary: 'Held: invoices:read needs 2 approvals by finance (high).',
    smallest_change: 'Get 2 approvals by finance (high), and ask again.',
  })
})

test('a condition is told with its own reason', () => {
  const when = { scopes: ['invoices:*'] }
  const conditions = [{ id: 'hours', effect: 'deny' as const, when, reason: 'come back at nine' }]
  const documents = { ...allowedInput.documents, conditions }
  expect(explain({ ...allowedInput, documents }).summary).toBe(
    'Denied: the condition hours denies it: come back at nine.',
  )
})

test('two scopes refused for two reasons are both explained', () => {
  const { summary } = explain({ ...allowedInput, scopes: ['invoices:write', 'nonsense'] })
  expect(summary).toContain('no scope nonsense')
  expect(summary).toContain('nothing grants invoices:write')
})

const denied = loadCases().filter(({ entrypoint, expect: answer }) => {
  return entrypoint === 'caracal/authz/decision' && answer['reason'] !== 'input_malformed'
})

test.each(denied)('explained: $name', ({ input }) => {
  const decision = engine.decide(input as DecisionInput)
  const { summary, smallest_change } = explainDecision(input as DecisionInput, decision)
  expect(summary).toMatch(/^(Allowed|Denied|Held): .*\.$/)
  expect(smallest_change === null).toBe(decision.allow)
  expect(`${summary}${smallest_change ?? ''}`).not.toMatch(/undefined|\bnull\b|\[object/)
})
