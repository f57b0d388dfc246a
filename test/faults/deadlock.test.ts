import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { approve, onPlan, propose, sendPlan, type Plan } from '../support/plans.ts'
import { freshName, newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/*
 * Two transactions wait for each other, and PostgreSQL ends one. What it ends says nothing of the
 * call: it is run once more, and no plan is kept whose step a deadlock has blocked.
 */

let world: World
let home: ZoneMaker
let away: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  home = await newZone(world)
  away = await newZone(world)
})

afterAll(() => world[Symbol.asyncDispose]())

function steps() {
  const name = freshName('agent')
  return [{ id: 'app', operation: 'applications.create', zone: away.zone, input: { name } }]
}

const lock = 'select from zones where id = $1 for update'

/**
 * Makes a call that locks one zone and then another deadlock with somebody who locks them the other
 * way about. Null where PostgreSQL has ended somebody and not the call, as it may on a slow machine.
 */
async function deadlocked<T>(
  call: () => Promise<T>,
  first: string,
  second: string,
): Promise<T | null> {
  const somebody = new pg.Client(world.connection)
  await somebody.connect()
  try {
    const before = await deadlocks()
    await somebody.query('begin')
    await somebody.query(lock, [second])
    const answer = call()
    await waitingForZone()
    const ended = await somebody.query(lock, [first]).then(
      () => 'call',
      () => 'somebody',
    )
    await somebody.query('commit')
    const given = await answer
    // The server tells its counts a moment later.
    while ((await deadlocks()) === before) await delay(20)
    return ended === 'call' ? given : null
  } finally {
    await somebody.end()
  }
}

/** Tries until the call was the one that was ended. */
async function untilEnded<T>(attempt: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const seen = await attempt()
    if (seen !== null) return seen
  }
}

async function deadlocks(): Promise<number> {
  const [row] = await world.sql<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return Number(row?.deadlocks)
}

async function waitingForZone(): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const rows = await world.sql(
      `select from pg_stat_activity where datname = current_database()
       and wait_event_type = 'Lock' and query ilike '%from "zones"%for update%'`,
    )
    if (rows.length > 0) return
    await delay(5)
  }
  throw new Error('nothing waits for a zone')
}

test('a preview is made again, and is not kept with the deadlock for a reason', async () => {
  const { answer, mark } = await untilEnded(async () => {
    const from = await world.eventCount()
    const given = await deadlocked(
      () => sendPlan(world, { steps: steps() }, { zone: home.zone }),
      home.zone,
      away.zone,
    )
    return given && { answer: given, mark: from }
  })
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  const plan = answer.body as Plan
  expect(plan.preview?.steps).toMatchObject([{ effect: 'create', blocked: null }])
  expect(plan.state).toBe('pending_approval')
  expect((await world.events(mark)).map(({ type }) => type)).toEqual(['plans.create'])
})

test('an apply is run once more under the same mandate, and does its steps once', async () => {
  const { answer, mark } = await untilEnded(async () => {
    const plan = await propose(world, steps(), { zone: home.zone })
    await approve(world, plan)
    const [first = '', second = ''] = Object.keys(plan.base_revisions).sort()
    const from = await world.eventCount()
    const given = await deadlocked(() => onPlan(world, plan, 'apply'), first, second)
    return given && { answer: given, mark: from }
  })
  expect(answer.body, JSON.stringify(answer.body)).toMatchObject({ replayed: false })
  expect((await world.events(mark)).map(({ type, outcome }) => `${type} ${outcome}`)).toEqual([
    'token.plan_mandate allow',
    'applications.create applied',
    'plans.apply applied',
  ])
})
