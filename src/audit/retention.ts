import type { Clock } from '../kernel/clock.ts'
import { newId } from '../kernel/ids.ts'
import { expiredPrefix, logsWithRetention, prune, thinCheckpoints } from '../store/audit-log.ts'
import type { Database } from '../store/database.ts'
import { recordEvents } from './record.ts'
import { tileWidth } from './tiles.ts'

interface RetentionContext {
  readonly db: Pick<Database, 'transaction'>
  readonly clock: Clock
}

const dayMs = 86_400_000
const hourMs = 3_600_000
/** Events that one transaction removes: whole bundles. */
const prunedAtOnce = 40 * tileWidth
/** How long a checkpoint is kept that no witness has signed and that is not the newest: there are some every second. */
const checkpointHours = 1

/**
 * Removes the events that are older than their zone keeps them, whole bundles from the beginning of
 * the log on, each step with its event. Their hashes stay, so the tree verifies all the same.
 */
export async function applyRetention({ db, clock }: RetentionContext): Promise<void> {
  const nowMs = clock.now()
  const logs = await db.transaction('*', (queries) => logsWithRetention(queries))
  for (const { zone, days } of logs) {
    const before = new Date(nowMs - days * dayMs)
    while (
      await db.transaction(zone, async (queries) => {
        const range = await expiredPrefix(queries, zone, before, prunedAtOnce)
        const to = range.to - (range.to % tileWidth)
        if (to <= range.from) return false
        await prune(queries, zone, to)
        await recordEvents(queries, nowMs, [
          {
            zone,
            type: 'log.prune',
            outcome: 'applied',
            actor: { kind: 'platform', id: 'platform', name: 'caracal.sys' },
            requestId: newId('request', nowMs),
            diagnostics: { from: range.from, to, older_than: before.toISOString() },
          },
        ])
        return true
      })
    );
  }
  const olderThan = new Date(nowMs - checkpointHours * hourMs)
  await db.transaction('*', (queries) => thinCheckpoints(queries, olderThan))
}
