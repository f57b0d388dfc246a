import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseCheckpoint } from '../../src/audit/checkpoint.ts'
import { hashBytes, leafHash } from '../../src/audit/merkle.ts'
import { parseNote, parseVerifierKey, verifyNote } from '../../src/audit/note.ts'
import { entriesOf } from '../../src/audit/tiles.ts'
import { provesConsistency, provesInclusion } from '../../src/audit/verify-proof.ts'
import { everythingLogged } from '../support/audit-log.ts'
import { expectRefused } from '../support/refused.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type World } from '../world.ts'

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
  for (let i = 0; i < 30; i += 1) await make.application()
  await everythingLogged(world)
})

afterAll(() => world[Symbol.asyncDispose]())

function hash(text: string): Buffer {
  return Buffer.from(text, 'base64')
}

/** A file of the zone's log, as any transparency tool would fetch it. */
function file(path: string, token: string | null = null): Promise<Response> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` }
  return fetch(`${world.url}/audit/zones/${make.zone}/${path}`, { headers })
}

async function checkpoint() {
  const note = parseNote(await (await file('checkpoint')).text())
  const key = parseVerifierKey((await (await file('key')).text()).trim())
  const read = parseCheckpoint(note?.text ?? '')
  if (note === null || key === null || read === null) throw new Error('no checkpoint')
  expect(verifyNote(note, key).signed).toBe(true)
  expect(read.origin).toBe(key.name)
  return read
}

describe('the log of a zone', () => {
  test('has a checkpoint that its key has signed, over every event so far', async () => {
    const { size, origin } = await checkpoint()
    const { items } = await make.call('audit.list', { limit: 500 })
    expect(size).toBeGreaterThanOrEqual(30)
    expect(items.every(({ sequence }) => sequence === null || sequence < size + 1)).toBe(true)
    expect(origin).toBe(`${new URL(world.url).host}/audit/zones/${make.zone}`)
  })

  test('numbers events in the order in which they were recorded, without a gap', async () => {
    const { items } = await make.call('audit.list', { type: 'applications.create', limit: 500 })
    const places = items.map(({ sequence }) => sequence ?? -1)
    expect(places).toEqual(places.toSorted((a, b) => b - a))
    const { items: entries, size } = await make.call('audit.entries', {})
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, i) => i))
    expect(entries.length).toBe(Math.min(size, 256))
  })

  test('serves its files with the types and caches that tlog-tiles asks for', async () => {
    const { size } = await checkpoint()
    const note = await file('checkpoint')
    expect(note.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(note.headers.get('cache-control')).toBe('public, max-age=1')
    const tile = await file(`tile/0/000.p/${size}`)
    expect(tile.headers.get('content-type')).toBe('application/octet-stream')
    expect(tile.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    const hashes = Buffer.from(await tile.arrayBuffer())
    expect(hashes.length).toBe(size * hashBytes)
    const bundle = await file(`tile/entries/000.p/${size}`, world.token)
    expect(bundle.headers.get('cache-control')).toMatch(/^private/)
    const entries = entriesOf(Buffer.from(await bundle.arrayBuffer()))
    expect(Buffer.concat(entries.map((entry) => leafHash(entry)))).toEqual(hashes)
  })

  test.each(['tile/0/000', 'tile/0/001', 'tile/1/000', 'tile/0/000.p/255', 'tile/zero', 'nothing'])(
    'has no %s',
    async (path) => {
      expect((await file(path)).status).toBe(404)
    },
  )

  test('shows a smaller tile of an earlier size as it was', async () => {
    const small = Buffer.from(await (await file('tile/0/000.p/7')).arrayBuffer())
    const { size } = await checkpoint()
    const large = Buffer.from(await (await file(`tile/0/000.p/${size}`)).arrayBuffer())
    expect(small).toEqual(large.subarray(0, 7 * hashBytes))
  })

  test('of a zone that does not exist is not found', async () => {
    const answer = await fetch(`${world.url}/audit/zones/nowhere/checkpoint`)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ error: 'zone_not_found' })
  })

  test.each([
    [null, 'invalid_admin_token'],
    ['cat_wrong', 'invalid_admin_token'],
    ['reader', 'audit_capability_required'],
  ] as const)('shows no entry to the credential %s', async (kind, code) => {
    const token = kind === 'reader' ? await world.person('reader', ['read', 'write']) : kind
    const path = `/audit/zones/${make.zone}/tile/entries/000.p/7`
    await expectRefused(world, code, () => world.call('GET', path, undefined, { token }))
  })
})

describe('proofs', () => {
  test('show that every event is in the log', async () => {
    const { items } = await make.call('audit.list', { type: 'applications.create' })
    for (const event of items.slice(0, 10)) {
      const proof = await make.call('audit.proof', { event_id: event.id })
      const { size, root_hash } = proof.checkpoint
      expect(JSON.parse(proof.entry)).toMatchObject({ id: event.id, type: event.type })
      expect(leafHash(proof.entry)).toEqual(hash(proof.leaf_hash))
      const path = proof.hashes.map(hash)
      const root = hash(root_hash)
      expect(provesInclusion(hash(proof.leaf_hash), proof.sequence, size, root, path)).toBe(true)
    }
  })

  test('show that the log only ever grew', async () => {
    const before = await make.call('audit.checkpoint', {})
    await make.application()
    await everythingLogged(world)
    const { checkpoint: after, hashes } = await make.call('audit.consistency', {
      from: before.size,
    })
    expect(after.size).toBeGreaterThan(before.size)
    const trees = [before, after].map(({ size, root_hash }) => ({ size, root: hash(root_hash) }))
    const [earlier, later] = trees as [(typeof trees)[0], (typeof trees)[0]]
    expect(provesConsistency(earlier, later, hashes.map(hash))).toBe(true)
  })

  test.each([
    ['events/evt_01h455vb4pex5vsknk084sn02q/proof', 'not_found'],
    ['checkpoint?size=4000000', 'not_found'],
    ['consistency?from=4000000', 'invalid_query'],
    ['consistency', 'invalid_query'],
  ] as const)('refuses %s', async (path, code) => {
    const url = `/v1/zones/${make.zone}/audit/${path}`
    await expectRefused(world, code, () => world.call('GET', url))
  })
})

test('an auditor reads the audit log and nothing else', async () => {
  const auditor = await world.person('auditor', ['audit'])
  const reads = ['audit', 'audit/checkpoint', 'audit/entries', 'audit/export', 'audit/verify']
  for (const path of reads) {
    const answer = await world.call('GET', `/v1/zones/${make.zone}/${path}`, undefined, {
      token: auditor,
    })
    expect(answer.status, path).toBe(200)
  }
  for (const path of ['applications', 'grants', 'plans', 'policies', 'webhooks', 'witnesses'])
    await expectRefused(world, 'read_capability_required', () =>
      world.call('GET', `/v1/zones/${make.zone}/${path}`, undefined, { token: auditor }),
    )
})
