import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Evidence } from '../../../src/operator/plans/evidence-shape.ts'
import { verifyEvidence } from '../../../src/operator/plans/verify-evidence.ts'
import { everythingLogged } from '../../support/audit-log.ts'
import { autopiloted, obedient, order, revocation, switchOn } from '../../support/autopilot.ts'
import type { Plan } from '../../support/plans.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { newZone } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

const model = scriptedModel()
obedient(model)
let world: World
let plan: Plan
let evidence: Evidence

beforeAll(async () => {
  world = await startWorld({ model })
  await switchOn(world)
  const make = await newZone(world)
  plan = await order(world, await autopiloted(world, make), [await revocation(make)])
  await everythingLogged(world)
  const { body } = await world.call('GET', `/v1/zones/${plan.zone_id}/plans/${plan.id}/evidence`)
  evidence = body as Evidence
})
afterAll(() => world[Symbol.asyncDispose]())

interface Recorded {
  readonly facts: { readonly outcome: Record<string, unknown> }
  readonly digest: string
}

/** The findings on the evidence with its first approval otherwise. */
function findingsWith(change: (approval: Evidence['approvals'][number]) => object): string[] {
  const [first, ...others] = evidence.approvals
  if (first === undefined) throw new Error('the plan has no approval')
  const forged = { ...evidence, approvals: [change(first), ...others] }
  return verifyEvidence(forged, null).findings.map(({ path, message }) => `${path} ${message}`)
}

test('holds the proof, which the event of the approval has too, and verifies', () => {
  expect(plan.state).toBe('applied')
  expect(verifyEvidence(evidence, evidence.logs[0]?.verifier_key ?? '').findings).toEqual([])
  const proof = evidence.approvals[0]?.proof as Recorded
  const entries = evidence.logs.flatMap(({ events }) => events).map(({ entry }) => entry)
  const events = entries.map((entry) => JSON.parse(entry) as Record<string, unknown>)
  expect(events.find(({ type }) => type === 'autopilot.approve')).toMatchObject({
    outcome: 'applied',
    actor: { kind: 'platform', name: 'caracal.sys/autopilot' },
    on_behalf_of: { id: plan.requester.id },
    diagnostics: { digest: plan.digest, proof },
  })
})

describe('a forged proof is found, whatever is signed', () => {
  test.each<readonly [string, (proof: Recorded) => unknown, string]>([
    ['left out', () => undefined, 'approvals.0.proof has no proof'],
    [
      'with other facts',
      (proof) => ({ ...proof, facts: { ...proof.facts, switched_on: false } }),
      'approvals.0.proof has a proof that is not what its digest is of',
    ],
    [
      'with another digest',
      (proof) => ({ ...proof, digest: `sha256:${'0'.repeat(64)}` }),
      'approvals.0 has no autopilot.approve in the log',
    ],
  ])('%s', (_, forge, words) => {
    const found = findingsWith((one) => ({ ...one, proof: forge(one.proof as Recorded) }))
    expect(found).toContain(words)
  })

  test('passed off as a person’s approval', () => {
    const found = findingsWith((one) => ({ ...one, kind: 'person' }))
    expect(found).toContain('approvals.0 has no plans.approve in the log')
  })
})
