import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StartupError } from '../../src/kernel/startup-error.ts'
import { lockDirectory } from '../../src/store/embedded/lock.ts'
import { scratch, startChild } from './embedded-world.ts'

test('a second process is refused at once, with the directory, the holder and the way out', async () => {
  await using area = await scratch()
  const holder = startChild('hold', area.path)
  await holder.at(0)
  const second = startChild('hold', area.path)
  const holderId = String(holder.pid)
  expect(await second.at(0)).toEqual({
    refused: `${area.path} is in use by process ${holderId}.`,
    hint:
      `Stop it first (caracal down, or kill ${holderId}), or start this one with another ` +
      'CARACAL_HOME.',
  })
  await holder.kill()
})

test('a second lock within one process is refused too, and the first survives that', async () => {
  await using area = await scratch()
  const first = lockDirectory(area.path)
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect(() => lockDirectory(area.path)).toThrow(StartupError)
  }
  const other = startChild('lock', area.path)
  expect(await other.at(0)).toMatchObject({
    refused: `${area.path} is in use by process ${String(process.pid)}.`,
  })
  first[Symbol.dispose]()
})

test('the lock goes with its holder, by disposal and by kill -9', async () => {
  await using area = await scratch()
  lockDirectory(area.path)[Symbol.dispose]()
  const holder = startChild('lock', area.path)
  expect(await holder.at(0)).toBe('locked')
  await holder.kill()
  lockDirectory(area.path)[Symbol.dispose]()
  // The file must stay: see lockDirectory.
  expect(existsSync(join(area.path, 'postgres.lock'))).toBe(true)
})

test('of many that race for the lock of a killed holder exactly one gets it', async () => {
  await using area = await scratch()
  let holder = startChild('lock', area.path)
  await holder.at(0)
  for (let round = 0; round < 4; round += 1) {
    const racers = Array.from({ length: 6 }, () => startChild('lock', area.path))
    await holder.kill()
    const answers = await Promise.all(racers.map((racer) => racer.at(0)))
    // A racer that was quicker than the kill was refused; the others still raced for it.
    const winners = racers.filter((_, index) => answers[index] === 'locked')
    expect(winners.length).toBeLessThanOrEqual(1)
    const next = winners[0] ?? startChild('lock', area.path)
    expect(await next.at(0)).toBe('locked')
    holder = next
  }
  await holder.kill()
}, 30_000)

test('a lock file with other content is refused, and says so', async () => {
  await using area = await scratch()
  await writeFile(join(area.path, 'postgres.lock'), 'not a lock'.repeat(200))
  expect(() => lockDirectory(area.path)).toThrow(/cannot be used/)
})
