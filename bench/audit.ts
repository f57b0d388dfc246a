import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { parseVerifierKey } from '../src/audit/note.ts'
import { inclusionProof } from '../src/audit/proofs.ts'
import { verifyLog } from '../src/audit/verify-log.ts'
import { folderSource } from '../src/cli/audit/log-sources.ts'
import type { ZoneId } from '../src/kernel/ids.ts'
import { packageFile } from '../src/kernel/package-root.ts'
import { readTiles } from '../src/store/audit-log.ts'
import { openDatabase, type Database } from '../src/store/database.ts'
import { directForm } from './exchange.ts'
import { figure, percentiles, type Figure } from './figure.ts'
import { createInstallation, startOnDatabase, type Running } from './installation.ts'
import { underLoad } from './load.ts'
import { megabytesOf } from './memory.ts'
import { inTurn, seedClients, zone } from './seed.ts'
import type { Settings } from './settings.ts'

/** Events in the log of one zone, one size after the other. */
const sizes = [10_000, 100_000, 1_000_000] as const
const proofs = 500
const searches = 20

/** What it costs to keep a log that outsiders can check, and to read it. */
export async function measureAudit(settings: Settings): Promise<readonly Figure[]> {
  return [...(await underExchanges(settings)), ...(await bySize())]
}

/** Every exchange leaves a durable event; beside them one a quarter of a second is followed into the log. */
async function underExchanges(settings: Settings): Promise<readonly Figure[]> {
  const { profile, connections, seconds } = settings
  await using installation = await createInstallation(profile)
  await using service = await installation.start()
  const clients = await seedClients(service.admin, 20)
  const requests = clients.map((client) => ({ zone, form: directForm(client) }))
  const done = new AbortController()
  const delays = followEvents(service, done.signal)
  const measured = await underLoad({ service, requests, connections, bound: { seconds } })
  done.abort()
  const delaysMs = await delays
  return [
    figure('audit.recorded', measured),
    figure('audit.checkpoint', { ...percentiles(delaysMs), note: `${delaysMs.length} events` }),
  ]
}

/** From the answer to a change to the checkpoint that has its event in it. */
async function followEvents({ admin }: Running, signal: AbortSignal): Promise<readonly number[]> {
  const delaysMs: number[] = []
  for (let nth = 0; !signal.aborted; nth += 1) {
    const { id } = await admin.applications.create(zone, { name: `followed ${nth}` })
    const fromMs = performance.now()
    const { items } = await admin.audit.list(zone, { application_id: id, limit: 1 })
    const event_id = items[0]?.id ?? ''
    while (!(await admin.audit.proof(zone, { event_id }).then(isThere, isNot))) await sleep(10)
    delaysMs.push(performance.now() - fromMs)
    await sleep(250, undefined, { signal }).catch(() => undefined)
  }
  return delaysMs
}

function isThere(): boolean {
  return true
}

function isNot(): boolean {
  return false
}

async function bySize(): Promise<readonly Figure[]> {
  await using started = await startOnDatabase()
  const { service, connection } = started
  await using db = openDatabase(connection)
  const owner = new pg.Client(connection)
  await owner.connect()
  const { id } = await service.admin.zones.get(zone)
  const log: Log = { service, db, owner, zone: id as ZoneId }
  try {
    const figures: Figure[] = []
    for (const size of sizes) {
      figures.push(await grow(log, size))
      await owner.query('vacuum analyze')
      figures.push(await provePlaces(log, size), await search(log, size), await verify(log, size))
    }
    figures.push(await proveOverHttp(log), await exportAll(log))
    return figures
  } finally {
    await owner.end()
  }
}

interface Log {
  readonly service: Running
  readonly db: Database
  readonly owner: pg.Client
  readonly zone: ZoneId
}

/** Adds events as exchanges leave them, of 40 applications and seven types, and waits for their places. */
async function grow({ owner, zone: id }: Log, size: number): Promise<Figure> {
  const { rows } = await owner.query<{ there: string }>(
    'select count(*) as there from events where zone_id = $1',
    [id],
  )
  const count = size - Number(rows[0]?.there ?? 0)
  await owner.query(seed, [id, count])
  const fromMs = performance.now()
  while ((await owner.query('select from events_pending limit 1')).rows.length > 0) await sleep(20)
  const tookMs = performance.now() - fromMs
  return figure(`audit.integrated.${size as (typeof sizes)[number]}`, {
    perSecond: (count * 1_000) / tookMs,
    note: `${count} events that wait`,
  })
}

const seed = `
  insert into events_pending (zone_id, entry)
  select $1, json_build_object(
    'id', 'evt_' || substr(md5(n::text || clock_timestamp()::text), 1, 26), 'zone_id', $1::text,
    'time', to_char(now() at time zone 'utc' - interval '90 days' + n * interval '7 seconds',
      'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'type', (array['token.client_credentials', 'token.exchange', 'token.introspect', 'token.delegation',
      'token.revoke', 'audit.list', 'grants.create'])[1 + ((n % 7) * (n % 7) + n / 7) % 7],
    'outcome', case when n % 40 = 0 then 'deny' when n % 7 = 6 then 'applied' else 'allow' end,
    'actor', json_build_object('kind', 'application', 'id', 'app_' || n % 40, 'name', 'agent ' || n % 40),
    'on_behalf_of', null, 'request_id', 'req_' || n, 'trace_id', null,
    'application_id', 'app_' || n % 40, 'session_id', 'ses_' || n % 5000,
    'plan_id', case when n % 100 = 0 then 'plan_' || n % 1000 end, 'approval_ids', '[]'::json,
    'mandate_jti', 'mdt_' || md5(n::text), 'policy_set_version_id', 'psetv_01h455vb4pex5vsknk084sn02q',
    'reason', null, 'rules', json_build_array('grant:grt_01h455vb4pex5vsknk084sn02q'), 'target', null,
    'before_digest', null, 'after_digest', null, 'facts_digest', 'sha256:' || md5(n::text) || md5(n::text),
    'diagnostics', json_build_object('asked', 'invoices:read', 'granted', 'invoices:read'))
  from generate_series(1, $2::int) n`

