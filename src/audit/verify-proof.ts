import { nodeHash } from './merkle.ts'

/**
 * Whether the hashes prove that a leaf stands at `index` of the tree with this size and root
 * (RFC 9162 section 2.1.3.2).
 */
export function provesInclusion(
  leaf: Buffer,
  index: number,
  size: number,
  root: Buffer,
  proof: readonly Buffer[],
): boolean {
  if (!isPlace(index) || !isPlace(size) || index >= size) return false
  let place = index
  let last = size - 1
  let hash = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      hash = nodeHash(sibling, hash)
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)]
    } else hash = nodeHash(hash, sibling)
    place = Math.floor(place / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && hash.equals(root)
}

/** A tree by its size and root. */
export interface Tree {
  readonly size: number
  readonly root: Buffer
}

/** Whether the hashes prove that one tree begins with the other (RFC 9162 section 2.1.4.2). */
export function provesConsistency(earlier: Tree, later: Tree, proof: readonly Buffer[]): boolean {
  if (!isPlace(earlier.size) || !isPlace(later.size) || earlier.size > later.size) return false
  if (earlier.size === later.size) return proof.length === 0 && earlier.root.equals(later.root)
  if (earlier.size === 0) return proof.length === 0
  const isPower = Number.isInteger(Math.log2(earlier.size))
  const [first, ...rest] = isPower ? [earlier.root, ...proof] : proof
  if (first === undefined) return false
  let place = earlier.size - 1
  let last = later.size - 1
  while (place % 2 === 1) [place, last] = [Math.floor(place / 2), Math.floor(last / 2)]
  let [earlierHash, laterHash] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    if (place % 2 === 1 || place === last) {
      earlierHash = nodeHash(sibling, earlierHash)
      laterHash = nodeHash(sibling, laterHash)
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)]
    } else laterHash = nodeHash(laterHash, sibling)
    place = Math.floor(place / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && earlierHash.equals(earlier.root) && laterHash.equals(later.root)
}

function isPlace(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
