import { randomBytes } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { CompiledQuery } from 'kysely'
import type pg from 'pg'
import { tokenRoutes } from '../../src/http/token.ts'
import { newSecret } from '../../src/kernel/bearer-secret.ts'
import { newId, type Id, type ZoneId } from '../../src/kernel/ids.ts'
import { createSafeFetch, type Network } from '../../src/kernel/safe-fetch.ts'
import { openVault, type Vault } from '../../src/kernel/vault.ts'
import { emptyDocuments } from '../../src/policy/bundle.ts'
import { loadPolicyEngine, type PolicyEngine } from '../../src/policy/load.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { insertObject } from '../../src/store/objects.ts'
import { openTx, type Tx } from '../../src/store/tx.ts'
import { createZoneKey } from '../../src/store/zone-keys.ts'
import type { StsContext, SystemIdentities } from '../../src/sts/context.ts'
import { reconcileSystemZone } from '../../src/sts/reconcile.ts'
import { createSts, type Sts } from '../../src/sts/sts.ts'

/** A service that consists of the STS alone, on a real database, behind real HTTP. */
export interface StsWorld extends AsyncDisposable {
  readonly url: string
  readonly sts: Sts
  readonly db: Database
  readonly vault: Vault
  readonly context: StsContext
  readonly system: SystemIdentities
  readonly masterKey: Buffer
  /** Issues under another replica's address, as behind one load balancer. */
  serveAs(base: string): void
  /** Moves the clock on. */
  pass(ms: number): void
  now(): number
  /** Changes rows as the platform may: across zones. */
  change<T>(zone: ZoneId | '*', work: (tx: Tx) => Promise<T>): Promise<T>
  /** Runs a statement and gives its rows. */
  rows<R extends pg.QueryResultRow>(statement: string, values?: unknown[]): Promise<R[]>
  events(zone: ZoneId): Promise<LoggedEvent[]>
}

export interface LoggedEvent {
  readonly type: string
  readonly outcome: string
  readonly actor_id: string
  readonly application_id: string | null
  readonly request_id: string
  readonly plan_id: string | null
  readonly body: {
    readonly reason: string | null
    readonly rules: string[]
    readonly mandate_jti: string | null
    readonly on_behalf_of: { readonly id: string } | null
    readonly approval_ids: string[]
    readonly diagnostics: Record<string, unknown>
  }
}

let policy: PolicyEngine | undefined

export async function startWorld(
  connection: pg.PoolConfig,
  masterKey: Buffer = randomBytes(32),
  network?: Network,
): Promise<StsWorld> {
  policy ??= await loadPolicyEngine()
  let offsetMs = 0
  let base: string | undefined
  const now = (): number => Date.now() + offsetMs
  const db = openDatabase(connection)
  const vault = openVault(masterKey)
  const clock = { now }
  const system = await reconcileSystemZone({ db, vault, clock })
  const app: FastifyInstance = Fastify({ genReqId: () => newId('request', now()) })
  const context: StsContext = {
    clock,
    db,
    vault,
    policy,
    safeFetch: createSafeFetch(network),
    issuerBase: () => base ?? url,
    system: () => system,
    log: { warn: () => undefined, error: () => undefined },
  }
  const sts = createSts(context)
  await app.register(tokenRoutes(sts))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const rows = <R extends pg.QueryResultRow>(statement: string, values: unknown[] = []) =>
    db.transaction('*', async (queries) => {
      const answer = await queries.executeQuery<R>(CompiledQuery.raw(statement, values))
      return answer.rows
    })
  return {
    url,
    sts,
    db,
    vault,
    context,
    system,
    masterKey,
    serveAs: (other) => (base = other),
    now,
    pass: (ms) => (offsetMs += ms),
    change: (zone, work) =>
      db.transaction(zone, (queries) =>
        work(openTx(queries, zone === '*' ? system.zone : zone, now())),
      ),
    rows,
    events: (zone) =>
      rows<LoggedEvent>(
        'select *, entry as body from events where zone_id = $1 order by position',
        [zone],
      ),
    async [Symbol.asyncDispose]() {
      await app.close()
      await sts[Symbol.asyncDispose]()
      await db[Symbol.asyncDispose]()
    },
  }
}

/** A zone with the baseline set active: one application that may read one of two scopes. */
export interface Tenant {
  readonly zone: ZoneId
  readonly slug: string
  readonly issuer: string
  readonly application: Id<'application'>
  readonly secret: string
  readonly resource: { readonly id: Id<'resource'>; readonly identifier: string }
  readonly grant: Id<'grant'>
}

