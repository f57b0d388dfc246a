import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  access,
  application,
  apply,
  approve,
  expectApplyRefused,
  onPlan,
  propose as proposeIn,
  readPlan,
  sendPlan,
  type Plan,
  type PlanStep,
} from '../../support/plans.ts'
import type { Capability } from '../../../tools/operation.ts'
import { expectRefused } from '../../support/refused.ts'
import { freshName, newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
})

// The administrator alone reaches every zone; whoever else may approve may do so in the test's own.
beforeEach(async () => {
  make = await newZone(world)
})

afterAll(() => world[Symbol.asyncDispose]())

const grave: PlanStep = { id: 'key', operation: 'zones.rotate_keys' }
const everything = ['read', 'write', 'approve'] as const

function propose(steps: readonly PlanStep[], token?: string): Promise<Plan> {
  return proposeIn(world, steps, { zone: make.zone, ...(token !== undefined && { token }) })
}

/** Somebody new who may act in the zone of the test. */
function person(name: string, capabilities: readonly Capability[]): Promise<string> {
  return world.person(freshName(name), capabilities, make.zone)
}

/** Makes documents decide in the zone, past any plan. */
async function decideBy(documents: object): Promise<void> {
  const { id } = await make.policySet()
  const policy = await make.call('policies.create', {
    name: 'rules',
    language: 'json',
    source: JSON.stringify(documents),
  })
  const manifest = [{ policy_version_id: policy.latest_version.id }]
  const version = await make.call('policy_sets.add_version', { policy_set_id: id, manifest })
  await make.call('policy_sets.activate', { policy_set_id: id, version_id: version.id })
}

function approval({ digest }: Plan) {
  return { digest }
}

describe('risk', () => {
  test.each<readonly [string, PlanStep, string, readonly string[]]>([
    ['what is declared', application('quiet'), 'low', []],
    [
      'an argument that raises it',
      { id: 'zone', operation: 'zones.patch', input: { dcr_enabled: true } },
      'high',
      ['lets workloads register themselves'],
    ],
    [
      'the same field with a harmless value',
      { id: 'zone', operation: 'zones.patch', input: { name: 'renamed' } },
      'medium',
      [],
    ],
    ['the gravest of the catalogue', { id: 'zone', operation: 'zones.delete' }, 'critical', []],
  ])('%s', async (_, step, risk, reasons) => {
    const plan = await propose([step])
    expect(plan.risk).toBe(risk)
    expect(plan.preview?.steps[0]).toMatchObject({ risk, risk_reasons: reasons })
  })

  test('the highest of the steps is the plan’s; a scope that administers is high', async () => {
    const plan = await propose(access('root', ['invoices:admin']))
    expect(plan.preview?.steps.map(({ risk }) => risk)).toEqual(['low', 'low', 'high'])
    expect(plan.risk).toBe('high')
  })
})

