import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseCheckpoint } from '../../src/audit/checkpoint.ts'
import { emptyTree } from '../../src/audit/growing-tree.ts'
import { leafHash } from '../../src/audit/merkle.ts'
import { encodeVerifierKey, parseNote, parseVerifierKey, verifyNote } from '../../src/audit/note.ts'
import { consistencyProof, inclusionProof, type ReadTiles } from '../../src/audit/proofs.ts'
import type { Tile } from '../../src/audit/tiles.ts'
import { provesConsistency, provesInclusion } from '../../src/audit/verify-proof.ts'

/** What golang.org/x/mod/sumdb/tlog and note say (test/interop/tlog, `-vectors`). */
interface Vectors {
  readonly roots: Readonly<Record<string, string>>
  readonly inclusion: readonly { size: number; index: number; proof: string[] }[]
  readonly consistency: readonly { size: number; old: number; proof: string[] }[]
  readonly verifier_key: string
  readonly note: string
}

const vectors = JSON.parse(
  readFileSync(new URL('tlog-vectors.json', import.meta.url), 'utf8'),
) as Vectors
const tree = emptyTree()
const tiles = new Map<string, Tile>()
const read: ReadTiles = (places) =>
  Promise.resolve(
    places.map(({ level, index }) => {
      const tile = tiles.get(`${level}/${index}`)
      if (tile === undefined) throw new Error(`no tile ${level}/${index}`)
      return tile
    }),
  )
const roots = new Map<number, Buffer>()
for (const size of Object.keys(vectors.roots).map(Number)) {
  while (tree.size < size) tree.append(leafHash(`event ${tree.size}`))
  roots.set(size, tree.root())
  for (const tile of tree.takeChanged()) tiles.set(`${tile.level}/${tile.index}`, tile)
}

function rootOf(size: number): Buffer {
  return roots.get(size) ?? Buffer.alloc(0)
}

function base64(hash: Buffer): string {
  return hash.toString('base64')
}

function bytes(hash: string): Buffer {
  return Buffer.from(hash, 'base64')
}

describe('Go’s tlog and this tree agree', () => {
  test.each(Object.entries(vectors.roots))('on the root of %s leaves', (size, root) => {
    expect(base64(rootOf(Number(size)))).toBe(root)
  })

  test.each(vectors.inclusion)('on the place $index of $size', async ({ size, index, proof }) => {
    expect((await inclusionProof(index, size, read)).map(base64)).toEqual(proof)
    const leaf = leafHash(`event ${index}`)
    expect(provesInclusion(leaf, index, size, rootOf(size), proof.map(bytes))).toBe(true)
  })

  test.each(vectors.consistency)('that $size continues $old', async ({ size, old, proof }) => {
    expect((await consistencyProof(old, size, read)).map(base64)).toEqual(proof)
    const [earlier, later] = [old, size].map((n) => ({ size: n, root: rootOf(n) }))
    if (earlier === undefined || later === undefined) throw new Error('no such tree')
    expect(provesConsistency(earlier, later, proof.map(bytes))).toBe(true)
  })

  test('on a signed note and its key', () => {
    const key = parseVerifierKey(vectors.verifier_key)
    const note = parseNote(vectors.note)
    if (key === null || note === null) throw new Error('not read')
    expect(encodeVerifierKey(key)).toBe(vectors.verifier_key)
    expect(verifyNote(note, key)).toMatchObject({ signed: true })
    expect(parseCheckpoint(note.text)).toMatchObject({ origin: key.name, size: 66_000 })
    const forged = parseNote(vectors.note.replace('66000', '66001'))
    expect(forged && verifyNote(forged, key)).toEqual({ signed: false, forged: true })
  })
})
