import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { digestOf } from '../kernel/canonical.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'
import { foldName } from '../kernel/names.ts'
import { mergeDocuments } from '../policy/bundle.ts'
import type { DocumentSet } from '../policy/document-schemas.ts'
import { activate, activationsOf, type Activation } from '../store/activations.ts'
import { archiveObject, insertObject, type ObjectRow } from '../store/objects.ts'
import { archivedPolicies, latestSetVersions, policyVersionsById } from '../store/policies.ts'
import { findZone } from '../store/zones.ts'
import type { Tx } from '../store/tx.ts'
import { decide } from './decide.ts'
import type { AdminHandlers, AdminServices } from './handlers.ts'
import { listObjects } from './list.ts'
import { get, getLive, refuseReserved } from './lookup.ts'
import { replayOn } from './replay.ts'
import { governedView, policySetVersionView } from './views.ts'

/** How many activations a status shows. */
const historyEntries = 20

export function policySetHandlers(services: AdminServices): AdminHandlers<'policy_sets'> {
  return { ...reads(services), ...writes(services) }
}

type Write = 'create' | 'add_version' | 'activate' | 'rollback' | 'delete'
type Writes = Pick<AdminHandlers<'policy_sets'>, `policy_sets.${Write}`>

function reads(services: AdminServices): Omit<AdminHandlers<'policy_sets'>, keyof Writes> {
  return {
    async 'policy_sets.list'(tx, input) {
      const page = await listObjects(tx, 'policy_sets', input, (row) => row)
      const latest = await latestSetVersions(
        tx.queries,
        page.items.map((row) => row.id),
      )
      return {
        items: page.items.map((row) => policySetView(row, latest.get(row.id))),
        next_cursor: page.next_cursor,
      }
    },

    async 'policy_sets.get'(tx, input) {
      const row = await get(tx, 'policy_sets', input.policy_set_id)
      return policySetView(row, (await latestSetVersions(tx.queries, [row.id])).get(row.id))
    },

    async 'policy_sets.get_version'(tx, input) {
      return policySetVersionView(await versionOfSet(tx, input.policy_set_id, input.version_id))
    },

    async 'policy_sets.activation_status'(tx, input) {
      await get(tx, 'policy_sets', input.policy_set_id)
      const active = (await findZone(tx.queries, tx.zone))?.active_policy_set_version_id ?? null
      const holder = active === null ? null : await get(tx, 'policy_set_versions', active)
      const history = await activationsOf(tx.queries, tx.zone, historyEntries)
      return {
        active_version_id: active,
        active_in_this_set: holder?.policy_set_id === input.policy_set_id,
        history: history.map(activationView),
      }
    },

    async 'policy_sets.replay'(tx, input) {
      return replayOn(services, tx, (await namedVersion(tx, input)).id, input)
    },

    async 'policy_sets.simulate'(tx, input) {
      const version = await namedVersion(tx, input)
      const { at, source_ip, ...asked } = input.input
      return decide(services, tx, {
        ...asked,
        versionId: version.id,
        nowMs: at === undefined ? tx.nowMs : Date.parse(at),
        sourceIp: source_ip ?? null,
      })
    },
  }
}

function writes(services: AdminServices): Writes {
  return {
    async 'policy_sets.create'(tx, input) {
      refuseReserved(tx.zone, services.system().zone, input.name)
      const row = await insertObject(tx, 'policy_sets', {
        name: input.name,
        name_key: foldName(input.name),
        description: input.description,
      })
      return policySetView(row, undefined)
    },

    'policy_sets.add_version': async (tx, input) =>
      policySetVersionView(await addVersion(tx, input)),

    async 'policy_sets.activate'(tx, input) {
      await getLive(tx, 'policy_sets', input.policy_set_id)
      const version = await versionOfSet(tx, input.policy_set_id, input.version_id)
      return activationView(await activate(tx, tx.zone, version.id))
    },

    async 'policy_sets.rollback'(tx, input) {
      await getLive(tx, 'policy_sets', input.policy_set_id)
      return activationView(await activate(tx, tx.zone, await earlierVersion(tx, input)))
    },

    async 'policy_sets.delete'(tx, input) {
      const row = await getLive(tx, 'policy_sets', input.policy_set_id)
      const active = (await findZone(tx.queries, tx.zone))?.active_policy_set_version_id ?? null
      const holder = active === null ? null : await get(tx, 'policy_set_versions', active)
      if (holder?.policy_set_id === row.id)
        refuse('in_use', 'This policy set decides in the zone; activate another first.')
      await archiveObject(tx, 'policy_sets', row)
      return {}
    },
  }
}

