import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { checkpointText } from '../../src/audit/checkpoint.ts'
import { emptyTree } from '../../src/audit/growing-tree.ts'
import { leafHash } from '../../src/audit/merkle.ts'
import { generateNoteKey, noteSigner, signNote, type NoteSigner } from '../../src/audit/note.ts'
import { openVault } from '../../src/kernel/vault.ts'
import { runCommand, type Ran } from '../cli/terminal.ts'
import { everythingLogged } from '../support/audit-log.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

/**
 * Guarantee: whoever changes the log afterwards, with all the rights that the database gives, is found
 * out by `audit verify`, which names what was done and the first event concerned.
 */
let world: World
let make: ZoneMaker
let home: string

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

beforeEach(async () => {
  make = await newZone(world)
  home = mkdtempSync(join(tmpdir(), 'caracal-auditor-'))
  await grow(12)
})

async function grow(events: number): Promise<void> {
  for (let i = 0; i < events; i += 1) await make.application()
  await everythingLogged(world)
}

/** Verifies as an auditor who comes back with what was verified before. */
function verify(...more: string[]): Promise<Ran> {
  const env = {
    CARACAL_URL: world.url,
    CARACAL_ADMIN_TOKEN: world.token,
    CARACAL_HOME: home,
    CARACAL_ZONE: make.zone,
  }
  return runCommand(['--json', 'audit', 'verify', ...more], { env })
}

async function expectFinding(kind: string, sequence: number | null): Promise<void> {
  const { exit, json } = await verify()
  expect(exit, JSON.stringify(json)).toBe(1)
  expect(json).toMatchObject({ verified: false })
  expect(json.findings[0]).toMatchObject({ kind, sequence })
}

/** The server says the same of what it can see without an earlier checkpoint. */
async function expectServerFinding(kind: string, sequence: number | null): Promise<void> {
  const { verified, findings } = await make.call('audit.verify', {})
  expect(verified).toBe(false)
  expect(findings[0]).toMatchObject({ kind, sequence })
}

function sql(text: string, ...values: unknown[]): Promise<unknown> {
  return world.sql(text, [make.zone, ...values])
}

/** The key of the zone's log, as somebody has it who holds the database and the master key. */
async function stolenSigner(): Promise<NoteSigner> {
  const [row] = await world.sql<{ origin: string; public_key: Buffer; sealed_private: Buffer }>(
    'select origin, public_key, sealed_private from logs where zone_id = $1',
    [make.zone],
  )
  if (row === undefined) throw new Error('the zone has no log')
  const purpose = `log-key:${make.zone}`
  const privateDer = openVault(world.masterKey).open(row.sealed_private, purpose)
  return noteSigner(row.origin, row.public_key, privateDer)
}

/** Makes the tree anew out of the entries as they are, and has it signed. */
async function forgeTree(signer: NoteSigner): Promise<void> {
  const entries = await world.sql<{ entry: string }>(
    'select entry::text as entry from events_logged where zone_id = $1 order by sequence',
    [make.zone],
  )
  const tree = emptyTree()
  for (const { entry } of entries) tree.append(leafHash(entry))
  for (const { level, index, hashes } of tree.takeChanged())
    await sql(
      'update log_tiles set hashes = $4 where zone_id = $1 and level = $2 and index = $3',
      ...[level, index, hashes],
    )
  const text = checkpointText({ origin: signer.name, size: tree.size, root: tree.root() })
  await sql(
    `insert into log_checkpoints values ($1, $2, $3, '{}', now())
     on conflict (zone_id, size) do update set note = excluded.note`,
    ...[tree.size, signNote(text, signer)],
  )
}

describe('a log that nobody has changed', () => {
  test('verifies, is remembered, and verifies again when it has grown', async () => {
    const first = await verify()
    expect(first).toMatchObject({ exit: 0, json: { verified: true, findings: [], pruned: 0 } })
    expect(readdirSync(join(home, 'verified-logs'))).toHaveLength(1)
    await grow(3)
    const second = await verify()
    expect(second.json.size).toBeGreaterThanOrEqual(Number(first.json.size) + 3)
    expect(second.exit).toBe(0)
    expect(await make.call('audit.verify', {})).toMatchObject({ verified: true, findings: [] })
  })

  test('verifies with a key that was given, and with no other', async () => {
    const { verifier_key } = await make.call('audit.checkpoint', {})
    expect((await verify('--key', verifier_key)).exit).toBe(0)
    const other = await newZone(world)
    await other.application()
    await everythingLogged(world)
    const wrong = (await other.call('audit.checkpoint', {})).verifier_key
    const { exit, json } = await verify('--key', wrong)
    expect(exit).toBe(1)
    expect(json.findings[0]).toMatchObject({ kind: 'forged_checkpoint' })
    expect((await verify('--key', 'nonsense')).exit).toBe(2)
  })
})

