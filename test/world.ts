import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Capability } from '../tools/operation.ts'
import { createAdminClient, type AdminClient } from '../src/client/admin-client.ts'
import type { Config, Secrets } from '../src/config.ts'
import type { Network } from '../src/kernel/safe-fetch.ts'
import type { Overrides } from '../src/context.ts'
import type { Model } from '../src/operator/model/model.ts'
import { startService, type Service } from '../src/service.ts'
import { freshDatabase } from './support/databases.ts'

/** An answer as a client sees it. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- bodies are what the test asserts
  readonly body: any
}

export interface CallOptions {
  /** A bearer credential; null sends none. The administrator's token when absent. */
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export interface WorldOptions {
  readonly model?: Model
  /** The world outside, as fetches from it see it. */
  readonly network?: Network
  readonly config?: Partial<Config>
  /** Keys of the models that `config` names. */
  readonly modelKeys?: readonly string[]
  readonly rates?: Overrides['rates']
  /** The clock stands still until it is moved. */
  readonly still?: boolean
  /** A migrated database of the test's own. */
  readonly database?: pg.PoolConfig
  /** Another replica on the database of this world. */
  readonly sharing?: Pick<World, 'connection' | 'masterKey' | 'token'>
}

/** A whole service on a database of its own, used over real HTTP. */
export interface World extends AsyncDisposable {
  readonly url: string
  readonly service: Service
  /** The bootstrap token of the installation. */
  readonly token: string
  readonly admin: AdminClient
  readonly connection: pg.PoolConfig
  readonly masterKey: Buffer
  /** A request to a path such as `/v1/zones`, or to `grants` of the default zone. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer>
  /** A form to an OAuth endpoint of a zone, such as `token`. */
  oauth(endpoint: string, form: Record<string, string>, zone?: string): Promise<Answer>
  /** The token of somebody new. */
  person(name: string, capabilities: readonly Capability[], zoneId?: string): Promise<string>
  automation(name: string, capabilities: readonly Capability[], zoneId?: string): Promise<string>
  /** Rows, read and changed past the service, as the owner of the database. */
  sql<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>
  /** The events of a zone, oldest first: all, or those after a mark of `eventCount`. */
  events(after?: number): Promise<RecordedEvent[]>
  eventCount(): Promise<number>
  /** Digest of every governed row: equal before and after where nothing was written. */
  state(): Promise<string>
  /** Moves the service's clock on. */
  pass(ms: number): void
  now(): number
}

export interface RecordedEvent {
  readonly zone_id: string
  readonly type: string
  readonly outcome: string
  readonly reason: string | null
  readonly actor: string
  readonly plan_id: string | null
  readonly request_id: string
}