async function provePlaces({ db, zone: id }: Log, size: number): Promise<Figure> {
  const durationsMs = await inTurn(proofs, async (nth) => {
    const fromMs = performance.now()
    await db.transaction(id, (queries) =>
      inclusionProof((nth * 7_919) % size, size, (places) => readTiles(queries, id, places)),
    )
    return performance.now() - fromMs
  })
  return figure(`audit.proof.${size as (typeof sizes)[number]}`, {
    ...percentiles(durationsMs),
    note: `${proofs} proofs out of the database`,
  })
}

async function proveOverHttp({ service, owner, zone: id }: Log): Promise<Figure> {
  const { rows } = await owner.query<{ id: string }>(
    `select id from events_logged where zone_id = $1 and id ~ '^evt_0[0-9a-hjkmnp-tv-z]{25}$' limit 50`,
    [id],
  )
  const durationsMs = await inTurn(proofs, async (nth) => {
    const event_id = rows[nth % rows.length]?.id ?? ''
    const fromMs = performance.now()
    await service.admin.audit.proof(zone, { event_id })
    return performance.now() - fromMs
  })
  return figure('audit.proof.http', { ...percentiles(durationsMs), note: `${proofs} proofs` })
}

/** Each filter alone and with each other one, those that find nothing too: the slowest is told. */
async function search({ service, owner }: Log, size: number): Promise<Figure> {
  const { rows } = await owner.query<{ middle: Date }>(
    'select percentile_disc(0.5) within group (order by time) as middle from events_logged',
  )
  const middle = rows[0]?.middle ?? new Date()
  const filters = Object.entries({
    type: 'token.revoke',
    outcome: 'deny',
    actor: 'app_7',
    application_id: 'app_9',
    session_id: 'ses_77',
    request_id: 'req_4321',
    plan_id: 'plan_300',
    from: middle.toISOString(),
    to: middle.toISOString(),
  })
  let slowest = { words: '', p50Ms: 0, p95Ms: 0 }
  for (const [one, value] of filters)
    for (const [other, otherValue] of filters) {
      if (one > other) continue
      const input = { [one]: value, [other]: otherValue, limit: 50 }
      const durationsMs = await inTurn(searches, async () => {
        const fromMs = performance.now()
        await service.admin.audit.list(zone, input)
        return performance.now() - fromMs
      })
      const { p50Ms, p95Ms } = percentiles(durationsMs)
      if ((p95Ms ?? 0) > slowest.p95Ms)
        slowest = { words: `${one} and ${other}`, p50Ms: p50Ms ?? 0, p95Ms: p95Ms ?? 0 }
    }
  const { words, p50Ms, p95Ms } = slowest
  return figure(`audit.search.${size as (typeof sizes)[number]}`, {
    ...{ p50Ms, p95Ms },
    note: `${words}; 45 pairs of filters, ${searches} searches each`,
  })
}

/** From a folder of tiles, with no service and one process. */
async function verify({ service }: Log, size: number): Promise<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'caracal-tiles-'))
  try {
    await mirror(service, folder)
    const source = folderSource(folder)
    const key = parseVerifierKey((await source.key()) ?? '')
    if (key === null) throw new Error('the mirror has no key')
    const fromMs = performance.now()
    const { checkpoint, findings } = await verifyLog(source, { key })
    const tookMs = performance.now() - fromMs
    if (findings.length > 0) throw new Error(JSON.stringify(findings[0]))
    return figure(`audit.verify.${size as (typeof sizes)[number]}`, {
      perSecond: ((checkpoint?.size ?? 0) * 1_000) / tookMs,
      note: `${Math.round(tookMs)} ms in all`,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** As an auditor takes the log away, with the command. */
async function mirror({ url, adminToken }: Running, folder: string): Promise<void> {
  const command = [packageFile('src', 'cli', 'main.ts'), 'audit', 'export', '--format', 'tiles']
  await promisify(execFile)(process.execPath, [...command, '--output', folder], {
    env: {
      PATH: process.env['PATH'],
      CARACAL_URL: url,
      CARACAL_ADMIN_TOKEN: adminToken,
      CARACAL_HOME: folder,
    },
  })
}

/** The largest resident memory of the service while it sends the whole log, and how fast it does. */
async function exportAll({ service }: Log): Promise<Figure> {
  const before = await megabytesOf('Rss', [service.pid])
  const fromMs = performance.now()
  const body = await service.admin.audit.export(zone, {})
  let [bytes, lines, largest, lookedAt] = [0, 0, before, 0]
  for await (const chunk of body) {
    bytes += chunk.length
    lines += Buffer.from(chunk).toString('latin1').split('\n').length - 1
    if (bytes - lookedAt < 20_000_000) continue
    lookedAt = bytes
    largest = Math.max(largest, await megabytesOf('Rss', [service.pid]))
  }
  return figure('audit.export', {
    perSecond: (lines * 1_000) / (performance.now() - fromMs),
    megabytes: largest,
    note: `${Math.round(bytes / 1e6)} MB of JSON lines; ${Math.round(before)} MB of memory before`,
  })
}
