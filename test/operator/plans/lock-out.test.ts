import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { onPlan, propose, type Plan, type PlanStep } from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

interface Rule {
  readonly effect: 'deny' | 'require_approval' | 'allow'
  readonly count?: number
  readonly when: object
}

/** The steps that make some plan rules decide. */
function deciding(rules: readonly Rule[]): PlanStep[] {
  const written = rules.map((rule, i) => ({ id: `rule-${String(i)}`, reason: 'a test', ...rule }))
  const source = JSON.stringify({ plan_rules: written })
  return [
    {
      id: 'policy',
      operation: 'policies.create',
      input: { name: 'rules', language: 'json', source },
    },
    { id: 'set', operation: 'policy_sets.create', input: { name: 'deciding' } },
    {
      id: 'version',
      operation: 'policy_sets.add_version',
      input: {
        policy_set_id: '{{steps.set.output.id}}',
        manifest: [{ policy_version_id: '{{steps.policy.output.latest_version.id}}' }],
      },
    },
    {
      id: 'on',
      operation: 'policy_sets.activate',
      input: {
        policy_set_id: '{{steps.set.output.id}}',
        version_id: '{{steps.version.output.id}}',
      },
    },
  ]
}

function proposeRules(make: ZoneMaker, rules: readonly Rule[]): Promise<Plan> {
  return propose(world, deciding(rules), make)
}

const locking: readonly (readonly [string, readonly Rule[], string])[] = [
  ['denies every plan', [{ effect: 'deny', when: {} }], 'nobody could change which policy decides'],
  [
    'wants more approvals than there are people',
    [{ effect: 'require_approval', count: 3, when: {} }],
    'it would take 3 approvals and 1 can give one',
  ],
  [
    'denies that policy is written',
    [{ effect: 'deny', when: { operations: ['policies.*'] } }],
    'nobody could write another policy',
  ],
  [
    'denies that grants are revoked',
    [{ effect: 'deny', when: { effects: ['delete'] } }],
    'nobody could revoke a grant',
  ],
]

describe('a plan is blocked', () => {
  test.each(locking)('where its policy %s', async (_, rules, words) => {
    const plan = await proposeRules(await newZone(world), rules)
    expect(plan.state).toBe('previewed')
    const blocked = plan.preview?.steps.filter((step) => step.blocked !== null)
    expect(blocked).toMatchObject([
      {
        id: 'on',
        effect: 'blocked',
        blocked: { code: 'lock_out', message: expect.stringContaining(words) },
      },
    ])
    await expectRefused(world, 'plan_state', () =>
      onPlan(world, plan, 'approve', { digest: plan.digest, reason: 'a test' }),
    )
  })

  test('and so is a dry run of the activation alone', async () => {
    const make = await newZone(world)
    const source = JSON.stringify({
      plan_rules: [{ id: 'all', effect: 'deny', when: {}, reason: 'x' }],
    })
    const policy = await make.call('policies.create', { name: 'rules', language: 'json', source })
    const set = await make.policySet()
    const manifest = [{ policy_version_id: policy.latest_version.id }]
    const version = await make.call('policy_sets.add_version', { policy_set_id: set.id, manifest })
    const { body } = await world.call(
      'POST',
      `/v1/zones/${make.zone}/policy-sets/${set.id}/activate?dry_run=true`,
      { version_id: version.id },
    )
    expect(body.steps[0].blocked.code).toBe('lock_out')
  })
})

describe('a plan goes on', () => {
  test.each<readonly [string, readonly Rule[]]>([
    [
      'wants as many approvals as there are people',
      [{ effect: 'require_approval', count: 1, when: {} }],
    ],
    ['denies something else', [{ effect: 'deny', when: { operations: ['applications.delete'] } }]],
    ['allows everything', [{ effect: 'allow', when: {} }]],
  ])('where its policy %s', async (_, rules) => {
    expect((await proposeRules(await newZone(world), rules)).state).toBe('pending_approval')
  })

  test('out of a zone that is locked out already', async () => {
    const make = await newZone(world)
    const source = JSON.stringify({
      plan_rules: [{ id: 'many', effect: 'require_approval', count: 9, when: {}, reason: 'x' }],
    })
    const policy = await make.call('policies.create', { name: 'lock', language: 'json', source })
    const set = await make.policySet()
    const manifest = [{ policy_version_id: policy.latest_version.id }]
    const version = await make.call('policy_sets.add_version', { policy_set_id: set.id, manifest })
    await make.call('policy_sets.activate', { policy_set_id: set.id, version_id: version.id })
    const plan = await proposeRules(make, [{ effect: 'require_approval', count: 8, when: {} }])
    expect(plan.preview?.steps.filter((step) => step.blocked !== null)).toEqual([])
  })
})
