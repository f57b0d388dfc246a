import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { carryOutPlan, propose, undo, type PlanStep } from '../../support/plans.ts'
import { accessFacts, zoneFacts } from '../../support/zone-facts.ts'
import { newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

/**
 * Guarantee: whatever a plan of reversible steps has done, undoing it brings the zone back as it was:
 * names, fields, grants, policies, what decides, and who can do what.
 */
let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** What every zone has at the start. */
interface Given {
  readonly applications: readonly string[]
  readonly resources: readonly string[]
  readonly grants: readonly string[]
  readonly provider: string
  readonly policy: string
  readonly set: string
  readonly first: string
}

async function fill(make: ZoneMaker): Promise<Given> {
  const applications = [await make.application(), await make.application()].map(({ id }) => id)
  const resources = [await make.resource(), await make.resource()].map(({ id }) => id)
  const grants: string[] = []
  for (const [i, application_id] of applications.entries()) {
    const input = { application_id, resource_id: resources[i] ?? '', scopes: ['invoices:read'] }
    grants.push((await make.call('grants.create', input)).id)
  }
  const policy = await make.policy()
  const set = await make.policySet()
  const manifest = [{ policy_version_id: policy.latest_version.id }]
  const first = await make.call('policy_sets.add_version', { policy_set_id: set.id, manifest })
  await make.call('policy_sets.activate', { policy_set_id: set.id, version_id: first.id })
  const provider = (await make.provider()).id
  return {
    applications,
    resources,
    grants,
    provider,
    policy: policy.id,
    set: set.id,
    first: first.id,
  }
}

/** One thing that a plan may do; numbers choose among what is there, `n` makes names its own. */
type Act = (given: Given, n: number, pick: number) => PlanStep[]

function of<T>(list: readonly T[], pick: number): T {
  return list[pick % list.length] as T
}

function step(n: number, operation: string, input: Record<string, unknown>): PlanStep {
  return { id: `s${String(n)}`, operation, input }
}

function source(pick: number): string {
  const scope = of(['invoices:read', 'invoices:write', 'a:b'], pick)
  return JSON.stringify({ risk: [{ scope, tier: 'high' }] })
}

const acts: Readonly<Record<string, Act>> = {
  application: (_, n) => [step(n, 'applications.create', { name: `new ${String(n)}` })],
  rename: ({ applications }, n, pick) => [
    step(n, 'applications.patch', {
      application_id: of(applications, pick),
      name: `named ${String(n)}`,
    }),
  ],
  labels: ({ applications }, n, pick) => [
    step(n, 'applications.patch', {
      application_id: of(applications, pick),
      labels: of([[], ['team:one'], ['team:one', 'team:two']], pick),
      dpop_required: pick % 2 === 0,
    }),
  ],
  scopes: ({ resources }, n, pick) => [
    step(n, 'resources.patch', {
      resource_id: of(resources, pick),
      scopes: ['invoices:read', 'invoices:write', `extra:${String(n)}`],
      upstream_url: of([null, 'https://a.example/', 'https://b.example/'], pick),
    }),
  ],
  provider: ({ provider, resources }, n, pick) => [
    step(n, 'providers.patch', {
      provider_id: provider,
      settings: of([{ kind: 'none' }, { kind: 'bearer_token' }], pick),
    }),
    {
      ...step(n, 'resources.patch', {
        resource_id: of(resources, pick),
        credential_provider_id: provider,
      }),
      id: `t${String(n)}`,
    },
  ],
  grant: ({ applications, resources }, n, pick) => [
    step(n, 'grants.create', {
      application_id: of(applications, pick),
      resource_id: of(resources, pick >> 1),
      scopes: ['invoices:write'],
      ...(pick % 3 === 0 && { user_id: `user-${String(n)}` }),
    }),
  ],
  change: ({ grants }, n, pick) => [
    step(n, 'grants.patch', {
      grant_id: of(grants, pick),
      scopes: of(
        [['invoices:read'], ['invoices:write'], ['invoices:read', 'invoices:write']],
        pick >> 1,
      ),
      expires_at: of([null, '2099-01-01T00:00:00.000Z'], pick),
    }),
  ],
  short: ({ applications, resources }, n, pick) => [
    step(n, 'grants.create', {
      application_id: of(applications, pick),
      resource_id: of(resources, pick),
      scopes: ['invoices:read'],
    }),
    {
      ...step(n, 'grants.delete', { grant_id: `{{steps.s${String(n)}.output.id}}` }),
      id: `t${String(n)}`,
    },
  ],
  policy: ({ policy, set }, n, pick) => [
    step(n, 'policies.add_version', { policy_id: policy, language: 'json', source: source(pick) }),
    {
      ...step(n, 'policy_sets.add_version', {
        policy_set_id: set,
        manifest: [{ policy_version_id: `{{steps.s${String(n)}.output.id}}` }],
      }),
      id: `t${String(n)}`,
    },
    {
      ...step(n, 'policy_sets.activate', {
        policy_set_id: set,
        version_id: `{{steps.t${String(n)}.output.id}}`,
      }),
      id: `u${String(n)}`,
    },
  ],
  newPolicy: (_, n, pick) => [
    step(n, 'policies.create', {
      name: `policy ${String(n)}`,
      language: 'json',
      source: source(pick),
    }),
  ],
  zone: (_, n, pick) => [
    step(n, 'zones.patch', { dcr_enabled: pick % 2 === 0, audit_retention_days: n + 1 }),
  ],
}

/** Ends with the revoking of some grants: each can be revoked once. */
const plans = fc.record({
  acts: fc.array(fc.tuple(fc.constantFrom(...Object.keys(acts)), fc.nat({ max: 11 })), {
    minLength: 1,
    maxLength: 9,
  }),
  revoked: fc.subarray([0, 1]),
})

test('plan, apply, undo, apply: the zone is as it was', { timeout: 180_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(plans, async ({ acts: chosen, revoked }) => {
      // A grant that the plan itself has made and revoked leaves nothing to undo.
      fc.pre(revoked.length > 0 || chosen.some(([name]) => name !== 'short'))
      const make = await newZone(world)
      const given = await fill(make)
      const facts = async (): Promise<unknown> => [
        await zoneFacts(world, make.zone),
        await accessFacts(world, make.zone),
      ]
      const before = await facts()
      const steps = [
        ...chosen.flatMap(([name, pick], n) => acts[name]?.(given, n, pick) ?? []),
        ...revoked.map((i) => step(100 + i, 'grants.delete', { grant_id: of(given.grants, i) })),
      ]
      const plan = await propose(world, steps, make)
      fc.pre(plan.state === 'pending_approval')
      expect(plan.preview?.reversible).toBe(true)
      const applied = await carryOutPlan(world, plan, make)
      await carryOutPlan(world, await undo(world, applied), make)
      expect(await facts()).toEqual(before)
    }),
    { numRuns: 25 },
  )
})
