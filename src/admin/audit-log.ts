import type { InputOf, OutputOf } from '../../tools/catalogue.ts'
import { parseCheckpoint } from '../audit/checkpoint.ts'
import { noteOf, readCheckpointFile, readTileFile, verifierKeyOf } from '../audit/log-files.ts'
import { leafHash } from '../audit/merkle.ts'
import { parseNote, parseVerifierKey } from '../audit/note.ts'
import { consistencyProof, inclusionProof, type ReadTiles } from '../audit/proofs.ts'
import { verifyLog, type LogSource } from '../audit/verify-log.ts'
import { refuse } from '../kernel/faults.ts'
import {
  checkpointFrom,
  entriesBetween,
  findLog,
  placeOfEvent,
  readTiles,
  type Log,
  type LogCheckpoint,
} from '../store/audit-log.ts'
import { isWaiting } from '../store/events.ts'
import type { Tx } from '../store/tx.ts'
import type { AdminHandlers } from './handlers.ts'

type LogOperation =
  'checkpoint' | 'proof' | 'consistency' | 'entries' | 'verify' | 'export' | 'follow'

/** The operations on the log of a zone as a tree: what outsiders can check it with. */
export const auditLogHandlers: Pick<AdminHandlers<'audit'>, `audit.${LogOperation}`> = {
  async 'audit.checkpoint'(tx, input) {
    return checkpointView(await openLog(tx), await checkpointOf(tx, input.size))
  },

  'audit.proof': prove,

  async 'audit.consistency'(tx, input) {
    const log = await openLog(tx)
    const checkpoint = await checkpointOf(tx, input.to)
    if (input.from > checkpoint.size)
      refuse(
        'invalid_query',
        `from is at most ${checkpoint.size}, the size of the log it is to be in.`,
      )
    const hashes = await consistencyProof(input.from, checkpoint.size, tilesOf(tx))
    return {
      from: input.from,
      hashes: hashes.map(base64),
      checkpoint: checkpointView(log, checkpoint),
    }
  },

  async 'audit.entries'(tx, input) {
    const { size, pruned } = (await findLog(tx.queries, tx.zone)) ?? { size: 0, pruned: 0 }
    const items = await entriesBetween(tx.queries, tx.zone, input.from, input.from + input.limit)
    return { items, size, pruned }
  },

  async 'audit.verify'(tx) {
    const log = await openLog(tx)
    const key = parseVerifierKey(verifierKeyOf(log))
    if (key === null) throw new Error('the log has no key that can be read')
    const { checkpoint, pruned, findings } = await verifyLog(sourceOf(tx), { key })
    return {
      verified: checkpoint !== null && findings.length === 0,
      size: checkpoint?.size ?? 0,
      pruned,
      root: checkpoint === null ? null : base64(checkpoint.root),
      findings: [...findings],
    }
  },

  async 'audit.export'(tx) {
    return { until: (await findLog(tx.queries, tx.zone))?.size ?? 0 }
  },

  async 'audit.follow'(tx) {
    return { after: ((await findLog(tx.queries, tx.zone))?.size ?? 0) - 1 }
  },
}

async function prove(tx: Tx, input: InputOf<'audit.proof'>): Promise<OutputOf<'audit.proof'>> {
  const place = await placeOfEvent(tx.queries, tx.zone, input.event_id)
  if (place === undefined) return refuseUnplaced(tx, input.event_id)
  const log = await openLog(tx)
  const checkpoint = await checkpointOf(tx, input.size)
  if (place.sequence >= checkpoint.size)
    refuse('invalid_query', `The event came later: size is at least ${place.sequence + 1}.`)
  const hashes = await inclusionProof(place.sequence, checkpoint.size, tilesOf(tx))
  return {
    event_id: input.event_id,
    sequence: place.sequence,
    entry: place.entry,
    leaf_hash: base64(leafHash(place.entry)),
    hashes: hashes.map(base64),
    checkpoint: checkpointView(log, checkpoint),
  }
}

async function refuseUnplaced(tx: Tx, id: string): Promise<never> {
  if (await isWaiting(tx.queries, tx.zone, id))
    refuse('not_ready', 'The event is recorded and gets its place in the log in a moment.')
  return refuse('not_found', 'No event in the log of this zone has this id.', { details: { id } })
}

async function openLog(tx: Tx): Promise<Log> {
  const log = await findLog(tx.queries, tx.zone)
  return log ?? refuse('not_ready', 'The log of this zone gets its first checkpoint in a moment.')
}

/** The newest checkpoint, or the one of a size: any other size was never signed. */
async function checkpointOf(tx: Tx, size: number | undefined): Promise<LogCheckpoint> {
  const found = await checkpointFrom(tx.queries, tx.zone, size)
  return (
    found ??
    refuse('not_found', 'No checkpoint of that size or a larger one is kept.', {
      details: { size: size ?? null },
    })
  )
}

function checkpointView(log: Log, row: LogCheckpoint): OutputOf<'audit.checkpoint'> {
  const note = noteOf(row)
  const read = parseCheckpoint(parseNote(note)?.text ?? '')
  if (read === null) throw new Error('a kept checkpoint cannot be read')
  return {
    origin: read.origin,
    size: read.size,
    root_hash: base64(read.root),
    note,
    verifier_key: verifierKeyOf(log),
    created_at: row.created_at.toISOString(),
  }
}

function tilesOf(tx: Tx): ReadTiles {
  return (places) => readTiles(tx.queries, tx.zone, places)
}

function sourceOf(tx: Tx): LogSource {
  return {
    async read(path) {
      const file =
        path === 'checkpoint'
          ? await readCheckpointFile(tx.queries, tx.zone)
          : await readTileFile(tx.queries, tx.zone, path.slice('tile/'.length))
      return file === null || file === 'pruned' ? null : file.bytes
    },
  }
}

function base64(hash: Buffer): string {
  return hash.toString('base64')
}
