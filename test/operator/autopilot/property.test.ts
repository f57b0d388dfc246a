import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { autopiloted, obedient, order, switchOn } from '../../support/autopilot.ts'
import type { PlanStep } from '../../support/plans.ts'
import { scriptedModel } from '../../support/scripted-model.ts'
import { freshName, newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

const model = scriptedModel()
obedient(model)
let world: World

beforeAll(async () => {
  world = await startWorld({ model })
})
afterAll(() => world[Symbol.asyncDispose]())

/** What a random step does; numbers choose among the objects that there are. */
const anyStep = fc.record({
  what: fc.constantFrom(
    'revoke',
    'revoke',
    'revoke',
    'narrow',
    'widen',
    'grant',
    'resource',
    'application',
    'label',
    'rename',
  ),
  which: fc.nat({ max: 5 }),
})

interface Tuple {
  readonly application_id: string
  readonly user_id: string | null
  readonly resource_id: string
  readonly scope: string
  readonly verdict: string
}

/** Who can do what by the Admin API: each tuple with how much it gives. */
async function access(zone: string): Promise<ReadonlyMap<string, number>> {
  const ranks = ['conditional', 'approval', 'allow']
  const tuples = new Map<string, number>()
  let cursor: string | null = ''
  do {
    const page = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`
    const { body } = await world.call('GET', `/v1/zones/${zone}/access${page}`)
    for (const one of body.items as Tuple[]) {
      const { application_id, user_id, resource_id, scope, verdict } = one
      const key = JSON.stringify([application_id, user_id, resource_id, scope])
      tuples.set(key, ranks.indexOf(verdict))
    }
    cursor = body.next_cursor as string | null
  } while (cursor !== null)
  return tuples
}

async function objects(make: ZoneMaker) {
  const grants = [await make.grant(), await make.grant(), await make.grant()]
  const source = JSON.stringify({
    grants: {
      'urn:by-role': { application: grants[0]?.application_id, roles: { 'team:a': ['roles:use'] } },
    },
    risk: [{ scope: 'invoices:write', tier: 'high' }],
    approval_tiers: [{ tier: 'high', approver: 'operator', ttl_seconds: 600 }],
  })
  const policy = await make.call('policies.create', { name: 'roles', language: 'json', source })
  const set = await make.policySet()
  const manifest = [{ policy_version_id: policy.latest_version.id }]
  const version = await make.call('policy_sets.add_version', { policy_set_id: set.id, manifest })
  await make.call('policy_sets.activate', { policy_set_id: set.id, version_id: version.id })
  await make.call('applications.patch', {
    application_id: grants[0]?.application_id ?? '',
    labels: ['team:a'],
  })
  return grants
}

type Grants = Awaited<ReturnType<typeof objects>>

function stepOf(
  { what, which }: { readonly what: string; readonly which: number },
  id: string,
  grants: Grants,
): PlanStep {
  const { id: grant_id, application_id, resource_id } = grants[which % grants.length] ?? {}
  const scopes = ['invoices:read', 'invoices:write']
  const inputs: Readonly<Record<string, readonly [string, Record<string, unknown>]>> = {
    revoke: ['grants.delete', { grant_id }],
    narrow: ['grants.patch', { grant_id, scopes: ['invoices:write'] }],
    widen: ['grants.patch', { grant_id, scopes }],
    grant: ['grants.create', { application_id, resource_id, scopes }],
    // The identifier that a role of the zone's policy gives scopes of.
    resource: [
      'resources.create',
      {
        name: freshName('made'),
        scopes: ['roles:use'],
        ...(which % 2 === 0 && { identifier: 'urn:by-role' }),
      },
    ],
    application: ['applications.create', { name: freshName('made') }],
    label: ['applications.patch', { application_id, labels: ['team:a'] }],
    rename: ['resources.patch', { resource_id, name: freshName('renamed') }],
  }
  const [operation, input] = inputs[what] ?? ['', {}]
  return { id, operation, input }
}

test('whatever autopilot applies, nobody gains a tuple by the Admin API’s own count', async () => {
  await switchOn(world, { writes_per_day: 5_000 })
  const applied: string[] = []
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 3 }), async (given) => {
      const make = await newZone(world)
      const grants = await objects(make)
      const conversation = await autopiloted(world, make)
      const steps = given.map((one, i) => stepOf(one, `s${i}`, grants))
      const [before, written] = [await access(make.zone), await world.state()]
      const plan = await order(world, conversation, steps)
      if (plan.state !== 'applied') {
        expect(await world.state()).toBe(written)
        return
      }
      applied.push(...given.map(({ what }) => what))
      for (const [tuple, rank] of await access(make.zone))
        expect(rank, tuple).toBeLessThanOrEqual(before.get(tuple) ?? -1)
    }),
    {
      numRuns: 24,
      seed: 7,
      examples: [
        [[{ what: 'revoke', which: 0 }]],
        [[{ what: 'resource', which: 1 }]],
        [[{ what: 'resource', which: 0 }]],
      ],
    },
  )
  // A resource that a role gives scopes of is no harmless one; others are.
  expect(new Set(applied)).toEqual(new Set(['revoke', 'resource']))
})
