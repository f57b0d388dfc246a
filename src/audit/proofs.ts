import { nodeHash, splitOf } from './merkle.ts'
import { nodeIn, tileHeight, tileWidth, type Tile, type TilePlace } from './tiles.ts'

/** Leaves from `start` up to and without `end`. */
interface Range {
  readonly start: number
  readonly end: number
}

/** Reads tiles by their places; each must be there. */
export type ReadTiles = (places: readonly TilePlace[]) => Promise<readonly Tile[]>

/**
 * The audit path of a leaf in the tree of the first `size` leaves (RFC 6962 section 2.1.1).
 * `index` < `size`.
 */
export function inclusionProof(
  index: number,
  size: number,
  read: ReadTiles,
): Promise<readonly Buffer[]> {
  return hashesOfRanges(pathOf(index, { start: 0, end: size }), read)
}

/**
 * The proof that the tree of the first `size` leaves begins with the first `earlier` ones
 * (RFC 6962 section 2.1.2). 0 < `earlier` <= `size`.
 */
export function consistencyProof(
  earlier: number,
  size: number,
  read: ReadTiles,
): Promise<readonly Buffer[]> {
  return hashesOfRanges(subproof(earlier, { start: 0, end: size }, true), read)
}

/** The root of the tree of the first `size` leaves, which are some. */
export async function rootAt(size: number, read: ReadTiles): Promise<Buffer> {
  const [root] = await hashesOfRanges([{ start: 0, end: size }], read)
  if (root === undefined) throw new RangeError('a tree of no leaves has no tiles')
  return root
}

function pathOf(index: number, { start, end }: Range): Range[] {
  if (end - start === 1) return []
  const middle = start + splitOf(end - start)
  return index < middle
    ? [...pathOf(index, { start, end: middle }), { start: middle, end }]
    : [...pathOf(index, { start: middle, end }), { start, end: middle }]
}

/** `whole` says that the earlier tree is this one, whose root whoever verifies has already. */
function subproof(earlier: number, { start, end }: Range, whole: boolean): Range[] {
  if (earlier === end) return whole ? [] : [{ start, end }]
  const middle = start + splitOf(end - start)
  return earlier <= middle
    ? [...subproof(earlier, { start, end: middle }, whole), { start: middle, end }]
    : [...subproof(earlier, { start: middle, end }, false), { start, end: middle }]
}

/** A subtree of 2^height leaves. */
interface Node {
  readonly height: number
  readonly start: number
}

async function hashesOfRanges(
  ranges: readonly Range[],
  read: ReadTiles,
): Promise<readonly Buffer[]> {
  const nodes = ranges.map(nodesOf)
  const tiles = await tilesOf(nodes.flat(), read)
  return nodes.map((parts) => {
    const hashes = parts.map((node) => {
      const tile = tiles.get(keyOf(placeOf(node)))
      if (tile === undefined) throw new RangeError('a tile of the log is missing')
      return nodeIn(tile, node.height, node.start)
    })
    return hashes.reduceRight((right, left) => nodeHash(left, right))
  })
}

/** The perfect subtrees that a range of a tree divides into, from left to right. */
function nodesOf({ start, end }: Range): readonly Node[] {
  const nodes: Node[] = []
  for (let at = start; at < end;) {
    let height = Math.floor(Math.log2(end - at))
    while (at % 2 ** height !== 0) height -= 1
    nodes.push({ height, start: at })
    at += 2 ** height
  }
  return nodes
}

async function tilesOf(nodes: readonly Node[], read: ReadTiles): Promise<Map<string, Tile>> {
  const places = new Map(nodes.map((node) => [keyOf(placeOf(node)), placeOf(node)]))
  const tiles = places.size === 0 ? [] : await read([...places.values()])
  return new Map(tiles.map((tile) => [keyOf(tile), tile]))
}

function placeOf({ height, start }: Node): TilePlace {
  const level = Math.floor(height / tileHeight)
  return { level, index: Math.floor(start / tileWidth ** (level + 1)) }
}

function keyOf({ level, index }: TilePlace): string {
  return `${level}/${index}`
}
