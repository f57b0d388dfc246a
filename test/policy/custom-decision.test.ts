import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { CustomModule, CustomPolicies } from '../../src/policy/custom-policies.ts'
import type { CustomOutcome, CustomRunner } from '../../src/policy/custom-runner.ts'
import type { Decision, DecisionInput } from '../../src/policy/input.ts'
import { createPolicyEngine, loadPolicyEngine } from '../../src/policy/load.ts'
import { explainDecision } from '../../src/policy/explain.ts'
import { newId } from '../../src/kernel/ids.ts'
import { decisionInput } from './inputs.ts'

const contract = await loadPolicyEngine()

afterAll(() => contract[Symbol.asyncDispose]())

/** An engine whose custom policies say what they are told to, by digest and scope. */
function engineThatSays(says: (digest: string, scope: string) => CustomOutcome) {
  const runner: CustomRunner = {
    run: (digest, _load, inputs) =>
      Promise.resolve(inputs.map((input) => says(digest, (input as DecisionInput).scopes.join()))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return createPolicyEngine({
    decision: { evaluate: (input) => [{ result: contract.decide(input as DecisionInput) }] },
    operator: { evaluate: () => [] },
    custom: runner,
  })
}

function custom(...digests: readonly string[]): CustomPolicies {
  const modules: CustomModule[] = digests.map((digest) => ({
    policyVersionId: newId('policyVersion', 0),
    digest,
    readsContext: false,
  }))
  return { modules, load: () => Promise.reject(new Error('nothing is loaded')) }
}

const silent: CustomOutcome = { deny: [], require_approval: [] }

const outcome: fc.Arbitrary<CustomOutcome> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(silent) },
  fc.constantFrom<CustomOutcome>('custom_policy_failed', 'custom_policy_timeout'),
  fc.record({
    deny: fc.array(fc.constantFrom('no', 'not now'), { maxLength: 2 }),
    require_approval: fc.array(fc.constantFrom('low', 'high', 'sox', 'other'), { maxLength: 2 }),
  }),
)

const strength = { deny: 0, approval: 1, allow: 2 } as const

test('custom policies only take away, and what they leave is whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      decisionInput,
      fc.dictionary(
        fc.constantFrom('one', 'two'),
        fc.array(outcome, { minLength: 3, maxLength: 3 }),
      ),
      async (input, said) => {
        const scopes = [...new Set(input.scopes)]
        const engine = engineThatSays(
          (digest, scope) => said[digest]?.[scopes.indexOf(scope) % 3] ?? silent,
        )
        const without = contract.decide(input)
        const decision = await engine.decideWith(custom('one', 'two'), input)
        expect(Object.keys(decision.scopes).sort()).toEqual(Object.keys(without.scopes).sort())
        for (const [scope, { verdict, reason }] of Object.entries(decision.scopes)) {
          const before = without.scopes[scope]
          expect(strength[verdict]).toBeLessThanOrEqual(strength[before?.verdict ?? 'deny'])
          if (before?.verdict === 'deny') expect(reason).toBe(before.reason)
        }
        expectWhole(decision)
        if (!without.allow) expect(decision.allow).toBe(false)
      },
    ),
    { numRuns: 500 },
  )
})

function expectWhole({ allow, reason, scopes, missing, obligations }: Decision): void {
  const answers = Object.entries(scopes)
  expect(allow).toBe(answers.length > 0 && answers.every(([, one]) => one.verdict === 'allow'))
  expect(allow).toBe(reason === 'ok')
  expect(missing).toEqual(
    answers
      .filter(([, one]) => one.verdict !== 'allow')
      .map(([scope]) => scope)
      .sort(),
  )
  const waiting = answers.filter(([, one]) => one.verdict === 'approval').map(([scope]) => scope)
  expect([...new Set(obligations.flatMap((duty) => duty.scopes))].sort()).toEqual(waiting.sort())
  expect(new Set(obligations.map(({ tier }) => tier)).size).toBe(obligations.length)
}

const allowed: DecisionInput = {
  zone: { id: newId('zone', 0), active: true },
  principal: {
    application: newId('application', 0),
    kind: 'managed',
    labels: [],
    archived: false,
    expired: false,
    user: null,
  },
  resource: { identifier: 'https://invoices.example', scopes: ['read', 'write'], archived: false },
  scopes: ['read', 'write'],
  grants: [{ id: newId('grant', 0), scopes: ['read', 'write'], user: null, expired: false }],
  documents: {
    app_ids: {},
    grants: {},
    confinement: [],
    restrict: [],
    risk: [],
    approval_tiers: [{ tier: 'high', approver: 'finance', ttl_seconds: 600, quorum: 2 }],
    conditions: [],
  },
  approved: [],
  context: { source_ip: null, hops: 0, local: {} },
}

describe('what custom policies say becomes', () => {
  const decide = async (says: CustomOutcome, input: Partial<DecisionInput> = {}) => {
    const policies = custom('one')
    const engine = engineThatSays((_, scope) => (scope === 'write' ? says : silent))
    const decision = await engine.decideWith(policies, { ...allowed, ...input })
    return { decision, rule: `custom:${policies.modules[0]?.policyVersionId ?? ''}` }
  }

  test('a denial of the scope with the message among its rules', async () => {
    const { decision, rule } = await decide({ deny: ['no writes'], require_approval: ['high'] })
    expect(decision).toMatchObject({
      allow: false,
      reason: 'custom_denied',
      missing: ['write'],
      obligations: [],
      scopes: {
        read: { verdict: 'allow' },
        write: { verdict: 'deny', reason: 'custom_denied', rules: [`${rule}/no writes`] },
      },
    })
    expect(explainDecision(allowed, decision).summary).toContain('denies write: "no writes"')
  })

  test.each(['custom_policy_failed', 'custom_policy_timeout'] as const)(
    'a denial where it is %s',
    async (failure) => {
      const { decision, rule } = await decide(failure)
      expect(decision).toMatchObject({
        reason: failure,
        scopes: { write: { verdict: 'deny', reason: failure, rules: [rule] } },
      })
    },
  )

  test('an obligation of the tier that the documents describe', async () => {
    const says = { deny: [], require_approval: ['high'] }
    const { decision, rule } = await decide(says)
    expect(decision).toMatchObject({
      reason: 'approval_required',
      missing: ['write'],
      obligations: [
        { tier: 'high', approver: 'finance', ttl_seconds: 600, quorum: 2, scopes: ['write'] },
      ],
    })
    expect(decision.scopes['write']?.rules).toContain(`${rule}/high`)
    const released = await decide(says, { approved: ['high'] })
    expect(released.decision).toMatchObject({ allow: true, obligations: [] })
  })

  test('an obligation of a tier of its own where no document describes it', async () => {
    const says = { deny: [], require_approval: ['a manager'] }
    const { decision } = await decide(says)
    expect(decision.obligations).toEqual([
      {
        tier: 'custom:a manager',
        approver: 'approve',
        ttl_seconds: 3_600,
        quorum: 1,
        scopes: ['write'],
      },
    ])
    const released = await decide(says, { approved: ['custom:a manager'] })
    expect(released.decision.allow).toBe(true)
  })

  test('nothing where the contract denies: the policies are not asked', async () => {
    const engine = engineThatSays(() => {
      throw new Error('asked')
    })
    const input = { ...allowed, grants: [] }
    expect(await engine.decideWith(custom('one'), input)).toEqual(contract.decide(input))
  })
})

test('a zone without custom policies is decided at once', () => {
  expect(contract.decideWith(custom(), allowed)).toEqual(contract.decide(allowed))
})