async function addVersion(
  tx: Tx,
  input: InputOf<'policy_sets.add_version'>,
): Promise<ObjectRow<'policy_set_versions'>> {
  await getLive(tx, 'policy_sets', input.policy_set_id)
  const ids = input.manifest.map((entry) => entry.policy_version_id)
  const versions = await policyVersionsById(tx.queries, tx.zone, ids)
  const missing = ids.filter((id) => !versions.has(id))
  if (missing.length > 0)
    refuse('not_found', 'The manifest names policy versions that the zone does not have.', {
      details: { missing },
    })
  const policies = [...versions.values()].map((version) => version.policy_id)
  const archived = await archivedPolicies(tx.queries, tx.zone, policies)
  if (archived.length > 0)
    refuse('archived', 'The manifest names versions of policies that are archived.', {
      details: { policies: archived },
    })
  const custom = ids.filter((id) => (versions.get(id)?.module_digest ?? null) !== null)
  if (custom.length > limits.customPoliciesPerSet)
    refuse('limit_reached', 'A policy set holds only so many policies of custom Rego.', {
      details: { limit: limits.customPoliciesPerSet, given: custom.length },
    })
  const documents = mergeDocuments(
    ids.flatMap((id) => versions.get(id)?.documents ?? []) as DocumentSet[],
  )
  const latest = (await latestSetVersions(tx.queries, [input.policy_set_id])).get(
    input.policy_set_id,
  )
  return insertObject(tx, 'policy_set_versions', {
    policy_set_id: input.policy_set_id,
    number: (latest?.number ?? 0) + 1,
    manifest: input.manifest,
    documents: { ...documents },
    digest: digestOf({ manifest: input.manifest, documents }),
  })
}

async function versionOfSet(
  tx: Tx,
  setId: string,
  versionId: string,
): Promise<ObjectRow<'policy_set_versions'>> {
  const version = await get(tx, 'policy_set_versions', versionId)
  if (version.policy_set_id !== setId)
    refuse('not_found', 'This version belongs to another policy set.', {
      details: { policy_set_id: version.policy_set_id },
    })
  return version
}

/** The version that is named, or the latest of the set. */
async function namedVersion(
  tx: Tx,
  { policy_set_id, version_id }: { policy_set_id: string; version_id?: string | undefined },
): Promise<ObjectRow<'policy_set_versions'>> {
  return version_id === undefined
    ? latestOf(tx, policy_set_id)
    : versionOfSet(tx, policy_set_id, version_id)
}

async function latestOf(tx: Tx, setId: string): Promise<ObjectRow<'policy_set_versions'>> {
  await get(tx, 'policy_sets', setId)
  const latest = (await latestSetVersions(tx.queries, [setId])).get(setId)
  return latest ?? refuse('not_found', 'This policy set has no version yet.')
}

/** Any version that decided before can decide again; without a name it is the last one before. */
async function earlierVersion(tx: Tx, input: InputOf<'policy_sets.rollback'>): Promise<string> {
  if (input.version_id !== undefined) await get(tx, 'policy_set_versions', input.version_id)
  const history = await activationsOf(tx.queries, tx.zone, historyEntries)
  const active = (await findZone(tx.queries, tx.zone))?.active_policy_set_version_id
  const earlier = history.map((entry) => entry.version_id).filter((id) => id !== active)
  const wanted = input.version_id ?? history[0]?.previous_version_id ?? earlier[0]
  if (wanted === undefined || !earlier.includes(wanted))
    refuse('conflict', 'No such version was active before; there is nothing to return to.', {
      details: { earlier: [...new Set(earlier)] },
    })
  const { policy_set_id } = await get(tx, 'policy_set_versions', wanted)
  await getLive(tx, 'policy_sets', policy_set_id)
  return wanted
}

function activationView(row: Activation): OutputOf<'policy_sets.activate'> {
  return {
    version_id: row.version_id,
    previous_version_id: row.previous_version_id,
    activated_at: row.activated_at.toISOString(),
  }
}

function policySetView(
  row: ObjectRow<'policy_sets'>,
  latest: ObjectRow<'policy_set_versions'> | undefined,
): OutputOf<'policy_sets.get'> {
  return {
    ...governedView(row),
    name: row.name,
    description: row.description,
    latest_version: latest === undefined ? null : policySetVersionView(latest),
  }
}
