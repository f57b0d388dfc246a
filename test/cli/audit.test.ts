import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseNote } from '../../src/audit/note.ts'
import { runCli } from '../../src/cli/program.ts'
import { createIo } from '../../src/cli/io.ts'
import { everythingLogged } from '../support/audit-log.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'
import { openStreams, runCommand, type Ran } from './terminal.ts'

let world: World
let make: ZoneMaker
let home: string

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  home = mkdtempSync(join(tmpdir(), 'caracal-audit-'))
  for (let i = 0; i < 3; i += 1) await make.application()
  await everythingLogged(world)
})
afterAll(async () => {
  rmSync(home, { recursive: true })
  await world[Symbol.asyncDispose]()
})

function env(): Record<string, string> {
  return {
    CARACAL_URL: world.url,
    CARACAL_ADMIN_TOKEN: world.token,
    CARACAL_HOME: home,
    CARACAL_ZONE: make.zone,
  }
}

function caracal(...args: string[]): Promise<Ran> {
  return runCommand(args, { env: env() })
}

describe('audit verify', () => {
  test('says what it has verified, and which key it believed the first time', async () => {
    const first = await caracal('audit', 'verify')
    expect(first).toMatchObject({ exit: 0, out: expect.stringMatching(/^Verified \d+ events of /) })
    const { verifier_key } = await make.call('audit.checkpoint', {})
    expect(first.notes).toContain(verifier_key)
    const second = await caracal('audit', 'verify')
    expect(second).toMatchObject({ exit: 0, notes: expect.not.stringContaining(verifier_key) })
  })

  test('writes the checkpoint that others may keep', async () => {
    const file = join(home, 'checkpoint')
    expect((await caracal('audit', 'verify', '--save', file)).exit).toBe(0)
    expect(parseNote(readFileSync(file, 'utf8'))).not.toBeNull()
    expect((await caracal('audit', 'verify', '--checkpoint', file)).exit).toBe(0)
    writeFileSync(file, readFileSync(file, 'utf8').replace(/\n\d+\n/, '\n1\n'))
    expect(await caracal('audit', 'verify', '--checkpoint', file)).toMatchObject({
      exit: 1,
      out: expect.stringContaining('forged checkpoint'),
    })
    expect((await caracal('audit', 'verify', '--checkpoint', join(home, 'none'))).exit).toBe(2)
  })

  test('of a zone that does not exist says so', async () => {
    const answer = await caracal('--json', '--zone', 'nowhere', 'audit', 'verify')
    expect(answer.json).toMatchObject({ error: 'zone_not_found', hint: expect.any(String) })
    expect(answer.exit).not.toBe(0)
  })

  test('of the platform’s own zone verifies what the platform did', async () => {
    const answer = await caracal('--zone', 'caracal-sys', 'audit', 'verify')
    expect(answer).toMatchObject({ exit: 0, out: expect.stringContaining('Verified') })
  })
})

describe('audit export', () => {
  test('to a folder can be verified with no service, and what was changed in it is found', async () => {
    const folder = join(home, 'mirror')
    const made = await caracal('audit', 'export', '--format', 'tiles', '--output', folder)
    expect(made).toMatchObject({ exit: 0, notes: expect.stringContaining('audit verify --folder') })
    expect(readdirSync(folder).toSorted()).toEqual(['checkpoint', 'key', 'tile'])
    const offline = { ...env(), CARACAL_URL: 'http://127.0.0.1:9' }
    const verify = () => runCommand(['audit', 'verify', '--folder', folder], { env: offline })
    expect(await verify()).toMatchObject({ exit: 0, out: expect.stringContaining('Verified') })
    const [bundle = ''] = readdirSync(join(folder, 'tile/entries/000.p'))
    const file = join(folder, 'tile/entries/000.p', bundle)
    const bytes = readFileSync(file)
    bytes.write('X', bytes.indexOf('zones.create'))
    writeFileSync(file, bytes)
    expect(await verify()).toMatchObject({
      exit: 1,
      out: expect.stringMatching(/^edited {2}Event 0 /),
    })
  })

  test('as JSON lines and CSV goes to a file or to standard output', async () => {
    const file = join(home, 'events.csv')
    expect((await caracal('audit', 'export', '--format', 'csv', '--output', file)).exit).toBe(0)
    expect(readFileSync(file, 'utf8').split('\r\n').length).toBeGreaterThan(4)
    const { out, exit } = await caracal('audit', 'export', '--type', 'applications.create')
    expect(exit).toBe(0)
    const lines = out.trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(
      lines.map(() => 'applications.create'),
    )
  })

  test.each([
    [['--format', 'xml'], '--format takes'],
    [['--format', 'tiles'], 'needs --output'],
  ])('refuses %j', async (args, words) => {
    expect(await caracal('audit', 'export', ...args)).toMatchObject({
      exit: 2,
      notes: expect.stringContaining(words),
    })
  })
})

describe('audit tail', () => {
  test('shows the newest events, oldest first', async () => {
    const { out, exit } = await caracal('audit', 'tail', '--no-follow', '-n', '2')
    expect(exit).toBe(0)
    expect(out.trimEnd().split('\n')).toHaveLength(2)
    expect(out).toContain('audit.')
  })

  test('goes on with what comes, each event once', async () => {
    const { streams, written } = openStreams(false)
    streams.input.end()
    const args = ['--json', 'audit', 'tail', '-n', '1', '--type', 'applications.create']
    const running = runCli(args, { env: env(), io: createIo(streams, false), streams })
    await expect.poll(() => written.out.length, { timeout: 10_000 }).toBeGreaterThan(0)
    for (let i = 0; i < 3; i += 1) await make.application()
    const ids = (): string[] => written.out.map((line) => (JSON.parse(line) as { id: string }).id)
    await expect.poll(() => ids().length, { timeout: 10_000 }).toBe(4)
    const { items } = await make.call('audit.list', { type: 'applications.create', limit: 4 })
    expect(ids()).toEqual(items.map(({ id }) => id).toReversed())
    expect(running).toBeInstanceOf(Promise)
  })
})

describe('audit trace', () => {
  test('shows what a request left and why', async () => {
    const [event] = (await make.call('audit.list', { type: 'applications.create' })).items
    const request = event?.request_id ?? ''
    const shown = await caracal('audit', 'trace', request)
    expect(shown).toMatchObject({ exit: 0, out: expect.stringContaining('applications.create') })
    const { json } = await caracal('--json', 'audit', 'trace', request)
    expect(json).toMatchObject({ items: [{ id: event?.id }], explanation: expect.any(String) })
  })

  test('of a request that left nothing says so', async () => {
    expect(await caracal('audit', 'trace', 'req_nothing')).toMatchObject({
      exit: 1,
      notes: expect.stringContaining('No event'),
    })
  })
})