describe('is found and named', () => {
  test('an edited row', async () => {
    await sql(
      `update events_logged set entry = replace(entry::text, 'administrator', 'somebody')::json
       where zone_id = $1 and sequence = 7`,
    )
    await expectFinding('edited', 7)
    await expectServerFinding('edited', 7)
  })

  test('a reordered pair', async () => {
    await sql(
      `update events_logged a set entry = b.entry from events_logged b
       where a.zone_id = $1 and b.zone_id = $1 and a.sequence in (4, 5)
         and b.sequence = 9 - a.sequence`,
    )
    await expectFinding('reordered', 4)
    await expectServerFinding('reordered', 4)
  })

  test('a row that was removed', async () => {
    await sql('delete from events_logged where zone_id = $1 and sequence = 6')
    await expectFinding('missing', 6)
    await expectServerFinding('missing', 6)
  })

  test('a hash that was changed with its row', async () => {
    await sql(
      `update events_logged set entry = replace(entry::text, 'administrator', 'somebody')::json
       where zone_id = $1 and sequence = 3`,
    )
    const [row] = await world.sql<{ entry: string }>(
      'select entry::text as entry from events_logged where zone_id = $1 and sequence = 3',
      [make.zone],
    )
    await sql(
      `update log_tiles set hashes = overlay(hashes placing $2::bytea from 97)
       where zone_id = $1 and level = 0`,
      leafHash(row?.entry ?? ''),
    )
    await expectFinding('tree_mismatch', null)
    await expectServerFinding('tree_mismatch', null)
  })

  test('a checkpoint that another key has signed', async () => {
    const { publicKey, privateDer } = generateNoteKey()
    const { origin } = await make.call('audit.checkpoint', {})
    await forgeTree(noteSigner(origin, publicKey, privateDer))
    await expectFinding('forged_checkpoint', null)
  })

  test('a log in the place of another', async () => {
    expect((await verify()).exit).toBe(0)
    const { publicKey, privateDer } = generateNoteKey()
    await sql('update logs set public_key = $2, origin = $3 where zone_id = $1', publicKey, 'new')
    await forgeTree(noteSigner('new', publicKey, privateDer))
    await expectFinding('forged_checkpoint', null)
  })

  test('a tail that was cut off', async () => {
    const { size } = await make.call('audit.checkpoint', {})
    await grow(4)
    const file = join(home, 'kept')
    expect((await verify('--save', file)).exit).toBe(0)
    await sql('delete from events_logged where zone_id = $1 and sequence >= $2', size)
    await sql('delete from log_checkpoints where zone_id = $1 and size > $2', size)
    await sql(
      `update log_tiles set hashes = substring(hashes from 1 for 32 * $2::int)
       where zone_id = $1 and level = 0`,
      size,
    )
    await sql('update logs set size = $2 where zone_id = $1', size)
    expect(await make.call('audit.verify', {})).toMatchObject({ verified: true })
    await expectFinding('truncated', size)
    rmSync(join(home, 'verified-logs'), { recursive: true })
    expect((await verify('--checkpoint', file)).json.findings[0]).toMatchObject({
      kind: 'truncated',
      sequence: size,
    })
  })

  test('another history, even where it is signed with the key of the log', async () => {
    expect((await verify()).exit).toBe(0)
    await sql(
      `update events_logged set entry = replace(entry::text, 'administrator', 'somebody')::json
       where zone_id = $1 and sequence = 2`,
    )
    await forgeTree(await stolenSigner())
    expect(await make.call('audit.verify', {})).toMatchObject({ verified: true })
    await expectFinding('split_view', null)
  })
})

describe('what was verified before', () => {
  test('is not overwritten by a log that does not verify', async () => {
    expect((await verify()).exit).toBe(0)
    await sql("update log_checkpoints set note = 'nothing' where zone_id = $1")
    expect((await verify()).exit).toBe(1)
    expect((await verify()).exit).toBe(1)
  })

  test('and cannot be read any more is told of', async () => {
    expect((await verify()).exit).toBe(0)
    const [name = ''] = readdirSync(join(home, 'verified-logs'))
    writeFileSync(join(home, 'verified-logs', name), '{')
    expect(await verify()).toMatchObject({ exit: 1, json: { error: 'unreadable' } })
  })
})
