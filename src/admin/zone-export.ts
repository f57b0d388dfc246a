import type { OutputOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import type { Tx } from '../store/tx.ts'
import { readZoneState, type StatePolicySet, type ZoneState } from '../store/zone-state.ts'

type Declared = OutputOf<'zones.export'>

/** What the zone says, in the words of a declared state (tools/declared-state.ts). */
export async function exportZone(tx: Tx): Promise<Declared> {
  const state = await readZoneState(tx.queries, tx.zone, tx.now)
  if (state === undefined) refuse('zone_not_found', 'There is no such zone.')
  return {
    format: 'caracal-zone/1',
    settings: state.settings,
    providers: state.providers.map(({ id: _, ...rest }) => rest) as Declared['providers'],
    resources: state.resources.map(({ id: _, ...rest }) => rest) as Declared['resources'],
    applications: state.applications.map(({ id: _, jwks, ...rest }) => ({
      ...rest,
      ...(jwks !== null && { jwks }),
    })) as Declared['applications'],
    policies: state.policies.map(({ id: _, version_id: __, ...rest }) => rest),
    policy_sets: state.policy_sets.map(({ name, description, held }) => ({
      name,
      description,
      ...(held !== null && { policies: held.map((version) => heldView(state, version)) }),
    })),
    active_policy_set: activeView(state),
    grants: state.grants.map(({ id: _, expires_at, ...rest }) => ({
      ...rest,
      scopes: [...rest.scopes],
      expires_at: expires_at?.toISOString() ?? null,
    })),
  }
}

/** A policy by its name where its latest version is meant; nothing else names an archived one's. */
function heldView(
  { policies }: ZoneState,
  { id, policy, number }: NonNullable<StatePolicySet['held']>[number],
) {
  if (policy === null) return { policy_version_id: id }
  return policies.some((one) => one.version_id === id) ? policy : { policy, version: number }
}

function activeView({ active, policy_sets }: ZoneState): Declared['active_policy_set'] {
  if (active === null) return null
  const isLatest = policy_sets.some(({ version_id }) => version_id === active.id)
  return { name: active.set, ...(!isLatest && { version: active.number }) }
}
