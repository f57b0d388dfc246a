import { sql } from 'kysely'
import { executor, operator, type Identity } from '../../system-zone/identities.ts'
import { lifetimes } from '../../system-zone/lifetimes.ts'
import { zone as declared } from '../../system-zone/zone.ts'
import type { PlatformEvent, Target } from '../audit/event.ts'
import { recordEvents } from '../audit/record.ts'
import { newId, type Id, type ZoneId } from '../kernel/ids.ts'
import { foldName } from '../kernel/names.ts'
import type { PublicJwk } from '../kernel/signing-key.ts'
import { StartupError } from '../kernel/startup-error.ts'
import type { Vault } from '../kernel/vault.ts'
import { findByName, insertObject, updateObject, type ObjectRow } from '../store/objects.ts'
import {
  credentialPurpose,
  findCredential,
  replaceCredential,
} from '../store/system-credentials.ts'
import { openTx, type Tx } from '../store/tx.ts'
import { activeKeySince, createZoneKey } from '../store/zone-keys.ts'
import { findZone } from '../store/zones.ts'
import type { StsContext, SystemIdentities } from './context.ts'

/** One at a time, whichever replica: a name for PostgreSQL's advisory locks. */
const lockName = 'caracal.system-zone'
const dayMs = 24 * 3_600_000

/** What a run has done, for its events. */
interface Run {
  readonly tx: Tx
  readonly vault: Vault
  readonly events: PlatformEvent[]
}

/**
 * Makes the system zone what `system-zone/` declares, in one transaction with its events: the zone,
 * its signing key, the Operator's applications and the keys they authenticate with, of which it
 * replaces those that are due. Where nothing is to do it changes nothing. Replicas that start
 * together take turns. Throws {@link StartupError} where the master key does not fit the database.
 */
export async function reconcileSystemZone(
  context: Pick<StsContext, 'db' | 'vault' | 'clock'>,
): Promise<SystemIdentities> {
  const nowMs = context.clock.now()
  return context.db.transaction('*', async (queries) => {
    await sql`select pg_advisory_xact_lock(hashtext(${lockName}))`.execute(queries)
    const found = await findZone(queries, declared.slug)
    const zone = (found?.id ?? newId('zone', nowMs)) as ZoneId
    const run: Run = { tx: openTx(queries, zone, nowMs), vault: context.vault, events: [] }
    if (found === undefined) await createZone(run)
    await keepSigningKey(run)
    const identities = {
      zone,
      operator: await keepIdentity(run, operator),
      executor: await keepIdentity(run, executor),
    }
    await recordEvents(queries, nowMs, run.events)
    return identities
  })
}

async function createZone(run: Run): Promise<void> {
  const { queries, zone, now } = run.tx
  await queries
    .insertInto('zones')
    .values({
      id: zone,
      name: declared.name,
      name_key: foldName(declared.name),
      slug: declared.slug,
      system: true,
      dcr_enabled: false,
      active_policy_set_version_id: null,
      revision: 1,
      created_at: now,
      updated_at: now,
      archived_at: null,
    })
    .execute()
  note(run, 'zone_created', { kind: 'zone', id: zone, name: declared.name })
}

async function keepSigningKey(run: Run): Promise<void> {
  const { queries, zone, now, nowMs } = run.tx
  const since = await activeKeySince(queries, zone)
  if (since !== undefined && !isDue(since, lifetimes.signingKeyDays, nowMs)) return
  const { kid } = await createZoneKey(queries, run.vault, zone, now)
  note(run, since === undefined ? 'signing_key_created' : 'signing_key_rotated', {
    kind: 'key',
    id: kid,
    name: null,
  })
}

async function keepIdentity(run: Run, identity: Identity): Promise<Id<'application'>> {
  const { queries, zone, nowMs } = run.tx
  const [found] = await findByName(queries, zone, 'applications', foldName(identity.name))
  const application = found ?? (await createApplication(run, identity))
  const id = application.id as Id<'application'>
  const credential = await findCredential(queries, zone, id)
  if (credential === undefined) await giveCredential(run, application, 'credential_created')
  else if (isDue(credential.createdAt, lifetimes.credentialDays, nowMs))
    await giveCredential(run, application, 'credential_rotated')
  else checkOpens(run.vault, credential.sealedPrivate, credentialPurpose(id))
  return id
}

async function createApplication(run: Run, { name }: Identity): Promise<ObjectRow<'applications'>> {
  const application = await insertObject(run.tx, 'applications', {
    name,
    name_key: foldName(name),
    kind: 'managed',
    auth_method: 'private_key_jwt',
    secret_hash: null,
    jwks: null,
    labels: [],
    dpop_required: false,
    redirect_uris: [],
    expires_at: null,
  })
  note(run, 'application_created', { kind: 'application', id: application.id, name })
  return application
}

/** The public half is what the token endpoint knows the application by; the old one ends with it. */
async function giveCredential(
  run: Run,
  application: ObjectRow<'applications'>,
  reason: string,
): Promise<void> {
  const { queries, zone, now } = run.tx
  const id = application.id as Id<'application'>
  const key: PublicJwk = await replaceCredential(queries, run.vault, zone, id, now)
  await updateObject(run.tx, 'applications', application, { jwks: { keys: [key] } })
  note(run, reason, { kind: 'application', id, name: application.name })
}

function checkOpens(vault: Vault, sealed: Buffer, purpose: string): void {
  try {
    vault.open(sealed, purpose)
  } catch (error) {
    throw new StartupError(
      'The master key does not open what this database holds.',
      'Start with the CARACAL_MASTER_KEY, or the home, that the database was made with.',
      { cause: error },
    )
  }
}

function isDue(since: Date, days: number, nowMs: number): boolean {
  return nowMs - since.getTime() >= days * dayMs
}

function note(run: Run, reason: string, target: Target): void {
  run.events.push({
    zone: run.tx.zone,
    type: 'system_zone.reconcile',
    outcome: 'applied',
    actor: { kind: 'platform', id: 'platform', name: declared.name },
    requestId: newId('request', run.tx.nowMs),
    reason,
    target,
  })
}