describe('the second person', () => {
  test('alone, it takes a typed reason, and is kept as a break-glass', async () => {
    const plan = await propose([grave])
    expect(plan.preview?.policy).toMatchObject({ second_person: false, break_glass: true })
    await expectRefused(world, 'break_glass_reason_required', () =>
      onPlan(world, plan, 'approve', approval(plan)),
    )
    const given = await approve(world, plan, { reason: 'the key leaked' })
    expect(given.approvals).toMatchObject([{ break_glass: true, reason: 'the key leaked' }])
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('who asked does not approve a grave plan where somebody else can', async () => {
    const token = await person('bob', ['read', 'approve'])
    const plan = await propose([grave])
    expect(plan.preview?.policy).toMatchObject({ second_person: true, break_glass: false })
    await expectRefused(world, 'second_person_required', () =>
      onPlan(world, plan, 'approve', { ...approval(plan), reason: 'in a hurry' }),
    )
    const given = await approve(world, plan, { token })
    expect(given).toMatchObject({ state: 'approved', approvals: [{ break_glass: false }] })
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('who asked approves a plan that is not grave', async () => {
    await person('bob', ['read', 'approve'])
    const plan = await approve(world, await propose([application('mild')]))
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('an automation, a dead token and another zone’s approver are no second person', async () => {
    const other = await newZone(world)
    await world.automation('robot', ['read', 'approve'], make.zone)
    await world.person('zoe', ['read', 'approve'], other.zone)
    const gone = await world.admin.adminTokens.create({
      principal_name: 'gone',
      principal_kind: 'person',
      zone_id: make.zone,
      capabilities: ['approve'],
    })
    await world.admin.adminTokens.delete({ admin_token_id: gone.id })
    const plan = await propose([grave])
    expect(plan.preview?.policy).toMatchObject({ second_person: false, break_glass: true })
  })

  test('who may approve in a zone alone is none for a plan of the platform', async () => {
    const token = await person('zack', ['read', 'approve'])
    const plan = await propose([{ ...grave, zone: make.zone }])
    expect(plan).toMatchObject({ reach: 'platform', preview: { policy: { break_glass: true } } })
    await expectRefused(world, 'global_scope_required', () =>
      onPlan(world, plan, 'approve', approval(plan), { token }),
    )
    await approve(world, plan, { reason: 'nobody else reaches the platform' })
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('who could have approved is gone: the plan is previewed again, and says so', async () => {
    const bob = await world.admin.adminTokens.create({
      principal_name: 'leaver',
      principal_kind: 'person',
      zone_id: make.zone,
      capabilities: ['approve'],
    })
    const plan = await propose([grave])
    await world.admin.adminTokens.delete({ admin_token_id: bob.id })
    await expectRefused(world, 'second_person_required', () =>
      onPlan(world, plan, 'approve', { ...approval(plan), reason: 'bob left' }),
    )
    const again: Plan = (await onPlan(world, plan, 'preview')).body
    await approve(world, again, { reason: 'bob left' })
    expect((await apply(world, again)).plan.state).toBe('applied')
  })
})

describe('plan rules of the zone', () => {
  const rule = (rest: object) => ({ plan_rules: [{ id: 'rule', reason: 'because', ...rest }] })

  test('deny: the plan waits for nobody', async () => {
    await decideBy(rule({ effect: 'deny', when: { operations: ['applications.*'] } }))
    const plan = await propose([application('unwanted')])
    expect(plan.state).toBe('previewed')
    expect(plan.preview?.policy).toMatchObject({
      decision: 'deny',
      reason: 'rule_denied',
      rules: ['plan_rule:rule'],
    })
    await expectRefused(world, 'plan_state', () => onPlan(world, plan, 'approve', approval(plan)))
    await expectApplyRefused(world, plan, 'plan_state', 'not asked for')
    expect((await propose([grave])).preview?.policy.decision).toBe('require_approval')
  })

  test('deny beats require_approval and allow', async () => {
    const when = { operations: ['applications.create'] }
    await decideBy({
      plan_rules: [
        { id: 'open', effect: 'allow', when, reason: 'harmless' },
        { id: 'two', effect: 'require_approval', count: 2, when, reason: 'two of us' },
        { id: 'shut', effect: 'deny', when, reason: 'frozen' },
      ],
    })
    const { preview } = await propose([application('any')])
    expect(preview?.policy).toMatchObject({ decision: 'deny', rules: ['plan_rule:shut'] })
  })

  test('require_approval of two: two people, not one twice, whichever come first', async () => {
    await decideBy(rule({ effect: 'require_approval', count: 2, when: {} }))
    const name = freshName('bob')
    const bob = () => world.person(name, ['read', 'approve'], make.zone)
    const tokens = [await bob(), await person('eve', ['approve'])]
    const second = await bob()
    const plan = await propose([application('by-two')])
    expect(plan.approvals_required).toBe(2)
    const once = await approve(world, plan, { token: tokens[0] ?? '' })
    expect(once.state).toBe('pending_approval')
    await expectApplyRefused(world, plan, 'approval_required', 'not asked for')
    for (const token of [tokens[0] ?? '', second])
      await expectRefused(world, 'plan_state', () =>
        onPlan(world, plan, 'approve', approval(plan), { token }),
      )
    expect((await approve(world, plan, { token: tokens[1] ?? '' })).state).toBe('approved')
    const applied = await apply(world, plan)
    expect(applied).toMatchObject({ plan: { state: 'applied' }, secrets: [] })
  })

  test('one of two approvals that runs out has to be given again', async () => {
    await decideBy(rule({ effect: 'require_approval', count: 2, when: {} }))
    const token = await person('bob', ['approve'])
    const plan = await propose([application('slow')])
    await approve(world, plan, { token })
    world.pass(3_600_001)
    expect((await approve(world, plan)).state).toBe('pending_approval')
    expect((await approve(world, plan, { token })).state).toBe('approved')
    expect((await apply(world, plan)).plan.state).toBe('applied')
  })

  test('allow releases what is not grave and widens nothing, and nothing else', async () => {
    await decideBy(rule({ effect: 'allow', when: { operations: ['*'] } }))
    const free = await propose([application('free')])
    expect(free).toMatchObject({ state: 'approved', approvals_required: 0, approvals: [] })
    const applied = await apply(world, free)
    expect(applied).toMatchObject({ plan: { state: 'applied' }, secrets: [] })
    const wider = await propose(access('wider'))
    expect(wider).toMatchObject({ state: 'pending_approval', approvals_required: 1 })
    expect(wider.preview?.policy.reason).toBe('access_gained')
    expect((await propose([grave])).preview?.policy.reason).toBe('risk_requires_approval')
  })
})

describe('effective access', () => {
  const tuples = (list: readonly { readonly scope: string; readonly verdict: string }[]) =>
    list.map(({ scope, verdict }) => `${scope} ${verdict}`)

  async function activation(documents: object): Promise<PlanStep[]> {
    const { id } = await make.policySet()
    const source = JSON.stringify(documents)
    return [
      {
        id: 'policy',
        operation: 'policies.create',
        input: { name: 'gates', language: 'json', source },
      },
      {
        id: 'version',
        operation: 'policy_sets.add_version',
        input: {
          policy_set_id: id,
          manifest: [{ policy_version_id: '{{steps.policy.output.latest_version.id}}' }],
        },
      },
      {
        id: 'active',
        operation: 'policy_sets.activate',
        input: { policy_set_id: id, version_id: '{{steps.version.output.id}}' },
      },
    ]
  }

  test('gained by a grant, lost with it, neither by what grants nothing', async () => {
    const gained = await propose(access('new', ['invoices:read', 'invoices:write']))
    expect(tuples(gained.preview?.access.gained ?? [])).toEqual([
      'invoices:read allow',
      'invoices:write allow',
    ])
    await apply(world, await approve(world, gained))
    const grant_id = gained.preview?.steps.at(-1)?.changes[0]?.id
    const lost = await propose([
      { id: 'end', operation: 'grants.delete', input: { grant_id } },
      application('no access'),
    ])
    expect(lost.preview?.access.gained).toEqual([])
    expect(tuples(lost.preview?.access.lost ?? [])).toEqual([
      'invoices:read allow',
      'invoices:write allow',
    ])
  })

  test('a narrowed grant loses the scope that it no longer has', async () => {
    const { id } = await make.grant()
    const plan = await propose([
      {
        id: 'narrow',
        operation: 'grants.patch',
        input: { grant_id: id, scopes: ['invoices:write'] },
      },
    ])
    expect(tuples(plan.preview?.access.lost ?? [])).toEqual(['invoices:read allow'])
    expect(tuples(plan.preview?.access.gained ?? [])).toEqual(['invoices:write allow'])
  })

  test('newly gated by tiers, lost to a condition, on the same zone', async () => {
    const scopes = ['invoices:read', 'invoices:write']
    const [app, res] = [await make.application(), await make.resource()]
    const ids = { application_id: app.id, resource_id: res.id }
    await make.call('grants.create', { ...ids, scopes })
    const steps = await activation({
      risk: [{ scope: 'invoices:write', tier: 'high' }],
      approval_tiers: [{ tier: 'high', approver: 'approve', ttl_seconds: 600 }],
      conditions: [
        {
          id: 'no-reading',
          effect: 'deny',
          when: { scopes: ['invoices:read'] },
          reason: 'not read any more',
        },
      ],
    })
    const plan = await propose(steps)
    expect(plan.preview?.access).toMatchObject({
      gained: [],
      lost: [{ ...ids, scope: 'invoices:read', verdict: 'allow' }],
      newly_gated: [{ ...ids, scope: 'invoices:write', verdict: 'approval' }],
    })
    await apply(world, await approve(world, plan, { reason: 'alone' }))
    const back = await propose([
      {
        id: 'back',
        operation: 'policy_sets.rollback',
        input: { policy_set_id: steps[1]?.input?.policy_set_id },
      },
    ])
    expect(back.preview?.access).toMatchObject({
      gained: [{ scope: 'invoices:read' }, { scope: 'invoices:write', verdict: 'allow' }],
      lost: [],
      newly_gated: [],
    })
    expect((await readPlan(world, plan)).state).toBe('applied')
  })
})

test('a plan is proposed by whoever may write and approved by whoever may approve', async () => {
  const writer = await world.automation('deployer', ['write'], make.zone)
  const reader = await person('reader', ['read'])
  const plan = await propose([application('deployed')], writer)
  await expectRefused(world, 'approve_capability_required', () =>
    onPlan(world, plan, 'approve', approval(plan), { token: writer }),
  )
  const { zone } = make
  await expectRefused(world, 'admin_token_read_only', () =>
    sendPlan(world, { steps: [grave] }, { zone, token: reader }),
  )
  await approve(world, plan, { token: await person('boss', everything) })
  expect((await apply(world, plan, { token: writer })).plan.state).toBe('applied')
})
