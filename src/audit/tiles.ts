import { hashBytes, perfectRoot } from './merkle.ts'

/** Hashes of a full tile (C2SP tlog-tiles). */
export const tileWidth = 256
/** Levels of the tree between two levels of tiles. */
export const tileHeight = 8

/** Where a tile stands: hashes of subtrees of 256^level leaves, the index-th 256 of them. */
export interface TilePlace {
  readonly level: number
  readonly index: number
}

export interface Tile extends TilePlace {
  /** Its hashes, 32 bytes each, up to 256. */
  readonly hashes: Buffer
}

/** How many hashes the tile at a place has in a tree of `size` leaves. */
export function widthIn(size: number, { level, index }: TilePlace): number {
  const hashes = Math.floor(size / tileWidth ** level) - index * tileWidth
  return Math.max(0, Math.min(tileWidth, hashes))
}

/** The places of the tiles at the right edge of a tree that are not full, from level 0 upwards. */
export function edgePlaces(size: number): readonly TilePlace[] {
  const places: TilePlace[] = []
  for (let level = 0, count = size; count > 0; level += 1) {
    const index = Math.floor(count / tileWidth)
    if (count % tileWidth > 0) places.push({ level, index })
    count = index
  }
  return places
}

/** The path of a tile or of an entry bundle under the log's prefix, without `tile/`. */
export function tilePath(level: number | 'entries', index: number, width = tileWidth): string {
  const groups = [String(index % 1_000).padStart(3, '0')]
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000))
    groups.unshift(`x${String(rest % 1_000).padStart(3, '0')}`)
  const partial = width === tileWidth ? '' : `.p/${width}`
  return `${level}/${groups.join('/')}${partial}`
}

export interface TileRequest {
  readonly level: number | 'entries'
  readonly index: number
  readonly width: number
}

const pathPattern =
  /^(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,4}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/** Reads a path that {@link tilePath} makes; null for any other text, so each tile has one address. */
export function parseTilePath(path: string): TileRequest | null {
  const [, named, groups, partial] = pathPattern.exec(path) ?? []
  if (named === undefined || groups === undefined) return null
  const level = named === 'entries' ? named : Number(named)
  const index = Number(groups.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? tileWidth : Number(partial)
  if (!Number.isSafeInteger(index) || (partial !== undefined && width >= tileWidth)) return null
  return tilePath(level, index, width) === path ? { level, index, width } : null
}

/** The hashes of a tile, one by one. */
export function hashesOf(tile: Buffer): Buffer[] {
  return Array.from({ length: tile.length / hashBytes }, (_, i) =>
    tile.subarray(i * hashBytes, (i + 1) * hashBytes),
  )
}

/** The entries of a bundle: each is preceded by its length, 16 bits big-endian. */
export function bundleOf(entries: readonly string[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const bytes = Buffer.from(entry)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(bytes.length)
      return [length, bytes]
    }),
  )
}

/** Takes a bundle apart. Throws a RangeError where it ends in the middle of an entry. */
export function entriesOf(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at < bundle.length;) {
    const start = at + 2
    at = start + bundle.readUInt16BE(at)
    if (at > bundle.length) throw new RangeError('the bundle ends in the middle of an entry')
    entries.push(bundle.subarray(start, at))
  }
  return entries
}

/** The hash of the subtree of 2^height leaves that begins at `start`, out of the tile that has it. */
export function nodeIn(tile: Tile, height: number, start: number): Buffer {
  const leavesOfHash = tileWidth ** tile.level
  const first = start / leavesOfHash - tile.index * tileWidth
  const count = 2 ** (height - tile.level * tileHeight)
  const nodes = tile.hashes.subarray(first * hashBytes, (first + count) * hashBytes)
  if (nodes.length !== count * hashBytes) throw new RangeError('the tile does not reach that far')
  return perfectRoot(nodes)
}
