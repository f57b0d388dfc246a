import { sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { leafHash } from '../../src/audit/merkle.ts'
import {
  encodeVerifierKey,
  generateNoteKey,
  keyIdOf,
  noteSigner,
  parseNote,
  signatureLine,
  signatureTypes,
  signNote,
} from '../../src/audit/note.ts'
import { applyRetention } from '../../src/audit/retention.ts'
import { serverEvents, type ServerEvent } from '../../src/client/event-stream.ts'
import { everythingLogged } from '../support/audit-log.ts'
import { expectRefused } from '../support/refused.ts'
import { newZone, type ZoneMaker } from '../support/zone-maker.ts'
import { startWorld, type Answer, type World } from '../world.ts'

let world: World
let make: ZoneMaker

beforeAll(async () => {
  world = await startWorld()
  make = await newZone(world)
})

afterAll(() => world[Symbol.asyncDispose]())

function read(path: string, zone = make.zone): Promise<Answer> {
  return world.call('GET', `/v1/zones/${zone}/audit${path}`)
}

describe('an export', () => {
  test('as JSON lines has every event as it is hashed, in the order of the log', async () => {
    for (let i = 0; i < 5; i += 1) await make.application()
    await everythingLogged(world)
    const { body, headers } = await read('/export')
    expect(headers.get('content-type')).toBe('application/jsonl; charset=utf-8')
    const lines = String(body).trimEnd().split('\n')
    const { items } = await make.call('audit.entries', {})
    expect(lines.length).toBeGreaterThan(5)
    for (const [i, line] of lines.entries()) {
      expect(JSON.parse(line)).toMatchObject({ sequence: i })
      const entry = `{${line.slice(`{"sequence":${i},`.length)}`
      expect(leafHash(entry)).toEqual(leafHash(items[i]?.entry ?? ''))
    }
  })

  test('as CSV has a head and no cell that a spreadsheet runs', async () => {
    const names = ['=HYPERLINK("http://evil")', '+1', '-2+3', '@SUM(A1)', 'plain, "quoted"']
    for (const name of names) await make.call('applications.create', { name })
    await everythingLogged(world)
    const { body, headers } = await read('/export?format=csv&type=applications.create')
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(headers.get('content-disposition')).toContain('attachment')
    const [head, ...rows] = String(body).trimEnd().split('\r\n')
    expect(head?.split(',').slice(0, 4)).toEqual(['id', 'sequence', 'zone_id', 'time'])
    expect(rows.length).toBeGreaterThanOrEqual(names.length)
    for (const row of rows) expect(row).not.toMatch(/(?:^|,)"?[=+\-@\t]/)
    expect(body).toContain('plain')
  })

  test.each([
    ['outcome=applied&type=zones.create', 1],
    ['type=nothing.such', 0],
    ['from=2100-01-01T00:00:00Z', 0],
  ])('keeps to its filter: %s', async (query, count) => {
    const { body } = await read(`/export?${query}`)
    expect(String(body).split('\n').filter(Boolean)).toHaveLength(count)
  })

  test('refuses a format that it does not know', async () => {
    const url = `/v1/zones/${make.zone}/audit/export?format=xml`
    await expectRefused(world, 'invalid_query', () => world.call('GET', url))
  })
})

describe('a search', () => {
  test('takes every filter, alone and in pairs, and gives what has it', async () => {
    const grant = await make.grant()
    const { items } = await make.call('audit.list', { type: 'grants.create', limit: 1 })
    const [event] = items
    if (event === undefined) throw new Error('nothing is recorded')
    const filters = {
      type: event.type,
      outcome: event.outcome,
      actor: event.actor.id,
      application_id: grant.application_id,
      request_id: event.request_id,
      from: new Date(Date.parse(event.time) - 1).toISOString(),
      to: new Date(Date.parse(event.time) + 1).toISOString(),
    }
    const names = Object.keys(filters) as (keyof typeof filters)[]
    for (const one of names)
      for (const two of names) {
        const found = await make.call('audit.list', { [one]: filters[one], [two]: filters[two] })
        expect(found.items.map(({ id }) => id)).toContain(event.id)
      }
    expect((await make.call('audit.list', { ...filters, outcome: 'deny' })).items).toEqual([])
  })

  test('finds an event before it has its place, and with it afterwards', async () => {
    await world.sql(`select pg_advisory_lock(hashtext('caracal.sequencer'))`)
    const application = await make.application()
    const search = { application_id: application.id }
    const [waiting] = (await make.call('audit.list', search)).items
    expect(waiting).toMatchObject({ type: 'applications.create', sequence: null })
    const path = `/v1/zones/${make.zone}/audit/events/${waiting?.id ?? ''}/proof`
    await expectRefused(world, 'not_ready', () => world.call('GET', path))
    await world.sql(`select pg_advisory_unlock(hashtext('caracal.sequencer'))`)
    await everythingLogged(world)
    const [placed] = (await make.call('audit.list', search)).items
    expect(placed).toEqual({ ...waiting, sequence: expect.any(Number) })
  })
})

describe('a feed', () => {
  /** Follows until a number of events have come. */
  async function follow(
    count: number,
    query: string,
    meanwhile: () => Promise<unknown>,
    headers: Record<string, string> = {},
  ): Promise<ServerEvent[]> {
    const stop = new AbortController()
    const response = await fetch(`${world.url}/v1/zones/${make.zone}/audit/feed${query}`, {
      headers: { authorization: `Bearer ${world.token}`, ...headers },
      signal: stop.signal,
    })
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const events: ServerEvent[] = []
    const doing = meanwhile()
    if (response.body === null) throw new Error('the feed has no body')
    for await (const event of serverEvents(response.body)) {
      events.push(event)
      if (events.length === count) break
    }
    stop.abort()
    await doing
    return events
  }

  const makeMany = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 1) await make.application()
  }

  test('gives each event once in the order of the log, and goes on where it broke off', async () => {
    const only = '?type=applications.create'
    const first = await follow(3, only, () => makeMany(5))
    const last = first.at(-1)?.id ?? ''
    await everythingLogged(world)
    const rest = await follow(2, only, () => Promise.resolve(), { 'last-event-id': last })
    const places = [...first, ...rest].map(({ id }) => Number(id))
    expect(places).toEqual([...new Set(places)].toSorted((a, b) => a - b))
    const { items } = await make.call('audit.list', { type: 'applications.create', limit: 5 })
    expect(places).toEqual(items.map(({ sequence }) => sequence).toReversed())
    expect([...first, ...rest].map(({ data }) => data['id'])).toEqual(
      items.map(({ id }) => id).toReversed(),
    )
  })

  test('from a place gives what is there already', async () => {
    const events = await follow(4, '?after=-1', () => Promise.resolve())
    expect(events.map(({ id }) => id)).toEqual(['0', '1', '2', '3'])
  })

  test('ends with the credential that it was opened with', async () => {
    const { token, id } = await world.admin.adminTokens.create({
      principal_name: 'passing auditor',
      principal_kind: 'person',
      capabilities: ['audit'],
    })
    const response = await fetch(`${world.url}/v1/zones/${make.zone}/audit/feed`, {
      headers: { authorization: `Bearer ${token}` },
    })
    await world.admin.adminTokens.delete({ admin_token_id: id })
    // It looks at the credential again between two heartbeats, and the body then ends.
    await response.text()
  })

  test('and entries end for who has lost the capability, within the minute of a reader too', async () => {
    await everythingLogged(world)
    const { token, id } = await world.admin.adminTokens.create({
      principal_name: 'demoted auditor',
      principal_kind: 'person',
      capabilities: ['audit'],
    })
    const response = await fetch(`${world.url}/v1/zones/${make.zone}/audit/feed`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const path = `/audit/zones/${make.zone}/tile/entries/000.p/1`
    expect((await world.call('GET', path, undefined, { token })).status).toBe(200)
    await world.sql(`update admin_tokens set capabilities = '{read}' where id = $1`, [id])
    await expectRefused(world, 'audit_capability_required', () =>
      world.call('GET', path, undefined, { token }),
    )
    await response.text()
  })

  test('does not keep the service from closing', async () => {
    const own = await startWorld()
    const url = `${own.url}/v1/zones/default/audit/feed`
    const headers = { authorization: `Bearer ${own.token}` }
    const response = await fetch(url, { headers })
    await own[Symbol.asyncDispose]()
    expect(await response.text()).toContain('retry: 1000')
  })

  test('is refused to whoever may not read the audit log', async () => {
    const token = await world.person('curious', ['read'])
    const url = `/v1/zones/${make.zone}/audit/feed`
    await expectRefused(world, 'audit_capability_required', () =>
      world.call('GET', url, undefined, { token }),
    )
  })
})

describe('a witness', () => {
  const { publicKey, privateDer } = generateNoteKey()
  const key = { name: 'witness.example/w1', type: signatureTypes.cosignature, publicKey }

  function cosign(note: string, name = key.name): string {
    const { text } = parseNote(note) ?? { text: '' }
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(1_790_000_000n)
    const message = Buffer.from(`cosignature/v1\ntime 1790000000\n${text}`)
    const signature = sign(null, message, noteSigner(name, publicKey, privateDer).privateKey)
    return `${note}${signatureLine(name, keyIdOf({ ...key, name }), Buffer.concat([time, signature]))}\n`
  }

  function post(note: string): Promise<Answer> {
    return world.call('POST', `/audit/zones/${make.zone}/cosignatures`, note, {
      token: null,
      headers: { 'content-type': 'text/plain' },
    })
  }

  test('that is known has its cosignature kept under the checkpoint', async () => {
    await make.call('witnesses.create', {
      name: 'independent',
      verifier_key: encodeVerifierKey(key),
    })
    await everythingLogged(world)
    const { note, size } = await make.call('audit.checkpoint', {})
    const mark = await world.eventCount()
    expect((await post(cosign(note))).status).toBe(204)
    const [event] = (await world.events(mark)).filter(({ type }) => type === 'log.cosign')
    expect(event).toMatchObject({ outcome: 'applied', zone_id: make.zone })
    const kept = await make.call('audit.checkpoint', { size })
    expect(kept.note).toBe(cosign(note))
    expect(parseNote(kept.note)?.signatures.map(({ name }) => name)).toContain(key.name)
  })

  test.each([
    ['a note that is none', () => 'hello', 'invalid_body'],
    ['nothing signed', (note: string) => note, 'cosignature_invalid'],
    [
      'a name that is unknown',
      (note: string) => cosign(note, 'other.example'),
      'cosignature_invalid',
    ],
    [
      'another text',
      (note: string) => cosign(note.replace(/\n[A-Za-z0-9+/]{43}=\n/, `\n${'A'.repeat(43)}=\n`)),
      'conflict',
    ],
    [
      'a size that was never signed',
      (note: string) => cosign(note.replace(/\n\d+\n/, '\n999999\n')),
      'not_found',
    ],
    [
      'a signature of the log’s kind by the witness',
      (note: string) =>
        signNote(parseNote(note)?.text ?? '', noteSigner(key.name, publicKey, privateDer)),
      'cosignature_invalid',
    ],
  ] as const)('is refused %s', async (_, change, code) => {
    await everythingLogged(world)
    const { note } = await make.call('audit.checkpoint', {})
    await everythingLogged(world)
    await expectRefused(world, code, () => post(change(note)))
  })

  test('is made with a key of its kind', async () => {
    const { verifier_key } = await make.call('audit.checkpoint', {})
    for (const wrong of [verifier_key, 'nonsense', `${encodeVerifierKey(key)}x`])
      await expectRefused(world, 'invalid_body', () =>
        world.call('POST', `/v1/zones/${make.zone}/witnesses`, { name: 'w', verifier_key: wrong }),
      )
  })
})

describe('retention', () => {
  test('removes old bodies, leaves their hashes and its event, and the log verifies', async () => {
    const own = await newZone(world)
    await own.call('zones.patch', { audit_retention_days: 30 })
    const insert = `insert into events_pending (zone_id, entry)
      select $1, json_build_object('id', 'evt_' || lpad(n::text, 26, '0'), 'zone_id', $1::text,
        'time', to_char($2::timestamptz at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'type', 'token.exchange', 'outcome', 'allow', 'request_id', 'req_' || n,
        'actor', json_build_object('kind', 'anonymous', 'id', 'anonymous', 'name', ''))
      from generate_series(1, 700) n`
    await everythingLogged(world)
    await world.sql(insert, [own.zone, new Date(world.now())])
    await everythingLogged(world)
    const [{ id: old } = { id: '' }] = await world.sql<{ id: string }>(
      'select id from events_logged where zone_id = $1 and sequence = 100',
      [own.zone],
    )
    await applyRetention(world.service.context)
    expect(await own.call('audit.entries', {})).toMatchObject({ pruned: 0 })
    world.pass(31 * 86_400_000)
    await applyRetention(world.service.context)
    await applyRetention(world.service.context)
    const { pruned, items } = await own.call('audit.entries', { from: 0 })
    expect({ pruned, items }).toEqual({ pruned: 512, items: [] })
    const events = await own.call('audit.list', { type: 'log.prune' })
    expect(events.items).toMatchObject([{ diagnostics: { from: 0, to: 512 }, outcome: 'applied' }])
    await everythingLogged(world)
    expect(await own.call('audit.verify', {})).toMatchObject({
      verified: true,
      pruned: 512,
      findings: [],
    })
    const gone = await world.call('GET', `/audit/zones/${own.zone}/tile/entries/000`)
    expect(gone).toMatchObject({ status: 410, body: { error: 'audit_pruned' } })
    expect((await world.call('GET', `/audit/zones/${own.zone}/tile/0/000`)).status).toBe(200)
    await expectRefused(world, 'not_found', () =>
      world.call('GET', `/v1/zones/${own.zone}/audit/events/${old}/proof`),
    )
  })
})
