import type { ZoneId } from '../kernel/ids.ts'
import { endApplication } from './cascades.ts'
import { liveGrantsOf } from './grants.ts'
import { archiveObject, type ObjectRow } from './objects.ts'
import { endOfMandatesAt, insertRevocations } from './revocations.ts'
import type { Tx } from './tx.ts'

/** Archives an application with its grants, its sessions and delegations, and ends its mandates. */
export async function archiveApplication(
  tx: Tx,
  current: ObjectRow<'applications'>,
): Promise<void> {
  const zone = current.zone_id as ZoneId
  await archiveObject(tx, 'applications', current)
  for (const grant of await liveGrantsOf(tx.queries, zone, { application_id: current.id }))
    await archiveObject(tx, 'grants', grant)
  await endApplication(tx.queries, zone, tx.now, current.id)
  await insertRevocations(tx.queries, zone, tx.now, [
    { anchor: 'client', value: current.id, expiresAt: endOfMandatesAt(tx.nowMs) },
  ])
}
