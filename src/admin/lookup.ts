import { refuse } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { isReserved } from '../kernel/names.ts'
import { findObject, type GovernedTable, type ObjectRow } from '../store/objects.ts'
import type { Tx } from '../store/tx.ts'

const words: Readonly<Record<GovernedTable, string>> = {
  applications: 'application',
  providers: 'provider',
  resources: 'resource',
  grants: 'grant',
  subject_issuers: 'subject issuer',
  webhooks: 'webhook',
  witnesses: 'witness',
  policies: 'policy',
  policy_versions: 'policy version',
  policy_sets: 'policy set',
  policy_set_versions: 'policy set version',
}

/** An object of the call's zone, archived or not. An id of another zone is as if it were not there. */
export async function get<T extends GovernedTable>(
  tx: Tx,
  table: T,
  id: string,
): Promise<ObjectRow<T>> {
  const row = await findObject(tx.queries, tx.zone, table, id)
  return (
    row ??
    refuse('not_found', `There is no such ${words[table]} in this zone.`, { details: { id } })
  )
}

/** An object of the call's zone that can still be changed or referred to. */
export async function getLive<T extends GovernedTable>(
  tx: Tx,
  table: T,
  id: string,
): Promise<ObjectRow<T>> {
  const row = await get(tx, table, id)
  if (row.archived_at !== null)
    refuse('archived', `This ${words[table]} is archived.`, { details: { id } })
  return row
}

/** Refuses a name, slug, identifier or label that claims the platform's own namespace. */
export function refuseReserved(zone: ZoneId, system: ZoneId, ...names: readonly string[]): void {
  if (zone === system) return
  const claimed = names.find((name) => isReserved(name))
  if (claimed !== undefined)
    refuse('reserved_namespace', 'Names under caracal.sys belong to the platform.', {
      details: { name: claimed },
    })
}
