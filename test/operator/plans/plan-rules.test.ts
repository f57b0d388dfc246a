import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { autopiloted, proposeIn, revocation, switchOn } from '../../support/autopilot.ts'
import {
  access,
  application,
  apply,
  approve,
  onPlan,
  propose,
  type Plan,
  type PlanStep,
} from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { freshName, newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

const model = scriptedModel()
let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld({ model })
})
beforeEach(async () => {
  make = await newZone(world)
})
afterAll(() => world[Symbol.asyncDispose]())

type Rule = Readonly<Record<string, unknown>>

function documentOf(rules: readonly Rule[]): string {
  const plan_rules = rules.map((rule, i) => ({ id: `rule-${i}`, when: {}, reason: 'why', ...rule }))
  return JSON.stringify({ plan_rules })
}

/** Makes a document decide by the Admin API. */
async function decideBy(
  source: string,
  language: 'json' | 'yaml' = 'json',
  where = make,
): Promise<void> {
  const set = await where.policySet()
  const policy = await where.call('policies.create', {
    ...{ name: freshName('rules'), language, source },
  })
  const manifest = [{ policy_version_id: policy.latest_version.id }]
  const version = await where.call('policy_sets.add_version', { policy_set_id: set.id, manifest })
  await where.call('policy_sets.activate', { policy_set_id: set.id, version_id: version.id })
}

/** The steps that make a document decide by a plan. */
function deciding(source: string): PlanStep[] {
  const set = '{{steps.set.output.id}}'
  return [
    {
      id: 'policy',
      operation: 'policies.create',
      input: { name: freshName('rules'), language: 'json', source },
    },
    { id: 'set', operation: 'policy_sets.create', input: { name: freshName('deciding') } },
    {
      id: 'version',
      operation: 'policy_sets.add_version',
      input: {
        policy_set_id: set,
        manifest: [{ policy_version_id: '{{steps.policy.output.latest_version.id}}' }],
      },
    },
    {
      id: 'on',
      operation: 'policy_sets.activate',
      input: { policy_set_id: set, version_id: '{{steps.version.output.id}}' },
    },
  ]
}

function judged({ preview }: Plan) {
  const { decision, approvals, reason } = preview?.policy ?? {}
  return { decision, approvals, reason }
}

async function proposed(steps: readonly PlanStep[]) {
  return judged(await propose(world, steps, make))
}

function on(...operations: string[]): Rule {
  return { when: { operations } }
}
const deny = { effect: 'deny' }
const allow = { effect: 'allow' }
function require(count: number): Rule {
  return { effect: 'require_approval', count }
}

const cases: readonly (readonly [string, readonly Rule[], string, number])[] = [
  ['no rule', [], 'require_approval', 1],
  [
    'a rule about something else',
    [{ ...deny, ...on('applications.delete') }],
    'require_approval',
    1,
  ],
  ['allow', [allow], 'allow', 0],
  ['require without a count', [{ effect: 'require_approval' }], 'require_approval', 1],
  ['the highest count wins', [require(2), require(3), require(1)], 'require_approval', 3],
  ['require beats allow', [allow, require(2)], 'require_approval', 2],
  ['deny beats all', [allow, require(2), { ...deny, ...on('applications.*') }], 'deny', 0],
  [
    'by risk',
    [
      { ...deny, when: { risks: ['high'] } },
      { ...allow, when: { risks: ['low'] } },
    ],
    'allow',
    0,
  ],
  ['by effect', [{ ...require(2), when: { effects: ['create'] } }], 'require_approval', 2],
  ['by another zone', [{ ...deny, when: { zones: ['elsewhere'] } }], 'require_approval', 1],
]

describe('deny, then require_approval, then allow, then one approval', () => {
  test.each(cases)('%s', async (_, rules, decision, approvals) => {
    await decideBy(documentOf(rules))
    const answer = await proposed([application(freshName('app'))])
    expect(answer).toMatchObject({ decision, approvals })
  })

  test('of several steps the most demanding one counts', async () => {
    await decideBy(documentOf([{ ...allow, ...on('grants.delete') }]))
    const free = await revocation(make)
    expect(await proposed([free])).toMatchObject({ decision: 'allow' })
    expect(await proposed([free, application(freshName('app'))])).toMatchObject({ approvals: 1 })
  })

  test('allow waves nothing through that gives access or is grave', async () => {
    await decideBy(documentOf([allow]))
    const gained = { decision: 'require_approval', approvals: 1, reason: 'access_gained' }
    expect(await proposed(access(freshName('wider')))).toEqual(gained)
    const grave = { decision: 'require_approval', approvals: 1, reason: 'risk_requires_approval' }
    expect(await proposed([{ id: 'k', operation: 'zones.rotate_keys' }])).toEqual(grave)
    const { id: application_id } = await make.application()
    const end = { id: 'e', operation: 'applications.delete', input: { application_id } }
    expect(await proposed([end])).toEqual(grave)
  })
})

