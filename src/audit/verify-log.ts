import { parseCheckpoint, type Checkpoint } from './checkpoint.ts'
import { emptyTree, type GrowingTree } from './growing-tree.ts'
import { hashBytes, leafHash, rootOf } from './merkle.ts'
import { parseNote, verifyNote, type VerifierKey } from './note.ts'
import { entriesOf, hashesOf, tilePath, tileWidth, widthIn } from './tiles.ts'

/** Where the files of a log are read from: a service, a folder, a database. Null: not there. */
export interface LogSource {
  read(path: string): Promise<Buffer | null>
}

/** What can be wrong with a log. */
export type FindingKind =
  | 'forged_checkpoint'
  | 'truncated'
  | 'split_view'
  | 'edited'
  | 'reordered'
  | 'missing'
  | 'tree_mismatch'

export interface Finding {
  readonly kind: FindingKind
  /** Place of the first event concerned, where one can be named. */
  readonly sequence: number | null
  readonly message: string
}

export interface Verified {
  /** What was checked against; null where the log has no checkpoint that its key has signed. */
  readonly checkpoint: Checkpoint | null
  readonly note: string | null
  /** Events whose text retention has removed: their hashes were checked, and not their text. */
  readonly pruned: number
  readonly findings: readonly Finding[]
}

export interface VerifyOptions {
  readonly key: VerifierKey
  /** A checkpoint that was kept earlier, as a signed note. */
  readonly saved?: string | undefined
  /** Told after each tile of how many events have been hashed. */
  readonly progress?: (events: number, size: number) => void
}

/** Tiles that are read at the same time. */
const readAhead = 8
/** Findings after which the rest is not worth telling. */
const findingsMax = 20

/** A verification under way. */
interface Run {
  readonly source: LogSource
  readonly options: VerifyOptions
  readonly findings: Finding[]
  pruned: number
}

/**
 * Hashes every event of a log again and compares it with the tree, the tree with the signed
 * checkpoint, and the checkpoint with one that was kept earlier. Memory does not grow with the log.
 */
export async function verifyLog(source: LogSource, options: VerifyOptions): Promise<Verified> {
  const run: Run = { source, options, findings: [], pruned: 0 }
  const note = (await source.read('checkpoint'))?.toString() ?? null
  const checkpoint = note === null ? null : signedCheckpoint(run, note, 'The checkpoint of the log')
  const saved =
    options.saved === undefined
      ? null
      : signedCheckpoint(run, options.saved, 'The checkpoint that was kept')
  if (note === null && saved !== null)
    find(run, 'truncated', 0, `The log is gone: a kept checkpoint has ${saved.size} events.`)
  if (checkpoint !== null) {
    if (saved !== null && saved.size > checkpoint.size)
      find(
        run,
        'truncated',
        checkpoint.size,
        `The log was cut: it has ${checkpoint.size} events, and a kept checkpoint has ${saved.size}.`,
      )
    await hashAll(run, checkpoint, saved)
  }
  return { checkpoint, note, pruned: run.pruned, findings: run.findings }
}

function find(run: Run, kind: FindingKind, sequence: number | null, message: string): void {
  if (run.findings.length < findingsMax) run.findings.push({ kind, sequence, message })
}

/** A checkpoint that the log's key has signed; null, and a finding, for any other text. */
function signedCheckpoint(run: Run, text: string, what: string): Checkpoint | null {
  const { key } = run.options
  const note = parseNote(text)
  const checkpoint = note === null ? null : parseCheckpoint(note.text)
  if (note !== null && checkpoint?.origin === key.name && verifyNote(note, key).signed)
    return checkpoint
  find(run, 'forged_checkpoint', null, `${what} is not signed by the key of ${key.name}.`)
  return null
}

async function hashAll(run: Run, checkpoint: Checkpoint, saved: Checkpoint | null): Promise<void> {
  const { size } = checkpoint
  const [ofTiles, ofEntries] = [emptyTree(), emptyTree()]
  for await (const { index, tile, bundle } of tilesAhead(run.source, size)) {
    const width = widthIn(size, { level: 0, index })
    const leaves = compare(run, index, width, tile, bundle)
    if (leaves === null) return
    appendAll(run, ofTiles, hashesOf(tile ?? Buffer.alloc(0)), null)
    appendAll(run, ofEntries, leaves, saved)
    run.options.progress?.(Math.min(size, (index + 1) * tileWidth), size)
  }
  if (ofTiles.root().equals(checkpoint.root)) return
  const start = await firstBadTile(run.source, size)
  const end = (start ?? 0) + tileWidth - 1
  const where =
    start === null ? '' : ` The first that does not fit is of the events ${start} to ${end}.`
  const proven = ofEntries.root().equals(checkpoint.root)
    ? ' The events themselves do: the hashes were changed.'
    : ''
  const message = `The hashes of the log do not have the root that was signed.${proven}${where}`
  find(run, 'tree_mismatch', start, message)
}

