import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everythingLogged } from '../support/audit-log.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

const run = promisify(execFile)
const source = join(import.meta.dirname, 'tlog')
const program = join(mkdtempSync(join(tmpdir(), 'caracal-tlog-')), 'tlog-check')

/** Whether the program of another implementation can be built here; without Go its vectors stand for it. */
const built = await run('go', ['build', '-o', program, '.'], { cwd: source }).then(
  () => true,
  (error: unknown) => {
    process.stdout.write(`tlog-check is not built (${String(error).slice(0, 200)}): not tested\n`)
    return false
  },
)

let world: World
let make: ZoneMaker

interface Checked {
  readonly origin: string
  readonly size: number
  readonly root: string
  readonly entries: number
  readonly consistent: boolean
}

async function check(...more: string[]): Promise<Checked> {
  const { verifier_key } = await make.call('audit.checkpoint', {})
  const prefix = `${world.url}/audit/zones/${make.zone}`
  const args = ['-prefix', prefix, '-key', verifier_key, ...more]
  return JSON.parse((await run(program, args)).stdout) as Checked
}

describe.skipIf(!built)('a transparency tool of others', () => {
  beforeAll(async () => {
    world = await startWorld()
    make = await newZone(world)
    await world.sql(
      `insert into events_pending (zone_id, entry)
       select $1, json_build_object('id', 'evt_' || n, 'time', now(), 'type', 'token.exchange',
         'outcome', 'allow', 'request_id', 'req', 'actor', json_build_object('id', 'nobody'))
       from generate_series(1, 66000) n`,
      [make.zone],
    )
    await everythingLogged(world)
  }, 120_000)
  afterAll(() => world[Symbol.asyncDispose]())

  test('opens the checkpoint, reads the tiles and finds every entry in the tree', async () => {
    const { origin, root_hash } = await make.call('audit.checkpoint', {})
    const checked = await check('-token', world.token)
    expect(checked).toMatchObject({ origin, root: root_hash })
    expect(checked.size).toBeGreaterThan(66_000)
    expect(checked.entries).toBe(checked.size)
  }, 120_000)

  test('sees with the key alone that the log continues what it was', async () => {
    const before = await make.call('audit.checkpoint', {})
    for (let i = 0; i < 3; i += 1) await make.application()
    await everythingLogged(world)
    const checked = await check('-old', `${before.size},${before.root_hash}`)
    expect(checked).toMatchObject({ consistent: true, entries: 0 })
    expect(checked.size).toBeGreaterThan(before.size)
  })

  test('finds what was changed', async () => {
    const before = await make.call('audit.checkpoint', {})
    const wrong = `${before.size - 1},${before.root_hash}`
    await expect(check('-old', wrong)).rejects.toThrow(/tlog/)
    await world.sql(
      `update events_logged set entry = replace(entry::text, 'allow', 'deny')::json
       where zone_id = $1 and sequence = 12345`,
      [make.zone],
    )
    await expect(check('-token', world.token)).rejects.toThrow('entry 12345')
    await world.sql(
      `update log_tiles set hashes = overlay(hashes placing '\\x00'::bytea from 7)
       where zone_id = $1 and level = 0 and index = 3`,
      [make.zone],
    )
    await expect(check('-token', world.token)).rejects.toThrow(/entry 76\d/)
  }, 60_000)
})
