import { describe, expect, test } from 'vitest'
import { mergeDocuments } from '../../src/policy/bundle.ts'
import type { Documents } from '../../src/policy/document-schemas.ts'
import { localTimes, type DecisionInput } from '../../src/policy/input.ts'
import { loadPolicyEngine } from '../../src/policy/load.ts'
import { loadTemplates } from '../../src/policy/templates.ts'
import { allowedInput, grant } from './inputs.ts'

const engine = await loadPolicyEngine()
const templates = loadTemplates()

function under(id: string): Documents {
  const template = templates.find((one) => one.id === id)
  if (template === undefined) throw new Error(`no template ${id}`)
  return mergeDocuments([template.documents])
}

function reasonUnder(
  id: string,
  change: Partial<DecisionInput> = {},
  instant = '2025-07-01T10:00:00Z',
): string {
  const documents = under(id)
  const local = localTimes(documents.conditions, Date.parse(instant))
  const context = { source_ip: null, hops: 0, ...change.context, local }
  return engine.decide({ ...allowedInput, ...change, documents, context }).reason
}

test('every template is one that can be active, and all of them together', () => {
  expect(templates.length).toBeGreaterThanOrEqual(5)
  for (const { id } of templates) expect(() => under(id)).not.toThrow()
  expect(() => mergeDocuments(templates.map(({ documents }) => documents))).not.toThrow()
})

describe('what the templates do', () => {
  test.each([
    ['2025-07-01T07:00:00Z', 'ok'],
    ['2025-07-01T06:59:00Z', 'condition_denied'],
    ['2025-07-01T14:59:00Z', 'ok'],
    ['2025-07-01T15:00:00Z', 'condition_denied'],
    ['2025-07-05T10:00:00Z', 'condition_denied'],
  ])('business hours at %s: %s', (instant, reason) => {
    expect(reasonUnder('business-hours', {}, instant)).toBe(reason)
  })

  test('freeze denies', () => {
    expect(reasonUnder('freeze')).toBe('zone_restricted')
  })

  test('confinement is about self-registered applications', () => {
    const principal = { ...allowedInput.principal, kind: 'dcr' as const }
    expect(reasonUnder('confine-dcr')).toBe('ok')
    expect(reasonUnder('confine-dcr', { principal })).toBe('confined')
  })

  test.each([
    ['10.3.4.5', 'ok'],
    ['2001:db8::9', 'ok'],
    ['203.0.113.9', 'condition_denied'],
    [null, 'condition_denied'],
  ])('the office network from %s: %s', (source_ip, reason) => {
    const context = { source_ip, hops: 0, local: {} }
    expect(reasonUnder('office-network', { context })).toBe(reason)
  })

  test.each([
    ['payments:list', 'ok'],
    ['payments:refund', 'approval_required'],
    ['payments:payout', 'approval_required'],
  ])('step-up on %s: %s', (scope, reason) => {
    const resource = { identifier: 'payments', scopes: [scope], archived: false }
    const change = { resource, scopes: [scope], grants: [grant(1, [scope])] }
    expect(reasonUnder('step-up-high-risk', change)).toBe(reason)
  })
})
