import type { Clock } from '../kernel/clock.ts'
import { isFault, refuse, type Fault } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { findCheckpoint, keepCosignature, liveWitnesses } from '../store/audit-log.ts'
import type { Database, Queries } from '../store/database.ts'
import { parseCheckpoint } from './checkpoint.ts'
import type { PlatformEvent } from './event.ts'
import { parseNote, parseVerifierKey, verifyNote } from './note.ts'
import { recordEvents } from './record.ts'

interface Sent {
  readonly zone: ZoneId
  /** A checkpoint of the zone's log under which witnesses have signed. */
  readonly note: string
  readonly requestId: string
  readonly traceId: string | undefined
}

/**
 * Keeps the cosignatures that known witnesses have made under a kept checkpoint (C2SP
 * tlog-cosignature), with one event. What nobody known has signed is refused, with one event too.
 */
export async function acceptCosignatures(
  { db, clock }: { readonly db: Pick<Database, 'transaction'>; readonly clock: Clock },
  sent: Sent,
): Promise<void> {
  try {
    await db.transaction(sent.zone, async (queries) => {
      const { size, names } = await keep(queries, sent)
      const diagnostics = { size, witnesses: names }
      await recordEvents(queries, clock.now(), [eventOf(sent, { outcome: 'applied', diagnostics })])
    })
  } catch (error) {
    if (isFault(error)) await recordRefused({ db, clock }, sent, error)
    throw error
  }
}

async function keep(
  queries: Queries,
  { zone, note: text }: Sent,
): Promise<{ readonly size: number; readonly names: readonly string[] }> {
  const note = parseNote(text)
  const checkpoint = note === null ? null : parseCheckpoint(note.text)
  if (note === null || checkpoint === null)
    return refuse('invalid_body', 'Send a signed note: a checkpoint and its signatures.')
  const kept = await findCheckpoint(queries, zone, checkpoint.size)
  if (kept === undefined)
    return refuse('not_found', 'No checkpoint of this size is kept; cosign the newest one.')
  if (parseNote(kept.note)?.text !== note.text)
    return refuse('conflict', 'This is not the checkpoint that the log has signed.')
  const names: string[] = []
  for (const { id, name, verifier_key } of await liveWitnesses(queries, zone)) {
    const key = parseVerifierKey(verifier_key)
    const verdict = key === null ? null : verifyNote(note, key)
    if (verdict?.signed !== true) continue
    names.push(name)
    await keepCosignature(queries, zone, checkpoint.size, id, verdict.line)
  }
  if (names.length === 0)
    refuse('cosignature_invalid', 'None of the signatures is of a witness of this zone.')
  return { size: checkpoint.size, names }
}

async function recordRefused(
  { db, clock }: { readonly db: Pick<Database, 'transaction'>; readonly clock: Clock },
  sent: Sent,
  { code, status }: Fault,
): Promise<void> {
  const refused = { outcome: 'refused', reason: code, diagnostics: { status } } as const
  await db.transaction(sent.zone, (queries) =>
    recordEvents(queries, clock.now(), [eventOf(sent, refused)]),
  )
}

function eventOf(
  { zone, requestId, traceId }: Sent,
  rest: Pick<PlatformEvent, 'outcome' | 'reason' | 'diagnostics'>,
): PlatformEvent {
  const actor = { kind: 'anonymous', id: 'anonymous', name: '' } as const
  return { zone, type: 'log.cosign', actor, requestId, traceId, ...rest }
}
