import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  startEmbeddedPostgres,
  type EmbeddedConnection,
} from '../../src/store/embedded/embedded-postgres.ts'
import {
  isAlive,
  untilGone,
  postmasterOf,
  query,
  scratch,
  startChild,
  type Child,
} from './embedded-world.ts'

const rounds = 5

function acknowledgedBy(child: Child): number[] {
  return child.printed.filter((value) => typeof value === 'number')
}

/** Lets a child write, kills what the caller says, and checks every number it was promised. */
async function crashRound(
  home: string,
  acknowledged: Set<number>,
  kill: (child: Child, postmaster: number) => Promise<void>,
): Promise<void> {
  const child = startChild('write', home)
  expect(await child.at(0)).toHaveProperty('connection')
  await child.at(20)
  await sleep(Math.random() * 150)
  await kill(child, postmasterOf(join(home, 'postgres')))
  for (const n of acknowledgedBy(child)) acknowledged.add(n)

  await using database = await startEmbeddedPostgres({ home })
  const rows = await query(database.connection, 'select n from acknowledged')
  const present = new Set(rows.map((row) => row['n']))
  expect([...acknowledged].filter((n) => !present.has(n))).toEqual([])
}

test('kill -9 of the process loses no acknowledged write and leaves no server', async () => {
  await using area = await scratch()
  const acknowledged = new Set<number>()
  for (let round = 0; round < rounds; round += 1) {
    await crashRound(area.path, acknowledged, async (child, postmaster) => {
      await child.kill()
      // Every other round starts anew at once, while the old server is still going down.
      if (round % 2 === 0) await untilGone(postmaster)
    })
  }
  expect(acknowledged.size).toBeGreaterThanOrEqual(rounds * 20)
}, 60_000)

test('kill -9 of the server loses no acknowledged write', async () => {
  await using area = await scratch()
  const acknowledged = new Set<number>()
  for (let round = 0; round < rounds; round += 1) {
    await crashRound(area.path, acknowledged, async (child, postmaster) => {
      process.kill(postmaster, 'SIGKILL')
      await untilGone(postmaster)
      await child.kill()
    })
  }
  expect(acknowledged.size).toBeGreaterThanOrEqual(rounds * 20)
}, 60_000)

test('the death of the server is told, and its home can be started again', async () => {
  await using area = await scratch()
  const first = await startEmbeddedPostgres({ home: area.path })
  process.kill(postmasterOf(join(area.path, 'postgres')), 'SIGKILL')
  expect((await first.died).message).toBe('the embedded PostgreSQL was ended by SIGKILL')
  await first.stop()
  await using second = await startEmbeddedPostgres({ home: area.path })
  expect(await query(second.connection, 'select 1 as n')).toEqual([{ n: 1 }])
})

test('the death is told, and the home starts again, though a query outlives the server', async () => {
  await using area = await scratch()
  const first = await startEmbeddedPostgres({ home: area.path })
  const busy = 'select count(*) from generate_series(1, 100000000000) as n where n < 0'
  const endless = query(first.connection, busy).catch((error: unknown) => error)
  await sleep(300)
  process.kill(postmasterOf(join(area.path, 'postgres')), 'SIGKILL')
  await first.died
  await first.stop()
  await using second = await startEmbeddedPostgres({ home: area.path })
  expect(second.leftover).toBe('stopped')
  expect(await endless).toBeInstanceOf(Error)
  expect(await query(second.connection, 'select 1 as n')).toEqual([{ n: 1 }])
}, 20_000)

test('stop() is no death', async () => {
  await using area = await scratch()
  const database = await startEmbeddedPostgres({ home: area.path })
  await Promise.all([database.stop(), database.stop()])
  expect(await Promise.race([database.died, sleep(200, 'quiet')])).toBe('quiet')
})

/** The shells that watch for the parent's death on this data directory. */
function watchersOf(dataDirectory: string): number[] {
  const listing = execFileSync('ps', ['-axww', '-o', 'pid=,command='], { encoding: 'utf8' })
  return listing
    .split('\n')
    .filter((line) => line.includes('/bin/sh') && line.includes(dataDirectory))
    .map((line) => Number.parseInt(line, 10))
}

/** A server that nothing watches any more, whose parent is gone. */
async function orphan(home: string): Promise<{ pid: number; connection: EmbeddedConnection }> {
  const child = startChild('hold', home)
  const { connection } = (await child.at(0)) as { connection: EmbeddedConnection }
  const pid = postmasterOf(join(home, 'postgres'))
  for (const watcher of watchersOf(join(home, 'postgres'))) process.kill(watcher, 'SIGKILL')
  await child.kill()
  await sleep(300)
  expect(isAlive(pid)).toBe(true)
  return { pid, connection }
}

test('a server that was left running is stopped, with a session open in it', async () => {
  await using area = await scratch()
  const left = await orphan(area.path)
  const sleeping = query(left.connection, 'select pg_sleep(60)').catch((error: unknown) => error)
  await sleep(100)
  await using database = await startEmbeddedPostgres({ home: area.path })
  expect(database.leftover).toBe('stopped')
  await untilGone(left.pid)
  expect(await sleeping).toBeInstanceOf(Error)
  expect(await query(database.connection, 'select 1 as n')).toEqual([{ n: 1 }])
}, 20_000)

test('a stale postmaster.pid whose number is another process blocks nothing and harms nobody', async () => {
  await using area = await scratch()
  const data = join(area.path, 'postgres')
  const first = await startEmbeddedPostgres({ home: area.path })
  const text = readFileSync(join(data, 'postmaster.pid'), 'utf8')
  await first.stop()
  for (const content of [text.replace(/^\d+/, String(process.pid)), '', 'nonsense']) {
    await writeFile(join(data, 'postmaster.pid'), content)
    await using database = await startEmbeddedPostgres({ home: area.path })
    expect(database.leftover).toBe('none')
    expect(await query(database.connection, 'select 1 as n')).toEqual([{ n: 1 }])
  }
})

test('the server of a copied data directory is not taken for a leftover', async () => {
  await using area = await scratch()
  const original = join(area.path, 'original')
  await (await startEmbeddedPostgres({ home: original })).stop()
  const copy = join(area.path, 'copy')
  await using running = await startEmbeddedPostgres({ home: original })
  const lockFile = readFileSync(join(original, 'postgres', 'postmaster.pid'), 'utf8')
  await startEmbeddedPostgres({ home: copy }).then((made) => made.stop())
  await writeFile(join(copy, 'postgres', 'postmaster.pid'), lockFile)
  await using other = await startEmbeddedPostgres({ home: copy })
  expect(other.leftover).toBe('none')
  expect(await query(running.connection, 'select 1 as n')).toEqual([{ n: 1 }])
})
