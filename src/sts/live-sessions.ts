import { refuse } from '../kernel/faults.ts'
import { chainQuery, whyNotLive, type NotLive, type Session } from '../store/sessions.ts'
import type { Exchange } from './parts.ts'

const messages: Readonly<Record<NotLive, string>> = {
  suspended: 'A session that this rests upon is suspended; it can be resumed.',
  terminated: 'A session that this rests upon has been ended.',
  expired: 'A session that this rests upon has expired.',
}

/** Sessions with all above them, the given ones first; refuses where one of them cannot act. */
export async function readLive(
  { parts, zone, nowMs }: Exchange,
  ids: readonly string[],
): Promise<readonly Session[]> {
  const chain = await parts.reader.read<Session>(zone, chainQuery(zone, ids))
  if (ids.some((id) => !chain.some((session) => session.id === id)))
    refuse('invalid_request', 'There is nothing of that id.', {
      details: { reason: 'subject_token_unknown' },
    })
  const reason = whyNotLive(chain, nowMs)
  if (reason !== null)
    refuse('invalid_request', messages[reason], { details: { reason: `session_${reason}` } })
  return chain
}
