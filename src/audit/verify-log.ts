import { parseCheckpoint, type Checkpoint } from './checkpoint.ts'
import { GrowingTree } from './growing-tree.ts'
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

/**
 * Hashes every event of a log again and compares it with the tree, the tree with the signed
 * checkpoint, and the checkpoint with one that was kept earlier. Memory does not grow with the log.
 */
export async function verifyLog(source: LogSource, options: VerifyOptions): Promise<Verified> {
  const run = new Verification(source, options)
  return run.run()
}

class Verification {
  readonly #source: LogSource
  readonly #options: VerifyOptions
  readonly #findings: Finding[] = []
  #pruned = 0

  constructor(source: LogSource, options: VerifyOptions) {
    this.#source = source
    this.#options = options
  }

  async run(): Promise<Verified> {
    const note = (await this.#source.read('checkpoint'))?.toString() ?? null
    const checkpoint = note === null ? null : this.#signed(note, 'The checkpoint of the log')
    const saved = this.#savedCheckpoint()
    if (note === null) this.#noCheckpoint(saved)
    else if (checkpoint !== null) {
      this.#refuseShorter(checkpoint, saved)
      await this.#hashAll(checkpoint, saved)
    }
    return { checkpoint, note, pruned: this.#pruned, findings: this.#findings }
  }

  /** A checkpoint that the log's key has signed; null, and a finding, for any other text. */
  #signed(text: string, what: string): Checkpoint | null {
    const { key } = this.#options
    const note = parseNote(text)
    const checkpoint = note === null ? null : parseCheckpoint(note.text)
    if (note !== null && checkpoint?.origin === key.name && verifyNote(note, key).signed)
      return checkpoint
    this.#find('forged_checkpoint', null, `${what} is not signed by the key of ${key.name}.`)
    return null
  }

  #savedCheckpoint(): Checkpoint | null {
    const { saved } = this.#options
    return saved === undefined ? null : this.#signed(saved, 'The checkpoint that was kept')
  }

