import { emptyRoot, hashBytes, nodeHash, rootOf } from './merkle.ts'
import { edgePlaces, hashesOf, tileWidth, widthIn, type Tile } from './tiles.ts'

/** A tree as whoever appends to it knows it: the tiles at its right edge. */
export class GrowingTree {
  #size: number
  /** By level, the hashes of the tile that is not full. */
  readonly #edge: Buffer[][]
  readonly #full: Tile[] = []
  /** Levels whose tile at the edge has grown since the tiles were last taken. */
  readonly #grown = new Set<number>()

  /** The tree of no leaves, or one that {@link growingTree} has read. */
  constructor(size = 0, edge: Buffer[][] = []) {
    this.#size = size
    this.#edge = edge
  }

  get size(): number {
    return this.#size
  }

  append(leaf: Buffer): void {
    this.#size += 1
    this.#push(0, leaf)
  }

  #push(level: number, hash: Buffer): void {
    const tile = (this.#edge[level] ??= [])
    tile.push(hash)
    this.#grown.add(level)
    if (tile.length < tileWidth) return
    this.#full.push({ level, index: this.#indexAt(level) - 1, hashes: Buffer.concat(tile) })
    this.#edge[level] = []
    this.#push(level + 1, rootOf(tile))
  }

  /** The index of the tile of a level that is not full. */
  #indexAt(level: number): number {
    return Math.floor(this.#size / tileWidth ** (level + 1))
  }

  /** The root of the whole tree (RFC 6962 section 2.1). */
  root(): Buffer {
    const subtrees = this.#edge.toReversed().flatMap((tile) => perfectSubtrees(tile))
    return (
      subtrees.reduceRight<Buffer | null>(
        (right, left) => (right === null ? left : nodeHash(left, right)),
        null,
      ) ?? emptyRoot
    )
  }

  /** The tiles that have changed since this was last asked. */
  takeChanged(): readonly Tile[] {
    const partial = this.#edge.flatMap((tile, level) =>
      tile.length === 0 || !this.#grown.has(level)
        ? []
        : [{ level, index: this.#indexAt(level), hashes: Buffer.concat(tile) }],
    )
    this.#grown.clear()
    return [...this.#full.splice(0), ...partial]
  }
}

/**
 * The tree of `size` leaves out of the tiles at its right edge, one for every place of
 * `edgePlaces(size)`; null where one is missing or not that wide.
 */
export function growingTree(size: number, tiles: readonly Tile[]): GrowingTree | null {
  const edge: Buffer[][] = []
  for (const place of edgePlaces(size)) {
    const width = widthIn(size, place)
    const tile = tiles.find(({ level, index }) => level === place.level && index === place.index)
    if (tile === undefined || tile.hashes.length < width * hashBytes) return null
    edge[place.level] = hashesOf(tile.hashes.subarray(0, width * hashBytes))
  }
  return new GrowingTree(size, edge)
}

/** Roots of the subtrees of 128, 64, ... that nodes of one height divide into, from left to right. */
function perfectSubtrees(nodes: readonly Buffer[]): readonly Buffer[] {
  const roots: Buffer[] = []
  let at = 0
  for (let width = tileWidth / 2; width >= 1; width /= 2) {
    if ((nodes.length & width) === 0) continue
    roots.push(rootOf(nodes.slice(at, at + width)))
    at += width
  }
  return roots
}
