import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OutputOf } from '../../tools/catalogue.ts'
import { activateDocuments } from '../support/gated.ts'
import { apply, approve, propose, type PlanStep } from '../support/plans.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * A preview looks only at the pairs that its steps can have moved. What it shows is what a reading of
 * all access of the zone, before and after the apply, differs in.
 */

type Tuple = OutputOf<'access.list'>['items'][number]

let world: World
let make: ZoneMaker
let applications: readonly string[]
let resources: readonly string[]
let identifiers: readonly string[]

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  const apps = [await make.application(), await make.application(), await make.application()]
  const things = [await make.resource(), await make.resource(), await make.resource()]
  applications = apps.map(({ id }) => id)
  resources = things.map(({ id }) => id)
  identifiers = things.map(({ identifier }) => identifier)
  await activateDocuments(make, {
    grants: { [identifiers[0] ?? '']: { roles: { 'role:reader': ['invoices:read'] } } },
    risk: [{ scope: 'invoices:write', tier: 'high' }],
    approval_tiers: [{ tier: 'high', approver: 'approve', ttl_seconds: 600 }],
  })
})

afterAll(() => world[Symbol.asyncDispose]())

interface Draw {
  readonly kind: 'grant' | 'regrant' | 'ungrant' | 'label' | 'rescope'
  readonly app: number
  readonly res: number
  readonly pick: number
  readonly write: boolean
  readonly user: boolean
}

const draws: fc.Arbitrary<Draw[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Draw['kind']>(
      ...(['grant', 'grant', 'regrant', 'ungrant', 'label', 'rescope'] as const),
    ),
    app: fc.nat(2),
    res: fc.nat(2),
    pick: fc.nat(5),
    write: fc.boolean(),
    user: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
)

async function stepsOf(drawn: readonly Draw[]): Promise<PlanStep[]> {
  const grants = (await make.call('grants.list', {})).items.map(({ id }) => id)
  return drawn.flatMap((draw, i): PlanStep[] => {
    const [application_id, resource_id] = [applications[draw.app], resources[draw.res]]
    const scopes = draw.write ? ['invoices:read', 'invoices:write'] : ['invoices:read']
    const grant_id = grants[draw.pick]
    const step = (operation: string, input: Record<string, unknown>): PlanStep[] => [
      { id: `s${String(i)}`, operation, input },
    ]
    if (draw.kind === 'label')
      return step('applications.patch', {
        application_id,
        labels: draw.write ? ['role:reader'] : [],
      })
    if (draw.kind === 'rescope')
      return step('resources.patch', { resource_id, scopes: [...scopes, 'invoices:list'] })
    if (draw.kind === 'grant' || grant_id === undefined)
      return step('grants.create', {
        ...{ application_id, resource_id, scopes },
        ...(draw.user && { user_id: 'ulla' }),
      })
    return draw.kind === 'regrant'
      ? step('grants.patch', { grant_id, scopes })
      : step('grants.delete', { grant_id })
  })
}

function keyed(tuples: readonly Tuple[]): ReadonlyMap<string, Tuple['verdict']> {
  return new Map(
    tuples.map(({ application_id, user_id, resource_id, scope, verdict }) => [
      JSON.stringify([application_id, user_id, resource_id, scope]),
      verdict,
    ]),
  )
}

async function allAccess(): Promise<ReadonlyMap<string, Tuple['verdict']>> {
  return keyed((await make.call('access.list', { limit: 500 })).items)
}

/** What of one reading is in no other with the same verdict. */
function without(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string[] {
  return [...one].flatMap(([key, verdict]) => (other.get(key) === verdict ? [] : [key])).sort()
}

test('the access that a preview shows is all that the zone gains and loses', async () => {
  await fc.assert(
    fc.asyncProperty(draws, async (drawn) => {
      const plan = await propose(world, await stepsOf(drawn), { zone: make.zone })
      if (plan.state !== 'pending_approval') return
      const before = await allAccess()
      await approve(world, plan, { reason: 'alone here' })
      await apply(world, plan)
      const after = await allAccess()
      const { gained = [], lost = [], newly_gated = [] } = plan.preview?.access ?? {}
      const shown = [...keyed([...gained, ...lost, ...newly_gated]).keys()].sort()
      const moved = new Set([...without(before, after), ...without(after, before)])
      expect(shown).toEqual([...moved].sort())
    }),
    { numRuns: 30 },
  )
}, 60_000)
