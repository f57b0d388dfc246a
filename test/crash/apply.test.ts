import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { nothing, traceOf, whole } from '../support/apply-trace.ts'
import { access, apply, approved, type Applied, type Plan } from '../support/plans.ts'
import { newZone } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { startReplica, type Replica } from './replica.ts'

/** How often the process is killed while it applies. */
const kills = Number(process.env['KILLS'] ?? 15)
/** Plans of one life, each in a zone of its own, so that none makes another stale. */
const plansOfALife = 3
/** How many processes are started ahead; starting one is most of a round's time. */
const startedAhead = 2
/** How long an apply takes where none has been timed yet. */
const applyMs = 60

test('kill -9 at any instant of an apply leaves all of it or nothing, and the plan says which', async () => {
  await using world = await startWorld()
  await using replicas = startAhead(world)
  const zones = await Promise.all(Array.from({ length: plansOfALife }, () => newZone(world)))
  // By the place in a life: the first apply of a process takes some times as long as the next.
  const tookMs = zones.map(() => applyMs)
  const seen = { applied: 0, untouched: 0, acknowledged: 0 }
  for (let round = 0; round < kills; round += 1) {
    await using replica = await replicas.next()
    const plans: Plan[] = []
    for (const { zone } of zones) plans.push(await approved(world, access(String(round)), { zone }))
    const last = round % plansOfALife
    for (const [at, plan] of plans.slice(0, last).entries()) {
      const begun = performance.now()
      expect(await applyOn(replica, world, plan)).toMatchObject({ replayed: false })
      tookMs[at] = performance.now() - begun
    }
    const answer = applyOn(replica, world, plans[last])
    await delay(Math.random() * 1.25 * (tookMs[last] ?? applyMs))
    await replica.kill()
    const acknowledged = (await answer) !== null
    for (const [at, plan] of plans.entries()) {
      const trace = await traceOf(world, plan)
      if (at < last || (at === last && acknowledged)) expect(trace).toEqual(whole)
      else if (at > last) expect(trace).toEqual(nothing)
      else expect([whole, nothing]).toContainEqual(trace)
      if (at === last) seen[trace.state === 'applied' ? 'applied' : 'untouched'] += 1
      const { replayed } = await apply(world, plan)
      expect(replayed).toBe(trace.state === 'applied')
      expect(await traceOf(world, plan)).toEqual(whole)
    }
    seen.acknowledged += Number(acknowledged)
  }
  // Where every kill fell before the work or after it, nothing was shown.
  expect(seen.untouched, JSON.stringify(seen)).toBeGreaterThan(kills / 10)
  expect(seen.applied, JSON.stringify(seen)).toBeGreaterThan(0)
}, 300_000)

/** Replicas that are being started before they are needed; those never asked for are ended. */
function startAhead(world: World): AsyncDisposable & { next(): Promise<Replica> } {
  const waiting: Promise<Replica>[] = []
  const fill = (): void => {
    while (waiting.length < startedAhead) {
      const starting = startReplica(world)
      // Whoever takes it meets its failure.
      starting.catch(() => undefined)
      waiting.push(starting)
    }
  }
  fill()
  return {
    async next() {
      const first = waiting.shift()
      fill()
      return first ?? startReplica(world)
    },
    async [Symbol.asyncDispose]() {
      for (const started of await Promise.allSettled(waiting))
        if (started.status === 'fulfilled') await started.value[Symbol.asyncDispose]()
    },
  }
}

/** What the replica has answered, or null where it was gone before it did. */
async function applyOn(
  replica: Replica,
  world: World,
  plan: Plan | undefined,
): Promise<Applied | null> {
  if (plan === undefined) throw new Error('a life without a plan')
  try {
    const answer = await fetch(`${replica.url}/v1/zones/${plan.zone_id}/plans/${plan.id}/apply`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const body = (await answer.json()) as Applied
    expect(answer.status, JSON.stringify(body)).toBe(200)
    return body
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
