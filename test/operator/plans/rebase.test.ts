import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  access,
  apply,
  application,
  approve,
  approved,
  carryOut,
  expectApplyRefused,
  onPlan,
  propose,
  readPlan,
  type Plan,
} from '../../support/plans.ts'
import { expectRefused } from '../../support/refused.ts'
import { freshName, newZone, type ZoneMaker } from '../../support/zone-maker.ts'
import { startWorld, type World } from '../../world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

async function rebase(plan: Plan): Promise<Plan> {
  const answer = await onPlan(world, plan, 'rebase')
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body as Plan
}

/** A plan that labels an application and gives it a grant, approved on the state as it was. */
async function approvedChange(make: ZoneMaker): Promise<{ plan: Plan; app: string; res: string }> {
  const [{ id: app }, { id: res }] = [await make.application(), await make.resource()]
  const steps = [
    {
      id: 'label',
      operation: 'applications.patch',
      input: { application_id: app, labels: ['team:a'] },
    },
    {
      id: 'grant',
      operation: 'grants.create',
      input: { application_id: app, resource_id: res, scopes: ['invoices:read'] },
    },
  ]
  return { plan: await approved(world, steps, make), app, res }
}

test('a stale plan shows only what has changed since it was approved, and waits anew', async () => {
  const make = await newZone(world)
  const { plan, app } = await approvedChange(make)
  await make.call('applications.patch', { application_id: app, labels: ['team:b'] })
  await expectApplyRefused(world, plan, 'stale', 'minted')
  const again = await rebase(plan)
  expect(again).toMatchObject({
    id: plan.id,
    state: 'pending_approval',
    since: { digest: plan.digest, approved: true },
  })
  expect(again.digest).not.toBe(plan.digest)
  expect(again.since?.differences).toEqual([
    {
      path: 'steps.label.changes',
      before: [
        expect.objectContaining({ fields: [{ field: 'labels', before: [], after: ['team:a'] }] }),
      ],
      after: [
        expect.objectContaining({
          fields: [{ field: 'labels', before: ['team:b'], after: ['team:a'] }],
        }),
      ],
    },
  ])
  await expectRefused(world, 'approval_mismatch', () =>
    onPlan(world, again, 'approve', { digest: plan.digest }),
  )
  await approve(world, again)
  expect((await apply(world, again)).plan.state).toBe('applied')
})

test('what has nothing to do with it changes nothing in it, ids of new objects included', async () => {
  const make = await newZone(world)
  const plan = await approved(world, access('same'), make)
  await make.application()
  const again = await rebase(plan)
  expect(again.since?.differences).toEqual([])
  expect(again.preview?.steps).toEqual(plan.preview?.steps)
  expect(again.state).toBe('pending_approval')
})

test('over several rebases it is compared with what was approved', async () => {
  const make = await newZone(world)
  const { plan, app } = await approvedChange(make)
  await make.call('applications.patch', { application_id: app, labels: ['team:b'] })
  await rebase(plan)
  await make.call('applications.patch', { application_id: app, name: freshName('renamed') })
  const again = await rebase(plan)
  expect(again.since).toMatchObject({ digest: plan.digest, approved: true })
  expect(again.since?.differences.map(({ path }) => path)).toContain('steps.label.changes')
  const approvedAgain = await approve(world, again)
  expect((await rebase(approvedAgain)).since).toEqual({
    digest: again.digest,
    approved: true,
    differences: [],
  })
})

const otherwise: readonly (readonly [
  string,
  (make: ZoneMaker, ids: { app: string; res: string }) => Promise<unknown>,
  readonly string[],
])[] = [
  [
    'it gains what it has by now',
    (make, { app, res }) =>
      make.call('grants.create', {
        application_id: app,
        resource_id: res,
        scopes: ['invoices:read'],
      }),
    ['access.gained'],
  ],
  [
    'a step can no longer run',
    (make, { app }) => make.call('applications.delete', { application_id: app }),
    ['steps.label.effect', 'steps.label.blocked', 'steps.grant.blocked', 'access.gained'],
  ],
  [
    'a step has nothing left to do',
    (make, { app }) => make.call('applications.patch', { application_id: app, labels: ['team:a'] }),
    ['steps.label.effect', 'steps.label.changes'],
  ],
]
test.each(otherwise)('where %s, it says so', async (_, change, paths) => {
  const make = await newZone(world)
  const { plan, ...ids } = await approvedChange(make)
  await change(make, ids)
  const { since } = await rebase(plan)
  expect(since?.differences.map(({ path }) => path)).toEqual(expect.arrayContaining([...paths]))
})

describe('a rebase', () => {
  test('of a plan that nobody approved compares with what was shown last', async () => {
    const make = await newZone(world)
    const plan = await propose(world, [application('new')], make)
    await make.application()
    expect((await rebase(plan)).since).toEqual({
      digest: plan.digest,
      approved: false,
      differences: [],
    })
    const anew = (await onPlan(world, plan, 'preview')).body as Plan
    expect(anew.since).toBeNull()
  })

  test('is part of what is approved', async () => {
    const make = await newZone(world)
    const { plan, app } = await approvedChange(make)
    await make.call('applications.patch', { application_id: app, labels: ['team:b'] })
    const again = await rebase(plan)
    await world.sql(
      `update plans set since = jsonb_set(since, '{differences}', '[]') where id = $1`,
      [plan.id],
    )
    await expectRefused(world, 'approval_mismatch', () =>
      onPlan(world, again, 'approve', { digest: again.digest }),
    )
  })

  test('is refused for what is over, for others than the requester, and for an undo', async () => {
    const make = await newZone(world)
    const applied = await carryOut(world, [application('one')], make)
    await expectRefused(world, 'plan_state', () => onPlan(world, applied, 'rebase'))
    const waiting = await propose(world, [application('two')], make)
    const token = await world.person(freshName('other'), ['read', 'write', 'approve'], make.zone)
    await expectRefused(world, 'person_required', () =>
      onPlan(world, waiting, 'rebase', {}, { token }),
    )
    const inverse = (await onPlan(world, applied, 'undo')).body as Plan
    await expectRefused(world, 'plan_state', () => onPlan(world, inverse, 'rebase'))
    expect(await readPlan(world, waiting)).toEqual(waiting)
  })
})
