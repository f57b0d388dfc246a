import { hash } from 'node:crypto'

/** Bytes of a hash of the tree: SHA-256. */
export const hashBytes = 32

/** The hash of a leaf (RFC 6962 section 2.1). */
export function leafHash(entry: Buffer | string): Buffer {
  return sha256(Buffer.concat([leafPrefix, Buffer.from(entry)]))
}

/** The hash of an inner node (RFC 6962 section 2.1). */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  node.set(left, 1)
  node.set(right, 1 + hashBytes)
  return sha256(node)
}

/** What is hashed for a node: a byte 1 and its two children. */
const node = Buffer.alloc(1 + 2 * hashBytes, 1)

/** The root of the tree of no leaves. */
export const emptyRoot = sha256(Buffer.alloc(0))

/**
 * The Merkle tree hash of nodes of one height, from left to right. Those of a length that is no power of
 * two are hashed as RFC 6962 section 2.1 hashes that many leaves.
 */
export function rootOf(nodes: readonly Buffer[]): Buffer {
  const [first] = nodes
  if (first === undefined) return emptyRoot
  if (nodes.length === 1) return first
  const split = splitOf(nodes.length)
  return nodeHash(rootOf(nodes.slice(0, split)), rootOf(nodes.slice(split)))
}

/** The hash of the subtree over nodes of one height that follow each other; a power of two of them. */
export function perfectRoot(nodes: Buffer): Buffer {
  const layer = Buffer.from(nodes)
  for (let width = layer.length / hashBytes; width > 1; width /= 2)
    for (let at = 0; at < width / 2; at += 1) {
      layer.copy(node, 1, 2 * at * hashBytes, 2 * (at + 1) * hashBytes)
      layer.write(hash('sha256', node, 'binary'), at * hashBytes, 'binary')
    }
  return layer.subarray(0, hashBytes)
}

/** The largest power of two below `count`, which is at least 2: where a tree of that size divides. */
export function splitOf(count: number): number {
  let split = 1
  while (split * 2 < count) split *= 2
  return split
}

/** By way of a string: Node takes three times as long to make a buffer of a digest itself. */
function sha256(data: Buffer): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'binary')
}

const leafPrefix = Buffer.of(0)
