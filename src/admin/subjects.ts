import { sql } from 'kysely'
import type { OutputOf } from '../../tools/catalogue.ts'
import { refuse } from '../kernel/faults.ts'
import { endBelow } from '../store/cascades.ts'
import { readPage } from '../store/pages.ts'
import {
  countLiveSessions,
  liveSessionsOf,
  revokeSubject,
  type Subject,
} from '../store/subjects.ts'
import type { Tx } from '../store/tx.ts'
import type { AdminHandlers } from './handlers.ts'
import { equals } from './list.ts'
import { isoOrNull } from './views.ts'

type View = OutputOf<'subjects.list'>['items'][number]

export function subjectHandlers(): AdminHandlers<'subjects'> {
  return {
    /** Index: subjects_zone. */
    async 'subjects.list'(tx, input) {
      const named = equals('user_id', input.user_id)
      const { rows, nextCursor } = await readPage<Subject>(tx.queries, {
        table: 'subjects',
        where: [sql`zone_id = ${tx.zone}`, ...(named === false ? [] : [named])],
        by: 'id',
        order: 'asc',
        limit: input.limit,
        cursor: input.cursor,
      })
      return { items: await viewsOf(tx, rows), next_cursor: nextCursor }
    },

    async 'subjects.revoke'(tx, input) {
      // The user's row comes first, so that nobody signs in as them in between.
      const subject =
        (await revokeSubject(tx.queries, tx.zone, tx.now, input.user_id)) ??
        refuse('not_found', 'This zone has not seen that user.', {
          details: { user_id: input.user_id },
        })
      const sessions = await liveSessionsOf(tx.queries, tx.zone, input.user_id)
      const ended = await endBelow(tx.queries, tx.zone, tx.now, { sessions }, 'subject_revoked')
      tx.changes.push({
        kind: 'subject',
        id: subject.id,
        zoneId: tx.zone,
        name: subject.name,
        effect: 'update',
        before: { user_id: subject.user_id, sessions },
        after: { user_id: subject.user_id, sessions: [] },
      })
      const [view] = await viewsOf(tx, [subject])
      if (view === undefined) throw new Error('a subject has no view')
      return { ...view, ended_sessions: ended.sessions, ended_delegations: ended.edges }
    },
  }
}

async function viewsOf(tx: Tx, rows: readonly Subject[]): Promise<View[]> {
  const userIds = rows.map(({ user_id }) => user_id)
  const live = await countLiveSessions(tx.queries, tx.zone, tx.now, userIds)
  return rows.map((row) => ({
    id: row.id,
    zone_id: row.zone_id,
    user_id: row.user_id,
    issuer_id: row.issuer_id,
    name: row.name,
    first_seen_at: row.first_seen_at.toISOString(),
    last_seen_at: row.last_seen_at.toISOString(),
    revoked_at: isoOrNull(row.revoked_at),
    live_sessions: live.get(row.user_id) ?? 0,
  }))
}