interface TileWithEntries {
  readonly index: number
  readonly tile: Buffer | null
  readonly bundle: Buffer | null
}

/** The tiles of level 0 in their order with their entries, some of them read ahead. */
async function* tilesAhead(source: LogSource, size: number): AsyncGenerator<TileWithEntries> {
  const tiles = Math.ceil(size / tileWidth)
  const ahead: Promise<TileWithEntries>[] = []
  for (let next = 0; next < tiles || ahead.length > 0;) {
    for (; next < tiles && ahead.length < readAhead; next += 1) {
      const reading = readTile(source, next, widthIn(size, { level: 0, index: next }))
      // What fails is seen where it is awaited.
      reading.catch(() => undefined)
      ahead.push(reading)
    }
    const first = await ahead.shift()
    if (first !== undefined) yield first
  }
}

async function readTile(source: LogSource, index: number, width: number): Promise<TileWithEntries> {
  const [tile, bundle] = await Promise.all([
    source.read(`tile/${tilePath(0, index, width)}`),
    source.read(`tile/${tilePath('entries', index, width)}`),
  ])
  return { index, tile, bundle }
}

/** The leaf hashes of a tile's events; null where nothing more can be checked. */
function compare(
  run: Run,
  index: number,
  width: number,
  tile: Buffer | null,
  bundle: Buffer | null,
): readonly Buffer[] | null {
  const first = index * tileWidth
  if (tile?.length !== width * hashBytes) {
    find(run, 'tree_mismatch', first, `The tile of the events from ${first} on is missing.`)
    return null
  }
  const hashes = hashesOf(tile)
  if (bundle === null && run.pruned === first) {
    run.pruned = first + width
    return hashes
  }
  const leaves = bundleLeaves(bundle)
  nameDifference(run, first, hashes, leaves)
  return leaves.length === width ? leaves : hashes
}

/** Says of the first event that has another hash than the tree what is the matter with it. */
function nameDifference(
  run: Run,
  first: number,
  hashes: readonly Buffer[],
  leaves: readonly Buffer[],
): void {
  const at = hashes.findIndex((hash, i) => leaves[i]?.equals(hash) !== true)
  const hash = hashes[at]
  if (hash === undefined) return
  const sequence = first + at
  const own = leaves[at]
  const elsewhere = own === undefined ? -1 : hashes.findIndex((one) => one.equals(own))
  if (own === undefined || (elsewhere !== -1 && leaves.length < hashes.length))
    find(run, 'missing', sequence, `Event ${sequence} is missing.`)
  else if (elsewhere !== -1 && leaves[elsewhere]?.equals(hash) === true)
    find(
      run,
      'reordered',
      sequence,
      `Events ${sequence} and ${first + elsewhere} stand in each other's place.`,
    )
  else find(run, 'edited', sequence, `Event ${sequence} is not what was logged: it was edited.`)
}

/** Appends hashes, and compares the root on the way where the kept checkpoint says what it was. */
function appendAll(
  run: Run,
  tree: GrowingTree,
  hashes: readonly Buffer[],
  saved: Checkpoint | null,
): void {
  for (const hash of hashes) {
    tree.append(hash)
    if (tree.size === saved?.size && !tree.root().equals(saved.root))
      find(
        run,
        'split_view',
        null,
        `Another history was signed: the first ${saved.size} events do not have the root of the kept checkpoint.`,
      )
  }
  tree.takeChanged()
}

/** Where the first full tile of level 0 begins whose root is not what the tile above it says. */
async function firstBadTile(source: LogSource, size: number): Promise<number | null> {
  for (let index = 0; index < Math.floor(size / tileWidth); index += 1) {
    const above = Math.floor(index / tileWidth)
    const width = widthIn(size, { level: 1, index: above })
    const [tile, parent] = await Promise.all([
      source.read(`tile/${tilePath(0, index)}`),
      source.read(`tile/${tilePath(1, above, width)}`),
    ])
    const at = (index % tileWidth) * hashBytes
    const said = parent?.subarray(at, at + hashBytes)
    if (tile === null || said?.equals(rootOf(hashesOf(tile))) !== true) return index * tileWidth
  }
  return null
}

/** The hashes of the entries of a bundle, as far as they can be read. */
function bundleLeaves(bundle: Buffer | null): readonly Buffer[] {
  if (bundle === null) return []
  try {
    return entriesOf(bundle).map((entry) => leafHash(entry))
  } catch {
    return []
  }
}
