import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Documents } from '../../src/policy/document-schemas.ts'
import {
  labelsOf,
  sliceDocuments,
  type Decision,
  type DecisionInput,
} from '../../src/policy/input.ts'
import { loadPolicyEngine } from '../../src/policy/load.ts'
import { condition, confinement, decisionInput, documents, grants } from './inputs.ts'

const engine = await loadPolicyEngine()
const runs = { numRuns: 500 }

const strength = { deny: 0, approval: 1, allow: 2 } as const

/** Whether no scope is better off in the second decision than in the first. */
function expectNoMore(first: Decision, second: Decision): void {
  for (const [scope, { verdict }] of Object.entries(second.scopes)) {
    expect(strength[verdict]).toBeLessThanOrEqual(strength[first.scopes[scope]?.verdict ?? 'deny'])
  }
  if (!first.allow) expect(second.allow).toBe(false)
}

function withDocuments(input: DecisionInput, changed: Partial<Documents>): DecisionInput {
  return { ...input, documents: { ...input.documents, ...changed } }
}

test('every request is decided, and in the promised shape', () => {
  fc.assert(
    fc.property(decisionInput, (input) => {
      const decision = engine.decide(input)
      expect(decision.reason).not.toMatch(/^(policy_|input_malformed)/)
      expect(Object.keys(decision.scopes).sort()).toEqual([...new Set(input.scopes)].sort())
      expect(decision.allow).toBe(
        Object.values(decision.scopes).every((one) => one.verdict === 'allow'),
      )
      expect(decision.missing).toEqual(
        Object.keys(decision.scopes)
          .filter((scope) => decision.scopes[scope]?.verdict !== 'allow')
          .sort(),
      )
      const held = Object.values(decision.scopes).some((one) => one.verdict === 'approval')
      expect(decision.obligations.length > 0).toBe(held)
      if (!decision.allow) expect(decision.missing).not.toEqual([])
    }),
    runs,
  )
})

test('the generated requests reach every kind of answer', () => {
  const reasons = fc
    .sample(decisionInput, { numRuns: 3_000, seed: 7 })
    .map((input) => engine.decide(input).reason)
  for (const reason of ['ok', 'no_grant', 'confined', 'condition_denied', 'approval_required']) {
    expect(reasons.filter((one) => one === reason).length, reason).toBeGreaterThan(10)
  }
})

const subtractive: readonly (readonly [string, fc.Arbitrary<Partial<Documents>>])[] = [
  [
    'confinement',
    fc.record({ confinement: fc.array(confinement, { minLength: 1, maxLength: 3 }) }),
  ],
  ['restrict', fc.record({ restrict: fc.constant(['freeze']) })],
  ['conditions', fc.record({ conditions: fc.array(condition, { minLength: 1, maxLength: 3 }) })],
  ['risk', documents.map(({ risk }) => ({ risk }))],
  ['approval_tiers', documents.map(({ approval_tiers }) => ({ approval_tiers }))],
]

test.each(subtractive)('adding to %s never gives a scope', (kind, more) => {
  fc.assert(
    fc.property(decisionInput, more, (input, extra) => {
      const added = Object.fromEntries(
        Object.entries(extra).map(([name, entries]) => [
          name,
          [...(input.documents[name as 'risk'] as unknown[]), ...(entries as unknown[])],
        ]),
      )
      expectNoMore(engine.decide(input), engine.decide(withDocuments(input, added)))
    }),
    runs,
  )
  expect(kind).toBeTruthy()
})

test('adding a grant never takes a scope away', () => {
  fc.assert(
    fc.property(decisionInput, grants, (input, more) => {
      const wider = { ...input, grants: [...input.grants, ...more] }
      expectNoMore(engine.decide(wider), engine.decide(input))
    }),
    runs,
  )
})

test('an approval never takes a scope away', () => {
  fc.assert(
    fc.property(decisionInput, (input) => {
      const approved = [...input.approved, 'low', 'high', 'sox', 'condition:two']
      expectNoMore(engine.decide({ ...input, approved }), engine.decide(input))
    }),
    runs,
  )
})

test('an unknown address or local time never gives a scope', () => {
  fc.assert(
    fc.property(decisionInput, (input) => {
      const unknown = { ...input, context: { ...input.context, source_ip: null, local: {} } }
      expectNoMore(engine.decide(input), engine.decide(unknown))
    }),
    runs,
  )
})

test('many scopes are decided as each of them alone', () => {
  fc.assert(
    fc.property(decisionInput, (input) => {
      const together = engine.decide(input)
      for (const scope of input.scopes) {
        const alone = engine.decide({ ...input, scopes: [scope] })
        expect(together.scopes[scope]).toEqual(alone.scopes[scope])
      }
    }),
    runs,
  )
})

test('the slice of the documents decides as all of them', () => {
  fc.assert(
    fc.property(decisionInput, documents, (input, all) => {
      const slice = {
        application: input.principal.application,
        labels: labelsOf(input.principal),
        user: input.principal.user,
        resource: input.resource?.identifier ?? null,
        scopes: input.scopes,
      }
      const sliced = { ...input, documents: sliceDocuments(all, slice) }
      expect(engine.decide(sliced)).toEqual(engine.decide({ ...input, documents: all }))
    }),
    runs,
  )
})

test('an input of any shape whatsoever is denied or decided, never thrown', () => {
  const key = fc.constantFrom(
    'zone',
    'principal',
    'resource',
    'scopes',
    'grants',
    'documents',
    'context',
    'approved',
  )
  fc.assert(
    fc.property(decisionInput, key, fc.jsonValue({ maxDepth: 2 }), (input, name, value) => {
      const broken = { ...input, [name]: value }
      const decision = engine.decide(broken)
      if (decision.allow) expect(name).toMatch(/^(resource|scopes|grants|approved)$/)
      expect(decision.reason).not.toBe('policy_undefined')
    }),
    runs,
  )
})