const governedTables = [
  'zones',
  'zone_keys',
  'applications',
  'providers',
  'resources',
  'grants',
  'subject_issuers',
  'policies',
  'policy_versions',
  'policy_sets',
  'policy_set_versions',
  'policy_activations',
  'holds',
  'hold_decisions',
  'webhooks',
  'webhook_deliveries',
  'sessions',
  'delegation_edges',
  'admin_tokens',
  'principals',
  'autopilot_switch',
]

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  await using begun = new AsyncDisposableStack()
  const connection =
    options.sharing?.connection ?? options.database ?? begun.use(await freshDatabase()).connection
  const masterKey = options.sharing?.masterKey ?? randomBytes(32)
  const home = await mkdtemp(join(tmpdir(), 'caracal-world-'))
  begun.defer(() => rm(home, { recursive: true, force: true }))
  let offsetMs = 0
  const begunMs = Date.now()
  const now = (): number => (options.still === true ? begunMs : Date.now()) + offsetMs
  const config = { ...defaults, home, ...options.config }
  const secrets: Secrets = { databaseUrl: null, masterKey, modelKeys: options.modelKeys ?? [] }
  const service = begun.use(
    await startService(config, secrets, {
      clock: { now },
      database: connection,
      ...(options.model !== undefined && { model: options.model }),
      network: options.network ?? nowhere,
      ...(options.rates !== undefined && { rates: options.rates }),
    }),
  )
  const owner = new pg.Pool({ ...connection, max: 2 })
  // Where the server is restarted, an idle connection ends; the pool opens another.
  owner.on('error', () => undefined)
  begun.defer(() => owner.end())
  const token = options.sharing?.token ?? service.token
  if (token === null) throw new Error('the installation has no bootstrap token')
  const admin = createAdminClient({ apiUrl: service.url, adminToken: token })
  const sql: World['sql'] = async (text, values = []) =>
    (await owner.query<never>(text, [...values])).rows
  const stack = begun.move()
  const give =
    (principal_kind: 'person' | 'automation'): World['person'] =>
    async (principal_name, capabilities, zone_id) => {
      const made = await admin.adminTokens.create({
        principal_name,
        principal_kind,
        capabilities: [...capabilities],
        ...(zone_id !== undefined && { zone_id }),
      })
      return made.token
    }
  return {
    url: service.url,
    service,
    token,
    admin,
    connection,
    masterKey,
    call: (method, path, body, callOptions) =>
      send(service.url, token, method, path, body, callOptions),
    oauth: (endpoint, form, zone = 'default') => sendForm(service.url, zone, endpoint, form),
    person: give('person'),
    automation: give('automation'),
    sql,
    events: (after = 0) => eventsOf(sql, after),
    async eventCount() {
      const [row] = await sql<{ count: string }>('select count(*) from events')
      return Number(row?.count)
    },
    state: () => stateOf(sql),
    pass: (ms) => {
      offsetMs += ms
    },
    now,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function eventsOf(sql: World['sql'], after: number): Promise<RecordedEvent[]> {
  return sql<RecordedEvent & pg.QueryResultRow>(
    `select zone_id, type, outcome, entry->>'reason' as reason, entry->'actor'->>'name' as actor,
            plan_id, request_id
     from events order by position offset $1`,
    [after],
  )
}

/** When a token was last used, and how far a delivery is, says nothing of what was written. */
const columnsOf: Readonly<Record<string, string>> = {
  admin_tokens: 'id, token_hash, capabilities, revoked_at',
  webhook_deliveries: 'id, webhook_id',
}

async function stateOf(sql: World['sql']): Promise<string> {
  const parts = governedTables.map(
    (table) =>
      `(select coalesce(md5(string_agg(t::text, '|' order by t::text)), '')
        from (select ${columnsOf[table] ?? '*'} from ${table}) t)`,
  )
  const [row] = await sql<{ state: string }>(`select concat_ws(' ', ${parts.join(',')}) as state`)
  return row?.state ?? ''
}

/** No test of a service reaches the Internet. */
const nowhere: Network = {
  resolve: () => Promise.reject(new Error('there is no network')),
  isAllowed: () => false,
}

const defaults: Omit<Config, 'home'> = {
  host: '127.0.0.1',
  port: 0,
  publicUrl: null,
  trustedProxies: [],
  logLevel: 'silent',
  timeZone: 'UTC',
  models: [],
  budgets: {
    conversation: { tokens: 1_000_000, calls: 1_000 },
    zoneDay: { tokens: 10_000_000, calls: 10_000 },
    day: { tokens: 10_000_000, calls: 10_000 },
  },
  reviewPlans: false,
  opaBin: null,
}

async function send(
  base: string,
  adminToken: string,
  method: string,
  path: string,
  body: unknown,
  options: CallOptions = {},
): Promise<Answer> {
  const { token = adminToken, headers = {} } = options
  const url = path.startsWith('/') ? `${base}${path}` : `${base}/v1/zones/default/${path}`
  const response = await fetch(url, {
    method,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return answerOf(response)
}

async function sendForm(
  base: string,
  zone: string,
  endpoint: string,
  form: Record<string, string>,
): Promise<Answer> {
  const url = `${base}/zones/${zone}/oauth2/${endpoint}`
  return answerOf(await fetch(url, { method: 'POST', body: new URLSearchParams(form) }))
}

/** A feed goes on for as long as somebody listens: that it has begun is its answer. */
function isEndless({ url, ok, body }: Response): boolean {
  if (!ok || !new URL(url).pathname.endsWith('/audit/feed')) return false
  void body?.cancel()
  return true
}

async function answerOf(response: Response): Promise<Answer> {
  const json = /^application\/(?:[\w.]+\+)?json\b/.test(response.headers.get('content-type') ?? '')
  const text = isEndless(response) ? '' : await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: json && text !== '' ? JSON.parse(text) : text,
  }
}
