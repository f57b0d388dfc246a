import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startWorld, type World } from '../world.ts'
import { startReplica, type Replica } from './replica.ts'

/** How often the process is killed while it applies. */
const kills = 50
/** An apply of these plans takes some 30 ms, so this reaches from before it to after it. */
const longestDelayMs = 70

interface Plan {
  readonly id: string
  readonly names: readonly string[]
}

/** What is there of a plan, all read in one statement and so at one instant. */
interface Trace {
  readonly state: string
  readonly objects: number
  readonly events: number
  readonly consumed: number
}

test(
  'kill -9 at any instant of an apply leaves all of it or nothing, and the plan says which',
  { timeout: 300_000 },
  async () => {
    await using world = await startWorld()
    let next = startReplica(world)
    const seen = { applied: 0, untouched: 0 }
    for (let round = 0; round < kills; round += 1) {
      await using replica = await next
      next = startReplica(world)
      const plan = await approvedPlan(world, round)
      const acknowledged = await applyAndKill(world, replica, plan)
      const trace = await traceOf(world, plan)
      if (trace.state === 'applied') {
        expect(trace).toEqual({ state: 'applied', objects: 3, events: 3, consumed: 1 })
        seen.applied += 1
      } else {
        expect(trace).toEqual({ state: 'approved', objects: 0, events: 0, consumed: 0 })
        expect(acknowledged).toBe(false)
        seen.untouched += 1
      }
      const again = await world.call('POST', `plans/${plan.id}/apply`, {})
      expect(again.body).toMatchObject({ replayed: trace.state === 'applied' })
      expect(await traceOf(world, plan)).toMatchObject({ state: 'applied', objects: 3, events: 3 })
    }
    await (await next)[Symbol.asyncDispose]()
    expect(seen.applied + seen.untouched).toBe(kills)
  },
)

async function approvedPlan(world: World, round: number): Promise<Plan> {
  const names = [`agent-${round}`, `service-${round}`]
  const [application = '', resource = ''] = names
  const plan = await world.call('POST', 'plans', {
    steps: [
      { id: 'app', operation: 'applications.create', input: { name: application } },
      {
        id: 'res',
        operation: 'resources.create',
        input: { name: resource, scopes: ['data:read'] },
      },
      {
        id: 'grant',
        operation: 'grants.create',
        input: { application_id: application, resource_id: resource, scopes: ['data:read'] },
        depends_on: ['app', 'res'],
      },
    ],
  })
  const { id, digest } = plan.body as { id: string; digest: string }
  const approved = await world.call('POST', `plans/${id}/approve`, { digest })
  expect(approved.body.state).toBe('approved')
  return { id, names }
}

/** Whether the apply was answered before the process was gone. */
async function applyAndKill(world: World, replica: Replica, plan: Plan): Promise<boolean> {
  const answer = fetch(`${replica.url}/v1/zones/default/plans/${plan.id}/apply`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
    body: '{}',
  }).then(
    (response) => response.status === 200,
    () => false,
  )
  await delay(Math.random() * longestDelayMs)
  await replica.kill()
  await untilQuiet(world, plan)
  return answer
}

/** A commit that was on its way when the process died may still arrive: the server ends it or not. */
async function untilQuiet(world: World, plan: Plan): Promise<void> {
  await world.sql(`select 1 from plans where id = $1 for update`, [plan.id])
}

async function traceOf(world: World, plan: Plan): Promise<Trace> {
  const [trace] = await world.sql<Trace & Record<string, unknown>>(
    `select state,
            (select count(*)::int from applications where name = any($2))
            + (select count(*)::int from resources where name = any($2))
            + (select count(*)::int from grants g join applications a on a.id = g.application_id
               where a.name = any($2)) as objects,
            (select count(*)::int from events
             where plan_id = $1 and type like '%.create' and type <> 'plans.create'
               and outcome = 'applied') as events,
            (select count(*)::int from approvals
             where plan_id = $1 and consumed_at is not null) as consumed
     from plans where id = $1`,
    [plan.id, [...plan.names]],
  )
  if (trace === undefined) throw new Error(`plan ${plan.id} is gone`)
  return { ...trace }
}
