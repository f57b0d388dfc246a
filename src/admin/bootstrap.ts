import { sql } from 'kysely'
import { join } from 'node:path'
import { recordEvents } from '../audit/record.ts'
import type { Clock } from '../kernel/clock.ts'
import { homeFiles, readIfThere, writePrivate } from '../kernel/home.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { foldName } from '../kernel/names.ts'
import { hashOfSecret, newSecret } from '../kernel/bearer-secret.ts'
import type { Database, Queries } from '../store/database.ts'
import { ensurePrincipal, insertToken } from '../store/principals.ts'
import { openTx } from '../store/tx.ts'

interface BootstrapContext {
  readonly db: Database
  readonly clock: Clock
  system(): { readonly zone: ZoneId }
}

type Create = (request: {
  operation: 'zones.create'
  zone: null
  input: Record<string, unknown>
}) => Promise<unknown>

/** One at a time, whichever replica starts first: a name for PostgreSQL's advisory locks. */
const lockName = 'caracal.bootstrap'
const firstZone = { name: 'default', baseline: true }
const administrator = { name: 'administrator', kind: 'person' } as const
const everything = ['read', 'write', 'approve', 'audit', 'owner']

/**
 * Gives an empty installation what it needs to be used: an admin token, in a file that only this
 * user can read, and a zone in which grants decide. It does nothing where they are.
 */
export async function bootstrap(
  context: BootstrapContext,
  home: string,
  create: Create,
): Promise<void> {
  await context.db.transaction('*', async (queries) => {
    await sql`select pg_advisory_xact_lock(hashtext(${lockName}))`.execute(queries)
    if (!(await hasTokens(queries))) await giveToken(context, queries, home)
    if (!(await hasTenantZone(queries)))
      await create({ operation: 'zones.create', zone: null, input: firstZone })
  })
}

async function hasTokens(queries: Queries): Promise<boolean> {
  const row = await queries.selectFrom('admin_tokens').select('id').limit(1).executeTakeFirst()
  return row !== undefined
}

async function hasTenantZone(queries: Queries): Promise<boolean> {
  const row = await queries
    .selectFrom('zones')
    .select('id')
    .where('system', '=', false)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/**
 * The file is written before the row: a token that was stored but never shown would lock everybody
 * out, whereas a file without its row is used at the next start.
 */
async function giveToken(context: BootstrapContext, queries: Queries, home: string): Promise<void> {
  const path = join(home, homeFiles.bootstrapToken)
  const token = readIfThere(path) ?? newSecret('cat').secret
  writePrivate(path, token)
  const zone = context.system().zone
  const tx = openTx(queries, zone, context.clock.now())
  const principal = await ensurePrincipal(tx, {
    ...administrator,
    name_key: foldName(administrator.name),
  })
  const id = await insertToken(tx, {
    principal_id: principal.id,
    token_hash: hashOfSecret(token),
    zone_id: null,
    capabilities: everything,
    expires_at: null,
  })
  await recordEvents(queries, tx.nowMs, [
    {
      zone,
      type: 'platform.bootstrap',
      outcome: 'applied',
      actor: { kind: 'platform', id: 'platform', name: 'caracal.sys' },
      requestId: 'bootstrap',
      target: { kind: 'adminToken', id, name: administrator.name },
    },
  ])
}
