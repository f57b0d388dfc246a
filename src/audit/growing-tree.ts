import { emptyRoot, hashBytes, nodeHash, perfectRoot } from './merkle.ts'
import { edgePlaces, hashesOf, tileWidth, widthIn, type Tile } from './tiles.ts'

/** A tree as whoever appends to it knows it: the tiles at its right edge. */
export interface GrowingTree {
  /** Its leaves. */
  readonly size: number
  append(leaf: Buffer): void
  /** The root of the whole tree (RFC 6962 section 2.1). */
  root(): Buffer
  /** The tiles that have changed since this was last asked. */
  takeChanged(): readonly Tile[]
}

/** The tree of no leaves. */
export function emptyTree(): GrowingTree {
  return treeFrom(0, [])
}

/**
 * The tree of `size` leaves out of the tiles at its right edge, one for every place of
 * `edgePlaces(size)`; null where one is missing or not that wide.
 */
export function growingTree(size: number, tiles: readonly Tile[]): GrowingTree | null {
  const places = edgePlaces(size)
  const edge = Array.from({ length: 1 + (places.at(-1)?.level ?? -1) }, (): Buffer[] => [])
  for (const place of places) {
    const width = widthIn(size, place)
    const tile = tiles.find(({ level, index }) => level === place.level && index === place.index)
    if (tile === undefined || tile.hashes.length < width * hashBytes) return null
    edge[place.level] = hashesOf(tile.hashes.subarray(0, width * hashBytes))
  }
  return treeFrom(size, edge)
}

/** `edge` has, by level, the hashes of the tile that is not full. */
function treeFrom(leaves: number, edge: Buffer[][]): GrowingTree {
  let size = leaves
  const full: Tile[] = []
  /** Levels whose tile at the edge has grown since the tiles were last taken. */
  const grown = new Set<number>()

  /** The index of the tile of a level that is not full. */
  const indexAt = (level: number): number => Math.floor(size / tileWidth ** (level + 1))

  function push(level: number, hash: Buffer): void {
    const tile = (edge[level] ??= [])
    tile.push(hash)
    grown.add(level)
    if (tile.length < tileWidth) return
    const hashes = Buffer.concat(tile)
    full.push({ level, index: indexAt(level) - 1, hashes })
    edge[level] = []
    push(level + 1, perfectRoot(hashes))
  }

  return {
    get size() {
      return size
    },
    append(leaf) {
      size += 1
      push(0, leaf)
    },
    root: () => foldRight(edge.toReversed().flatMap((tile) => perfectSubtrees(tile))),
    takeChanged() {
      const partial = edge.flatMap((tile, level) =>
        tile.length === 0 || !grown.has(level)
          ? []
          : [{ level, index: indexAt(level), hashes: Buffer.concat(tile) }],
      )
      grown.clear()
      return [...full.splice(0), ...partial]
    },
  }
}

function foldRight(subtrees: readonly Buffer[]): Buffer {
  const [last = emptyRoot, ...rest] = subtrees.toReversed()
  return rest.reduce((right, left) => nodeHash(left, right), last)
}

/** Roots of the subtrees of 128, 64, ... that nodes of one height divide into, from left to right. */
function perfectSubtrees(nodes: readonly Buffer[]): readonly Buffer[] {
  const roots: Buffer[] = []
  let at = 0
  for (let width = tileWidth / 2; width >= 1; width /= 2) {
    if ((nodes.length & width) === 0) continue
    roots.push(perfectRoot(Buffer.concat(nodes.slice(at, at + width))))
    at += width
  }
  return roots
}
