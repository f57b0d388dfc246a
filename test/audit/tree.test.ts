import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyTree, growingTree } from '../../src/audit/growing-tree.ts'
import { emptyRoot, hashBytes, leafHash, rootOf } from '../../src/audit/merkle.ts'
import { consistencyProof, inclusionProof, rootAt, type ReadTiles } from '../../src/audit/proofs.ts'
import {
  bundleOf,
  edgePlaces,
  entriesOf,
  parseTilePath,
  tilePath,
  tileWidth,
  widthIn,
  type Tile,
} from '../../src/audit/tiles.ts'
import { provesConsistency, provesInclusion } from '../../src/audit/verify-proof.ts'

const sizeMax = 70_000
const leaves = Array.from({ length: sizeMax }, (_, n) => leafHash(`event ${n}`))

/** Grows a tree in steps, with a new hand at each step that knows what the last one kept. */
function grow(sizes: readonly number[]): { read: ReadTiles; roots: Map<number, Buffer> } {
  const kept = new Map<string, Tile>()
  const roots = new Map<number, Buffer>()
  let at = 0
  for (const size of sizes) {
    const edge = edgePlaces(at).map(({ level, index }) => kept.get(`${level}/${index}`))
    const tree = growingTree(
      at,
      edge.filter((tile) => tile !== undefined),
    )
    if (tree === null) throw new Error('the tiles do not make a tree')
    for (const leaf of leaves.slice(at, size)) tree.append(leaf)
    for (const tile of tree.takeChanged()) kept.set(`${tile.level}/${tile.index}`, tile)
    at = size
    roots.set(size, tree.root())
  }
  const read: ReadTiles = (places) =>
    Promise.resolve(
      places.map(({ level, index }) => {
        const tile = kept.get(`${level}/${index}`)
        if (tile === undefined) throw new Error(`no tile ${level}/${index}`)
        return tile
      }),
    )
  return { read, roots }
}

const whole = grow([sizeMax])
const size = fc.oneof(
  fc.integer({ min: 1, max: 600 }),
  fc.integer({ min: 1, max: sizeMax }),
  fc.constantFrom(1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537),
)

/** Often such that a tile is full where somebody else goes on. */
const step = fc.oneof(
  fc.integer({ min: 1, max: 1_500 }),
  fc.constantFrom(1, 255, 256, 257, 512, 65_280, 65_536),
)

describe('a growing tree', () => {
  test('of no leaves has the root that RFC 6962 gives it', () => {
    expect(emptyTree().root()).toEqual(emptyRoot)
  })

  test('has the same root whoever continues it, however often', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        const sums = steps.reduce<number[]>((all, more) => [...all, (all.at(-1) ?? 0) + more], [])
        const sizes = sums.filter((sum) => sum <= sizeMax)
        for (const [count, root] of grow(sizes).roots)
          expect(root).toEqual(rootOf(leaves.slice(0, count)))
      }),
      { numRuns: 40 },
    )
  })

  test('cannot be continued from tiles that are not as wide as it is long', () => {
    const short = { level: 0, index: 0, hashes: Buffer.alloc(9 * hashBytes) }
    expect(growingTree(10, [short])).toBeNull()
    expect(growingTree(10, [])).toBeNull()
  })

  test.each([1, 256, 257, 65_536, 70_000])('of %i leaves has tiles as wide as it says', (count) => {
    for (const place of edgePlaces(count)) {
      const width = widthIn(count, place)
      expect(width).toBeGreaterThan(0)
      expect(width).toBeLessThan(tileWidth)
    }
  })
})

describe('proofs', () => {
  test('of inclusion hold for the leaf, and for no other place, root or leaf', async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), async (count, chance) => {
        const index = chance % count
        const root = await rootAt(count, whole.read)
        expect(root).toEqual(rootOf(leaves.slice(0, count)))
        const proof = await inclusionProof(index, count, whole.read)
        const leaf = leaves[index] ?? Buffer.alloc(0)
        expect(provesInclusion(leaf, index, count, root, proof)).toBe(true)
        expect(provesInclusion(leafHash('another'), index, count, root, proof)).toBe(false)
        expect(provesInclusion(leaf, index, count, leafHash('no root'), proof)).toBe(false)
        if (count > 1)
          expect(provesInclusion(leaf, (index + 1) % count, count, root, proof)).toBe(false)
        expect(provesInclusion(leaf, index, count, root, [...proof, leaf])).toBe(false)
        expect(provesInclusion(leaf, index, count, root, proof.slice(1))).toBe(count === 1)
      }),
      { numRuns: 60 },
    )
  })

  test('of consistency hold for the two trees and for no others', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, async (one, other) => {
        const [least, most] = [Math.min(one, other), Math.max(one, other)]
        const earlier = { size: least, root: await rootAt(least, whole.read) }
        const later = { size: most, root: await rootAt(most, whole.read) }
        const proof = await consistencyProof(least, most, whole.read)
        expect(provesConsistency(earlier, later, proof)).toBe(true)
        const forged = { size: least, root: leafHash('another history') }
        expect(provesConsistency(forged, later, proof)).toBe(false)
        expect(provesConsistency(earlier, { ...later, root: forged.root }, proof)).toBe(false)
        expect(provesConsistency(earlier, later, [...proof, forged.root])).toBe(false)
        if (least < most) expect(provesConsistency(later, earlier, proof)).toBe(false)
      }),
      { numRuns: 60 },
    )
  })
})

describe('addresses of tiles', () => {
  test.each([
    [0, 0, 256, '0/000'],
    [0, 999, 256, '0/999'],
    [1, 1_234_067, 256, '1/x001/x234/067'],
    [2, 1_000, 17, '2/x001/000.p/17'],
    ['entries', 5, 1, 'entries/005.p/1'],
  ] as const)('level %s index %i width %i is %s', (level, index, width, path) => {
    expect(tilePath(level, index, width)).toBe(path)
    expect(parseTilePath(path)).toEqual({ level, index, width })
  })

  test.each([
    '',
    '0',
    '0/0',
    '00/000',
    '100/000',
    '0/1000',
    '0/x000/001',
    '0/001/002',
    '0/x001',
    '0/000.p/0',
    '0/000.p/256',
    '0/000.p/01',
    '0/000.p/',
    '-1/000',
    'data/000',
    '0/000/',
    '../0/000',
    '0/x999/x999/x999/x999/x999/999',
  ])('%j is the address of none', (path) => {
    expect(parseTilePath(path)).toBeNull()
  })

  test('a bundle gives back the entries that it is made of, and refuses to end in one', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 20 }), (entries) => {
        const bundle = bundleOf(entries)
        expect(entriesOf(bundle).map(String)).toEqual(entries)
        if (bundle.length > 0 && entries.at(-1) !== '')
          expect(() => entriesOf(bundle.subarray(0, -1))).toThrow(RangeError)
      }),
    )
  })
})
