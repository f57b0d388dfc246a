import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../src/store/embedded/embedded-postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import { nothing, traceOf, whole } from '../support/apply-trace.ts'
import { access, apply, approved, onPlan, type Plan } from '../support/plans.ts'
import { freshName } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * The PostgreSQL server itself is restarted while the service runs: between approval and apply, and
 * in the middle of an apply. The service finds it again by itself.
 */

interface Restartable extends AsyncDisposable {
  readonly connection: EmbeddedPostgres['connection']
  restart(): Promise<void>
}

/** A server of the test's own; the others share one. */
async function startRestartable(): Promise<Restartable> {
  await using begun = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'caracal-restarts-'))
  await chmod(home, 0o711)
  begun.defer(() => rm(home, { recursive: true, force: true }))
  let server = await startEmbeddedPostgres({ home })
  begun.defer(() => server.stop())
  const { connection } = server
  await migrate(connection)
  const stack = begun.move()
  return {
    connection,
    async restart() {
      await server.stop()
      server = await startEmbeddedPostgres({ home })
      expect(server.connection).toEqual(connection)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Applies until the service is back; until then it says that it is not ready. */
async function applyOnceBack(world: World, plan: Plan) {
  for (;;) {
    const answer = await onPlan(world, plan, 'apply')
    if (answer.status !== 503) return answer
    expect(answer.body.error).toBe('not_ready')
    await delay(20)
  }
}

test('a restarted database between approval and apply, and within applies', async () => {
  await using server = await startRestartable()
  const { connection } = server
  await using world = await startWorld({ database: connection })

  const early = await approved(world, access(freshName()))
  await server.restart()
  expect((await applyOnceBack(world, early)).body).toMatchObject({ replayed: false })
  expect(await traceOf(world, early)).toEqual(whole)

  // Held where its third step waits, with the first two done in its transaction.
  const held = await approved(world, access(freshName()))
  const holder = new pg.Client(connection)
  holder.on('error', () => undefined)
  await holder.connect()
  await holder.query('begin; lock table grants in share mode')
  const answer = onPlan(world, held, 'apply')
  await waitingForGrants(world)
  await server.restart()
  expect(await answer).toMatchObject({ status: 503, body: { error: 'not_ready' } })
  expect(await tracedOnceBack(world, held)).toEqual(nothing)
  expect((await applyOnceBack(world, held)).body).toMatchObject({ replayed: false })
  expect(await traceOf(world, held)).toEqual(whole)

  for (const afterMs of [0, 3, 8, 15, 30]) {
    const plan = await approved(world, access(freshName()))
    const first = onPlan(world, plan, 'apply')
    await delay(afterMs)
    await server.restart()
    const { status } = await first
    const trace = await tracedOnceBack(world, plan)
    expect([whole, nothing]).toContainEqual(trace)
    if (status === 200) expect(trace).toEqual(whole)
    const again = await applyOnceBack(world, plan)
    expect(again.body.replayed).toBe(trace.state === 'applied')
    expect(await traceOf(world, plan)).toEqual(whole)
  }
  const { body } = await world.call('GET', `audit/verify`)
  expect(body).toMatchObject({ verified: true, findings: [] })
  expect(await apply(world, early)).toMatchObject({ replayed: true })
}, 180_000)

/** The pool of the test lost its connections with the server. */
async function tracedOnceBack(world: World, plan: Plan) {
  for (let attempt = 0; ; attempt += 1)
    try {
      return await traceOf(world, plan)
    } catch (error) {
      if (attempt === 100) throw error
      await delay(20)
    }
}

async function waitingForGrants(world: World): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const rows = await world.sql(
      `select from pg_stat_activity where wait_event_type = 'Lock'
       and query ilike '%insert into "grants"%'`,
    )
    if (rows.length > 0) return
    await delay(10)
  }
  throw new Error('nothing waits for the lock')
}
