import { describe, expect, test } from 'vitest'
import { isFault } from '../../src/kernel/faults.ts'
import { limits } from '../../src/kernel/limits.ts'
import { baseline, emptyDocuments, mergeDocuments } from '../../src/policy/bundle.ts'
import type { DocumentSet } from '../../src/policy/document-schemas.ts'
import { billing, reports } from './inputs.ts'

function refusedPaths(...sets: DocumentSet[]): unknown {
  try {
    mergeDocuments(sets)
  } catch (error) {
    if (!isFault(error)) throw error
    expect(error.code).toBe('invalid_document')
    return (error.details?.['issues'] as { path: string }[]).map(({ path }) => path)
  }
  return 'merged'
}

const deny = { id: 'a', effect: 'deny' as const, when: {}, reason: 'x' }

describe('what two policies say together', () => {
  test('no policies say nothing, which is the baseline', () => {
    expect(mergeDocuments([])).toEqual(emptyDocuments)
    expect(baseline.documents).toEqual(emptyDocuments)
  })

  test('maps merge, lists follow one another, restrictions unite', () => {
    const merged = mergeDocuments([
      { app_ids: { billing }, restrict: ['b'], risk: [{ scope: 'x', tier: 'high' }] },
      { app_ids: { reports, billing }, restrict: ['a', 'b'], conditions: [deny] },
      {
        risk: [
          { scope: 'y', tier: 'low' },
          { tier: 'high', scope: 'x' },
        ],
        conditions: [deny],
      },
    ])
    expect(merged).toEqual({
      ...emptyDocuments,
      app_ids: { billing, reports },
      restrict: ['a', 'b'],
      risk: [
        { scope: 'x', tier: 'high' },
        { scope: 'y', tier: 'low' },
      ],
      conditions: [deny],
    })
  })

  test('roles on one resource merge under one application', () => {
    const merged = mergeDocuments([
      { grants: { invoices: { application: billing, roles: { reader: ['r'] } } } },
      { grants: { invoices: { application: billing, roles: { writer: ['w'], reader: ['r'] } } } },
    ])
    expect(merged.grants).toEqual({
      invoices: { application: billing, roles: { reader: ['r'], writer: ['w'] } },
    })
  })

  const conflicts: readonly (readonly [string, DocumentSet, DocumentSet, string])[] = [
    ['an application name', { app_ids: { a: billing } }, { app_ids: { a: reports } }, 'app_ids.a'],
    [
      'a role',
      { grants: { r: { roles: { x: ['a'] } } } },
      { grants: { r: { roles: { x: ['b'] } } } },
      'grants.r.roles.x',
    ],
    [
      'a resource for one application and for any',
      { grants: { r: { application: billing, roles: { x: ['a'] } } } },
      { grants: { r: { roles: { y: ['b'] } } } },
      'grants.r',
    ],
    [
      'a condition',
      { conditions: [deny] },
      { conditions: [{ ...deny, effect: 'approval' }] },
      'conditions.a',
    ],
    [
      'a tier',
      { approval_tiers: [{ tier: 't', approver: 'a', ttl_seconds: 1 }] },
      { approval_tiers: [{ tier: 't', approver: 'a', ttl_seconds: 2 }] },
      'approval_tiers.t',
    ],
    [
      'a plan rule',
      { plan_rules: [{ ...deny, when: {} }] },
      { plan_rules: [{ ...deny, reason: 'y' }] },
      'plan_rules.a',
    ],
  ]

  test.each(conflicts)('%s with two meanings is refused', (_name, one, other, path) => {
    expect(refusedPaths(one, other)).toEqual([path])
    expect(refusedPaths(one, one)).toBe('merged')
  })
})

test('an application that no policy explains is refused, as its condition would never apply', () => {
  const conditions = [{ ...deny, when: { applications: ['biling', billing] } }]
  expect(refusedPaths({ conditions })).toEqual(['conditions.a.when.applications'])
  expect(refusedPaths({ conditions }, { app_ids: { biling: billing } })).toBe('merged')
  const grants = { invoices: { application: 'toString', roles: {} } }
  expect(refusedPaths({ grants })).toEqual(['grants.invoices.application'])
})

test('a set is no longer than its limit', () => {
  const half = (from: number) => ({
    restrict: Array.from(
      { length: limits.documentEntries / 2 + 1 },
      (_, index) => `r${from + index}`,
    ),
  })
  expect(refusedPaths(half(0), half(10_000))).toEqual(['restrict'])
  expect(refusedPaths(half(0), half(0))).toBe('merged')
})