describe('a rule judges from when it decides', () => {
  test('made by a plan: that one by the rules before, the next by the new', async () => {
    const steps = deciding(documentOf([{ ...deny, ...on('applications.create') }]))
    const plan = await propose(world, steps, make)
    expect(judged(plan)).toMatchObject({ decision: 'require_approval', approvals: 1 })
    await approve(world, plan, { reason: 'alone' })
    await apply(world, plan)
    const next = await propose(world, [application(freshName('app'))], make)
    expect(next).toMatchObject({ state: 'previewed', preview: { policy: { decision: 'deny' } } })
    await expectRefused(world, 'plan_state', () =>
      onPlan(world, next, 'approve', { digest: next.digest }),
    )
  })

  test('loosening is judged by the rules that it loosens, however much it would allow', async () => {
    for (const name of ['bob', 'eve'])
      await world.person(freshName(name), ['read', 'approve'], make.zone)
    await decideBy(documentOf([{ ...require(2), ...on('policies.*', 'policy_sets.*') }]))
    expect(await proposed(deciding(documentOf([allow])))).toMatchObject({ approvals: 2 })
  })

  test('under rules that allow everything, changing the rules takes an approval all the same', async () => {
    await decideBy(documentOf([allow]))
    const plan = await propose(world, deciding(documentOf([])), make)
    expect(plan).toMatchObject({ state: 'pending_approval', approvals_required: 1 })
    expect(plan.preview?.policy).toMatchObject({
      break_glass: true,
      reason: 'risk_requires_approval',
    })
  })

  test('a plan that waits is stale when the rules change, and is judged anew', async () => {
    const plan = await propose(world, [application(freshName('app'))], make)
    await decideBy(documentOf([require(1), { ...deny, ...on('applications.create') }]))
    const answer = await onPlan(world, plan, 'approve', { digest: plan.digest })
    expect(answer.body).toMatchObject({ error: 'stale' })
    const again = (await onPlan(world, plan, 'preview')).body as Plan
    expect(judged(again)).toMatchObject({ decision: 'deny' })
  })
})

describe('a plan that reaches another zone', () => {
  const inOther = (zone: string): PlanStep[] => [{ ...application(freshName('app')), zone }]

  test.each([
    ['is denied by that zone’s rules', [deny], { decision: 'deny' }],
    ['needs the approvals that it demands', [require(3)], { approvals: 3 }],
    [
      'is not denied for what its rules say of others',
      [{ ...deny, when: { zones: ['elsewhere'] } }],
      { approvals: 1 },
    ],
    ['is not allowed by them', [allow], { decision: 'require_approval', approvals: 1 }],
  ] as const)('%s', async (_, rules, expected) => {
    const other = await newZone(world)
    await decideBy(documentOf(rules), 'json', other)
    expect(await proposed(inOther(other.zone))).toMatchObject(expected)
    expect(await proposed([application(freshName('app'))])).toMatchObject({ approvals: 1 })
  })
})

describe('autopilot', () => {
  test.each([
    ['asks for one approval in so many words', require(1)],
    ['asks for two', require(2)],
    ['denies it', deny],
  ])('does not approve what a rule speaks of: it %s', async (_, rule) => {
    await switchOn(world)
    const step = await revocation(make)
    await decideBy(documentOf([{ ...rule, ...on('grants.delete') }]))
    const conversation = await autopiloted(world, make)
    const { plan } = await proposeIn(world, model, conversation, [step])
    expect(plan.state).not.toBe('applied')
    expect(plan.approvals).toEqual([])
  })
})

test('the example of docs/plans.md does what is said of it', async () => {
  const page = await readFile(new URL('../../../docs/plans.md', import.meta.url), 'utf8')
  const [source = ''] = /^ {4}plan_rules:\n(?: {4}.*\n)+/m.exec(page) ?? []
  const step = await revocation(make)
  const { id: resource_id } = await make.resource()
  await decideBy(source.replace(/^ {4}/gm, ''), 'yaml')
  expect(await proposed([step])).toMatchObject({ decision: 'allow', approvals: 0 })
  const end = { id: 'e', operation: 'resources.delete', input: { resource_id } }
  expect(await proposed([end])).toMatchObject({ decision: 'deny' })
  expect(await proposed(deciding(documentOf([])).slice(0, 1))).toMatchObject({ approvals: 2 })
  expect(await proposed([application(freshName('app'))])).toMatchObject({ approvals: 1 })
})
