import { sql } from 'kysely'
import type { OutputOf } from '../../tools/catalogue.ts'
import { digestOf } from '../kernel/canonical.ts'
import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { foldName, reservedSlug, slugOf } from '../kernel/names.ts'
import { baseline } from '../policy/bundle.ts'
import { activate } from '../store/activations.ts'
import { insertObject, noteZoneChange } from '../store/objects.ts'
import { countObjects } from '../store/overview.ts'
import { readPage } from '../store/pages.ts'
import { countRegistrations } from '../store/registrations.ts'
import type { Tx } from '../store/tx.ts'
import { createZoneKey, findNextKey, publishNextKey } from '../store/zone-keys.ts'
import { findZone, insertZone, updateZone, type Zone } from '../store/zones.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { refuseReserved } from './lookup.ts'
import { shutDownRegistration } from './registration.ts'
import { isoOrNull } from './views.ts'
import { exportZone } from './zone-export.ts'

export function zoneHandlers(services: AdminServices): AdminHandlers<'zones'> {
  return { ...reads(services), ...writes(services) }
}

type Write = 'create' | 'patch' | 'delete' | 'rotate_keys'
type Writes = Pick<AdminHandlers<'zones'>, `zones.${Write}`>

function reads(services: AdminServices): Omit<AdminHandlers<'zones'>, keyof Writes> {
  return {
    async 'zones.list'(tx, input) {
      const { rows, nextCursor } = await readPage<Zone>(tx.queries, {
        table: 'zones',
        where: input.include_archived ? [] : [sql`archived_at is null`],
        by: 'id',
        order: 'asc',
        limit: input.limit,
        cursor: input.cursor,
      })
      return { items: rows.map(zoneView), next_cursor: nextCursor }
    },

    'zones.get': async (tx) => zoneView(await current(tx)),

    'zones.export': exportZone,

    async 'zones.overview'(tx) {
      const zone = await current(tx)
      const issuer = `${services.issuerBase()}/zones/${zone.id}`
      return {
        zone: zoneView(zone),
        counts: await countObjects(tx.queries, tx.zone),
        issuer,
        token_endpoint: `${issuer}/oauth2/token`,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
      }
    },

    async 'zones.dcr_status'(tx) {
      const live = await countRegistrations(tx.queries, tx.zone, tx.now)
      return { dcr_enabled: (await current(tx)).dcr_enabled, live_applications: live }
    },
  }
}

function writes(services: AdminServices): Writes {
  return {
    async 'zones.create'(tx, input) {
      const slug = input.slug ?? slugOf(input.name)
      if (slug === '') refuse('invalid_body', 'Give a slug: none can be made from this name.')
      refuseReserved('zone_' as ZoneId, services.system().zone, input.name, slug)
      await tx.revise(services.system().zone)
      const zone = await insertZone(tx, {
        name: input.name,
        name_key: foldName(input.name),
        slug,
        system: false,
        dcr_enabled: input.dcr_enabled,
      })
      noteZoneChange(tx, null, zone)
      await createZoneKey(tx.queries, services.vault, zone.id as ZoneId, tx.now)
      if (input.baseline) await activateBaseline(tx, zone.id as ZoneId)
      return zoneView(await current(tx, zone.id as ZoneId))
    },

    async 'zones.patch'(tx, input) {
      const before = await current(tx)
      if (before.slug === reservedSlug)
        refuse('system_zone_read_only', 'The reserved zone is changed by the platform alone.')
      if (input.name !== undefined) refuseReserved(tx.zone, services.system().zone, input.name)
      if (input.dcr_shutdown !== undefined && input.dcr_enabled !== false)
        refuse('invalid_body', 'dcr_shutdown goes together with dcr_enabled: false.')
      if (input.dcr_enabled === false) await shutDownRegistration(tx, input.dcr_shutdown)
      const after = await updateZone(tx, before, {
        ...(input.name !== undefined && { name: input.name, name_key: foldName(input.name) }),
        ...(input.dcr_enabled !== undefined && { dcr_enabled: input.dcr_enabled }),
        ...(input.system !== undefined && { system: input.system }),
        ...(input.audit_retention_days !== undefined && {
          audit_retention_days: input.audit_retention_days,
        }),
      })
      if (after !== before) noteZoneChange(tx, before, after)
      return zoneView(after)
    },

    async 'zones.delete'(tx) {
      const before = await current(tx)
      await updateZone(tx, before, { archived_at: tx.now })
      noteZoneChange(tx, before, null)
      return {}
    },

    async 'zones.rotate_keys'(tx, input) {
      const rotated = await rotate(tx, services.vault, input.at_once)
      await tx.revise(tx.zone)
      const zone = await current(tx)
      tx.changes.push({
        kind: 'key',
        id: tx.zone,
        zoneId: tx.zone,
        name: `signing key of ${zone.name}`,
        effect: 'update',
        before: { active_key: 'present' },
        after: { active_key: 'generated at apply' },
      })
      return rotated
    },
  }
}

/** RFC 7517 has no word for it: a key is in the JWKS before anything is signed with it. */
async function rotate(
  { queries, zone, now }: Tx,
  vault: AdminServices['vault'],
  atOnce: boolean,
): Promise<OutputOf<'zones.rotate_keys'>> {
  if (atOnce) {
    const { kid, retired } = await createZoneKey(queries, vault, zone, now)
    return { kid, signs_from: now.toISOString(), retired: [...retired] }
  }
  const published = await findNextKey(queries, zone)
  if (published !== undefined)
    refuse('conflict', 'A new key is published already and signs soon; or rotate at_once.', {
      details: { kid: published.kid, signs_from: published.signsFrom.toISOString() },
    })
  const { kid, signsFrom } = await publishNextKey(queries, vault, zone, now)
  return { kid, signs_from: signsFrom.toISOString(), retired: [] }
}

async function current(tx: Tx, zone: ZoneId = tx.zone): Promise<Zone> {
  const found = await findZone(tx.queries, zone)
  return found ?? refuse('zone_not_found', 'There is no such zone.')
}

/** Gives a new zone the built-in policy set, active: grants decide, nothing else. */
async function activateBaseline(tx: Tx, zone: ZoneId): Promise<void> {
  const { name, description, documents } = baseline
  const set = await insertObject(
    tx,
    'policy_sets',
    { name, name_key: foldName(name), description },
    zone,
  )
  const version = await insertObject(
    tx,
    'policy_set_versions',
    {
      policy_set_id: set.id,
      number: 1,
      manifest: [],
      documents: { ...documents },
      digest: digestOf({ manifest: [], documents }),
    },
    zone,
  )
  await activate(tx, zone, version.id)
}

function zoneView(zone: Zone): OutputOf<'zones.get'> {
  return {
    id: zone.id,
    name: zone.name,
    slug: zone.slug,
    system: zone.system,
    dcr_enabled: zone.dcr_enabled,
    audit_retention_days: zone.audit_retention_days,
    active_policy_set_version_id: zone.active_policy_set_version_id,
    revision: zone.revision,
    created_at: zone.created_at.toISOString(),
    updated_at: zone.updated_at.toISOString(),
    archived_at: isoOrNull(zone.archived_at),
  }
}
