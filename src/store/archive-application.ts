import { liveGrantsOf } from './grants.ts'
import { archiveObject, type ObjectRow } from './objects.ts'
import type { Tx } from './tx.ts'

/** Archives an application: its grants end with it. */
export async function archiveApplication(
  tx: Tx,
  application: ObjectRow<'applications'>,
): Promise<void> {
  await archiveObject(tx, 'applications', application)
  for (const grant of await liveGrantsOf(tx.queries, tx.zone, { application_id: application.id }))
    await archiveObject(tx, 'grants', grant)
}