  #noCheckpoint(saved: Checkpoint | null): void {
    if (saved === null) return
    const words = `The log is gone: a checkpoint that was kept has ${saved.size} events.`
    this.#find('truncated', 0, words)
  }

  #refuseShorter(checkpoint: Checkpoint, saved: Checkpoint | null): void {
    if (saved === null || saved.size <= checkpoint.size) return
    this.#find(
      'truncated',
      checkpoint.size,
      `The log was cut: it has ${checkpoint.size} events, and a checkpoint that was kept has ${saved.size}.`,
    )
  }

  async #hashAll(checkpoint: Checkpoint, saved: Checkpoint | null): Promise<void> {
    const { size } = checkpoint
    const ofTiles = new GrowingTree()
    const ofEntries = new GrowingTree()
    const tiles = Math.ceil(size / tileWidth)
    const ahead: Promise<readonly [Buffer | null, Buffer | null]>[] = []
    for (let next = 0, index = 0; index < tiles; index += 1) {
      for (; next < tiles && next < index + readAhead; next += 1) {
        const reading = this.#read(next, widthIn(size, { level: 0, index: next }))
        // What fails is seen where it is awaited.
        reading.catch(() => undefined)
        ahead.push(reading)
      }
      const [tile, bundle] = (await ahead.shift()) ?? [null, null]
      const width = widthIn(size, { level: 0, index })
      const leaves = this.#compare(index, width, tile, bundle)
      if (leaves === null) return
      this.#append(ofTiles, hashesOf(tile ?? Buffer.alloc(0)), null)
      this.#append(ofEntries, leaves, saved)
      this.#options.progress?.(Math.min(size, (index + 1) * tileWidth), size)
    }
    await this.#compareRoots(checkpoint, ofTiles, ofEntries)
  }

  #read(index: number, width: number): Promise<readonly [Buffer | null, Buffer | null]> {
    return Promise.all([
      this.#source.read(`tile/${tilePath(0, index, width)}`),
      this.#source.read(`tile/${tilePath('entries', index, width)}`),
    ])
  }

  /** The leaf hashes of a tile's events; null where nothing more can be checked. */
  #compare(
    index: number,
    width: number,
    tile: Buffer | null,
    bundle: Buffer | null,
  ): readonly Buffer[] | null {
    const first = index * tileWidth
    if (tile?.length !== width * hashBytes) {
      this.#find('tree_mismatch', first, `The tile of the events from ${first} on is missing.`)
      return null
    }
    const hashes = hashesOf(tile)
    if (bundle === null && this.#pruned === first) {
      this.#pruned = first + width
      return hashes
    }
    const leaves = bundleLeaves(bundle)
    this.#nameDifference(first, hashes, leaves)
    return leaves.length === width ? leaves : hashes
  }

  /** Says of the first event that has another hash than the tree what is the matter with it. */
  #nameDifference(first: number, hashes: readonly Buffer[], leaves: readonly Buffer[]): void {
    const at = hashes.findIndex((hash, i) => leaves[i]?.equals(hash) !== true)
    const hash = hashes[at]
    if (hash === undefined) return
    const sequence = first + at
    const own = leaves[at]
    if (own === undefined) {
      this.#find('missing', sequence, `Event ${sequence} is missing.`)
      return
    }
    const elsewhere = hashes.findIndex((one) => one.equals(own))
    if (elsewhere !== -1 && leaves.length < hashes.length)
      this.#find('missing', sequence, `Event ${sequence} is missing.`)
    else if (elsewhere !== -1 && leaves[elsewhere]?.equals(hash) === true)
      this.#find(
        'reordered',
        sequence,
        `Events ${sequence} and ${first + elsewhere} stand in each other's place.`,
      )
    else this.#find('edited', sequence, `Event ${sequence} is not what was logged: it was edited.`)
  }

  /** Appends hashes, and compares the root on the way where the kept checkpoint says what it was. */
  #append(tree: GrowingTree, hashes: readonly Buffer[], saved: Checkpoint | null): void {
    for (const hash of hashes) {
      tree.append(hash)
      if (tree.size === saved?.size && !tree.root().equals(saved.root))
        this.#find(
          'split_view',
          null,
          `Another history was signed: the first ${saved.size} events do not have the root of the checkpoint that was kept.`,
        )
    }
    tree.takeChanged()
  }

  async #compareRoots(
    checkpoint: Checkpoint,
    ofTiles: GrowingTree,
    ofEntries: GrowingTree,
  ): Promise<void> {
    if (ofTiles.root().equals(checkpoint.root)) return
    const range = await this.#firstBadTile(checkpoint.size)
    const where = range === null ? '' : ` The first hash that does not fit is of ${range.words}.`
    const proven = ofEntries.root().equals(checkpoint.root)
      ? ' The events themselves do: the hashes were changed.'
      : ''
    this.#find(
      'tree_mismatch',
      range?.start ?? null,
      `The hashes of the log do not have the root that was signed.${proven}${where}`,
    )
  }

  /** The first full tile of level 0 whose root is not what the tile above it says. */
  async #firstBadTile(size: number): Promise<{ start: number; words: string } | null> {
    for (let index = 0; index < Math.floor(size / tileWidth); index += 1) {
      const above = Math.floor(index / tileWidth)
      const width = widthIn(size, { level: 1, index: above })
      const [tile, parent] = await Promise.all([
        this.#source.read(`tile/${tilePath(0, index)}`),
        this.#source.read(`tile/${tilePath(1, above, width)}`),
      ])
      const at = (index % tileWidth) * hashBytes
      if (
        tile === null ||
        parent?.subarray(at, at + hashBytes).equals(rootOf(hashesOf(tile))) !== true
      ) {
        const start = index * tileWidth
        return { start, words: `the events ${start} to ${start + tileWidth - 1}` }
      }
    }
    return null
  }

  #find(kind: FindingKind, sequence: number | null, message: string): void {
    if (this.#findings.length < findingsMax) this.#findings.push({ kind, sequence, message })
  }
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
