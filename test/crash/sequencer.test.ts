import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseCheckpoint } from '../../src/audit/checkpoint.ts'
import { parseNote } from '../../src/audit/note.ts'
import { rootAt } from '../../src/audit/proofs.ts'
import { newId } from '../../src/kernel/ids.ts'
import { readTiles } from '../../src/store/audit-log.ts'
import { openDatabase } from '../../src/store/database.ts'
import { freshDatabase, type FreshDatabase } from '../support/databases.ts'

/**
 * Guarantee (security.md, kill -9 at every step of checkpointing): whenever the process that keeps the
 * log is killed, no event that it has acknowledged is lost, the next one goes on with the same tree, and
 * every checkpoint that was ever shown is of that tree. `KILLS=200 npx vitest run test/crash/sequencer.test.ts`
 * kills it two hundred times.
 */
const kills = Number(process.env['KILLS'] ?? 25)
const zone = newId('zone', Date.now())

let database: FreshDatabase
let owner: pg.Client

beforeAll(async () => {
  database = await freshDatabase()
  owner = new pg.Client(database.connection)
  await owner.connect()
  await owner.query(
    `insert into zones (id, name, name_key, slug, system, dcr_enabled, revision, created_at, updated_at)
     values ($1, 'crash', 'crash', 'crash', false, false, 1, now(), now())`,
    [zone],
  )
})
afterAll(async () => {
  await owner.end()
  await database[Symbol.asyncDispose]()
  rmSync(compiled, { recursive: true, force: true })
})

interface Child {
  readonly process: ChildProcess
  readonly acknowledged: string[]
  /** Resolves once it has done a round; it may be the leader then. */
  readonly works: Promise<void>
}

/** Many processes are started: what one has compiled the next need not. */
const compiled = mkdtempSync(join(tmpdir(), 'caracal-compiled-'))
const masterKey = randomBytes(32).toString('base64')
const broken: string[] = []

function start(): Child {
  const child = spawn(
    process.execPath,
    ['test/crash/sequencer-child.ts', JSON.stringify(database.connection), masterKey, zone],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: compiled },
    },
  )
  const acknowledged: string[] = []
  const working = Promise.withResolvers<undefined>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'round') working.resolve(undefined)
    else if (line.startsWith('broken')) broken.push(line)
    else if (line.startsWith('evt_') && line.length === 30) acknowledged.push(line)
  })
  return { process: child, acknowledged, works: working.promise }
}

async function checkpointsShown(): Promise<Map<number, string>> {
  const { rows } = await owner.query<{ note: string }>('select note from log_checkpoints')
  return new Map(
    rows.map(({ note }) => {
      const read = parseCheckpoint(parseNote(note)?.text ?? '')
      if (read === null) throw new Error('a checkpoint cannot be read')
      return [read.size, read.root.toString('base64')]
    }),
  )
}

test(`the leader killed ${kills} times loses no event and signs one tree`, async () => {
  const acknowledged: string[] = []
  const waiting = [start(), start()]
  for (let kill = 0; kill < kills; kill += 1) {
    const victim = waiting.shift()
    if (victim === undefined) throw new Error('nobody is left')
    waiting.push(start())
    await victim.works
    await delay(Math.random() * 40)
    victim.process.kill('SIGKILL')
    await once(victim.process, 'close')
    acknowledged.push(...victim.acknowledged)
  }
  for (const { process: last, works, acknowledged: own } of waiting) {
    await works
    last.kill('SIGKILL')
    await once(last, 'close')
    acknowledged.push(...own)
  }
  expect(broken).toEqual([])
  const { rows } = await owner.query<{ id: string }>('select id from events')
  const kept = new Set(rows.map(({ id }) => id))
  expect(kept.size).toBe(rows.length)
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
  expect(acknowledged.length).toBeGreaterThan(kills)
  await expectOneTree()
}, 600_000)

async function expectOneTree(): Promise<void> {
  await using db = openDatabase(database.connection)
  const shown = await checkpointsShown()
  expect(shown.size).toBeGreaterThan(kills / 2)
  await db.transaction(zone, async (queries) => {
    for (const [size, root] of shown) {
      const now = await rootAt(size, (places) => readTiles(queries, zone, places))
      expect(now.toString('base64')).toBe(root)
    }
  })
}