export async function tenant(
  world: StsWorld,
  options: { readonly documents?: object; readonly active?: boolean } = {},
): Promise<Tenant> {
  const zone = newId('zone', world.now())
  const slug = `t-${zone.slice(-12)}`
  return world.change('*', async (outer) => {
    await insertZone(outer, zone, slug)
    await createZoneKey(outer.queries, world.vault, zone, outer.now)
    const tx = outer.next(zone)
    if (options.active !== false) await activate(tx, { ...emptyDocuments, ...options.documents })
    const { id: application, secret } = await addApplication(tx, 'billing-agent')
    const resource = await addResource(tx, 'Invoices', 'https://invoices.example')
    const grant = await addGrant(tx, application, resource.id, ['invoices:read'])
    const issuer = `${world.url}/zones/${zone}`
    return { zone, slug, issuer, application, secret, resource, grant }
  })
}

export async function insertZone(
  tx: Tx,
  zone: ZoneId,
  slug: string,
  system = false,
): Promise<void> {
  await tx.queries
    .insertInto('zones')
    .values({
      id: zone,
      name: slug,
      name_key: slug,
      slug,
      system,
      dcr_enabled: false,
      active_policy_set_version_id: null,
      revision: 1,
      created_at: tx.now,
      updated_at: tx.now,
      archived_at: null,
    })
    .execute()
}

/** Makes documents decide in the transaction's zone. */
export async function activate(tx: Tx, documents: object): Promise<void> {
  const name = `set ${newId('policySet', tx.nowMs)}`
  const set = await insertObject(tx, 'policy_sets', { name, name_key: name, description: '' })
  const version = await insertObject(tx, 'policy_set_versions', {
    policy_set_id: set.id,
    number: 1,
    manifest: [],
    documents: documents as Record<string, unknown>,
    digest: 'sha256:test',
  })
  await tx.queries
    .updateTable('zones')
    .set({ active_policy_set_version_id: version.id })
    .where('id', '=', tx.zone)
    .execute()
}

export async function addApplication(
  tx: Tx,
  name: string,
  fields: {
    readonly jwks?: { keys: { kty: string }[] }
    readonly labels?: string[]
    readonly dpopRequired?: boolean
  } = {},
): Promise<{ id: Id<'application'>; secret: string }> {
  const { secret, hash } = newSecret('cs')
  const row = await insertObject(tx, 'applications', {
    name,
    name_key: `${name} ${newId('application', tx.nowMs)}`,
    kind: 'managed',
    auth_method: fields.jwks === undefined ? 'client_secret' : 'private_key_jwt',
    secret_hash: fields.jwks === undefined ? hash : null,
    jwks: fields.jwks ?? null,
    labels: fields.labels ?? [],
    dpop_required: fields.dpopRequired ?? false,
    redirect_uris: [],
    expires_at: null,
  })
  return { id: row.id as Id<'application'>, secret }
}

export async function addResource(
  tx: Tx,
  name: string,
  identifier: string,
): Promise<{ id: Id<'resource'>; identifier: string }> {
  const row = await insertObject(tx, 'resources', {
    name,
    name_key: name.toLowerCase(),
    identifier,
    scopes: ['invoices:read', 'invoices:write'],
    operations: [],
    upstream_url: null,
    credential_provider_id: null,
  })
  return { id: row.id as Id<'resource'>, identifier }
}

export async function addGrant(
  tx: Tx,
  application: string,
  resource: string,
  scopes: string[],
  fields: { readonly expiresAt?: Date; readonly user?: string } = {},
): Promise<Id<'grant'>> {
  const row = await insertObject(tx, 'grants', {
    application_id: application,
    user_id: fields.user ?? null,
    resource_id: resource,
    scopes,
    expires_at: fields.expiresAt ?? null,
  })
  return row.id as Id<'grant'>
}

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown> & { access_token: string; scope: string }
  readonly headers: Headers
}

/** Posts a form to an endpoint of a zone's issuer. */
export async function post(
  url: string,
  form: Record<string, string> | [string, string][] | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form).toString()
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
  return {
    status: response.status,
    body: (await response.json()) as Answer['body'],
    headers: response.headers,
  }
}

/** The parameters of client_credentials with client_secret_post for a tenant's application. */
export function own(t: Tenant, more: Record<string, string> = {}): Record<string, string> {
  return {
    grant_type: 'client_credentials',
    client_id: t.application,
    client_secret: t.secret,
    resource: t.resource.identifier,
    ...more,
  }
}

export function tokenOf({ issuer }: Tenant): string {
  return `${issuer}/oauth2/token`
}

/** A session mandate of the tenant's application. */
export async function session(of: Tenant): Promise<string> {
  const { resource: _, ...form } = own(of)
  return (await post(tokenOf(of), form)).body.access_token
}

/** Exchanges a session mandate of the tenant's application for one of its resource. */
export function exchange(
  of: Tenant,
  subjectToken: string,
  more: Record<string, string> = {},
): Promise<Answer> {
  return post(tokenOf(of), {
    ...own(of),
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: subjectToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    ...more,
  })
}
