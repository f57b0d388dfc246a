import type { ZoneId } from '../kernel/ids.ts'
import { entriesBetween, findCheckpoint, findLog, readTiles } from '../store/audit-log.ts'
import type { Log, LogCheckpoint } from '../store/audit-log.ts'
import type { Queries } from '../store/database.ts'
import { hashBytes } from './merkle.ts'
import { encodeVerifierKey, signatureTypes } from './note.ts'
import { bundleOf, parseTilePath, tileWidth, widthIn, type TileRequest } from './tiles.ts'

/** What stands under the prefix of a log (C2SP tlog-tiles); null: there is no such file. */
export type LogFile = { readonly bytes: Buffer } | 'pruned' | null

/** The newest checkpoint with the cosignatures it has, as a signed note. */
export async function readCheckpointFile(queries: Queries, zone: ZoneId): Promise<LogFile> {
  const checkpoint = await findCheckpoint(queries, zone)
  return checkpoint === undefined ? null : { bytes: Buffer.from(noteOf(checkpoint)) }
}

/** The signed note of a checkpoint with every signature that is kept of it. */
export function noteOf({ note, cosignatures }: LogCheckpoint): string {
  return [note, ...Object.values(cosignatures).map((line) => `${line}\n`)].join('')
}

/** The key of a log as one line. */
export function verifierKeyOf({ origin, public_key }: Log): string {
  const { ed25519: type } = signatureTypes
  return encodeVerifierKey({ name: origin, type, publicKey: public_key })
}

/** A tile or a bundle of entries by its path, such as `0/x001/002` or `entries/000.p/17`. */
export async function readTileFile(queries: Queries, zone: ZoneId, path: string): Promise<LogFile> {
  const request = parseTilePath(path)
  const log = request === null ? undefined : await findLog(queries, zone)
  if (request === null || log === undefined) return null
  const { level, index, width } = request
  const place = { level: level === 'entries' ? 0 : level, index }
  if (widthIn(log.size, place) < width) return null
  return level === 'entries'
    ? readBundle(queries, zone, request, log.pruned)
    : readHashes(queries, zone, { ...place, width })
}

async function readBundle(
  queries: Queries,
  zone: ZoneId,
  { index, width }: TileRequest,
  pruned: number,
): Promise<LogFile> {
  const from = index * tileWidth
  if (from < pruned) return 'pruned'
  const rows = await entriesBetween(queries, zone, from, from + width)
  return { bytes: bundleOf(rows.map((row) => row.entry)) }
}

async function readHashes(
  queries: Queries,
  zone: ZoneId,
  {
    level,
    index,
    width,
  }: { readonly level: number; readonly index: number; readonly width: number },
): Promise<LogFile> {
  const [tile] = await readTiles(queries, zone, [{ level, index }])
  const bytes = tile?.hashes.subarray(0, width * hashBytes)
  return bytes?.length === width * hashBytes ? { bytes } : null
}
