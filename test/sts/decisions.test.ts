import fc from 'fast-check'
import { expect, test } from 'vitest'
import { noCustomPolicies } from '../../src/policy/custom-policies.ts'
import { createPolicyEngine, loadPolicyEngine } from '../../src/policy/load.ts'
import { createDecisions } from '../../src/sts/decisions.ts'
import { allowedInput, decisionInput } from '../policy/inputs.ts'

const engine = await loadPolicyEngine()

test('what is decided again is what the contract says, whatever was decided before', async () => {
  const decisions = createDecisions(engine)
  await fc.assert(
    fc.asyncProperty(fc.array(decisionInput, { maxLength: 5 }), async (inputs) => {
      for (const input of [...inputs, ...inputs, allowedInput])
        expect(await decisions.of(noCustomPolicies, input)).toEqual(engine.decide(input))
    }),
  )
})

test('one fact that differs is decided on, after the same request was allowed', async () => {
  const decisions = createDecisions(engine)
  const { principal, documents } = allowedInput
  const changes = {
    no_grant: { grants: [] },
    principal_archived: { principal: { ...principal, archived: true } },
    zone_restricted: { documents: { ...documents, restrict: ['freeze'] } },
  }
  for (const [reason, change] of Object.entries(changes)) {
    expect(await decisions.of(noCustomPolicies, allowedInput)).toMatchObject({ allow: true })
    const changed = { ...allowedInput, ...change }
    expect(await decisions.of(noCustomPolicies, changed)).toMatchObject({ allow: false, reason })
  }
})

test('an evaluation that failed is tried again', async () => {
  let fails = true
  const failing = createPolicyEngine({
    decision: {
      evaluate(input) {
        if (fails) throw new Error('unreachable')
        return [{ result: engine.decide(input as typeof allowedInput) }]
      },
    },
    operator: { evaluate: () => [] },
  })
  const decisions = createDecisions(failing)
  expect(await decisions.of(noCustomPolicies, allowedInput)).toMatchObject({
    allow: false,
    reason: 'policy_error',
  })
  fails = false
  expect(await decisions.of(noCustomPolicies, allowedInput)).toMatchObject({ allow: true })
})
