import { sql } from 'kysely'
import type { Clock } from '../kernel/clock.ts'
import type { ZoneId } from '../kernel/ids.ts'
import type { Vault } from '../kernel/vault.ts'
import {
  findCheckpoint,
  insertCheckpoints,
  insertLog,
  integrateEvents,
  keepTiles,
  lockLogs,
  moveSizes,
  pendingLeaves,
  readTiles,
  type Log,
  type PendingLeaf,
} from '../store/audit-log.ts'
import type { Database, Queries } from '../store/database.ts'
import { logChannel } from '../store/notifications.ts'
import { checkpointText, parseCheckpoint } from './checkpoint.ts'
import { growingTree, type GrowingTree } from './growing-tree.ts'
import { generateNoteKey, noteSigner, parseNote, signNote, type NoteSigner } from './note.ts'
import { edgePlaces } from './tiles.ts'

export interface IntegratorContext {
  readonly db: Pick<Database, 'transaction'>
  readonly clock: Clock
  readonly vault: Vault
  readonly log: { error(facts: object, message: string): void }
  /** The base URL of the service, for the origin of a new log; null while it does not listen. */
  originBase(): string | null
}

/** A log that this process has appended to last. */
interface OpenLog {
  readonly zone: ZoneId
  readonly signer: NoteSigner
  readonly tree: GrowingTree
}

/** Events of one round: what waits longer for its checkpoint waits for the round after. */
const roundEvents = 5_000
const lockName = 'caracal.sequencer'

/** Appends to the logs of all zones, in rounds. */
export interface Integrator {
  /** Integrates what waits, up to a round's worth. Returns whether more may wait. */
  round(): Promise<boolean>
}

/** What one process knows of the logs. */
interface State {
  readonly context: IntegratorContext
  readonly open: Map<ZoneId, OpenLog>
  /** Logs that are not what their last checkpoint says: nothing more is signed in their name. */
  readonly broken: Set<ZoneId>
}

/**
 * Gives the events that wait their places in the logs of their zones and signs what the logs have
 * become. A round is one transaction under a lock that one replica has: it happens whole or not at
 * all, so a leader that dies leaves the next one a log and its last checkpoint.
 */
export function createIntegrator(context: IntegratorContext): Integrator {
  const state: State = { context, open: new Map(), broken: new Set() }
  return {
    async round() {
      const base = context.originBase()
      if (base === null) return false
      const done = await context.db.transaction('*', (queries) => integrate(state, queries, base))
      for (const log of done.logs) state.open.set(log.zone, log)
      return done.events === roundEvents
    },
  }
}

async function integrate(
  state: State,
  queries: Queries,
  base: string,
): Promise<{ readonly logs: readonly OpenLog[]; readonly events: number }> {
  const nothing = { logs: [], events: 0 }
  if (!(await haveLock(queries))) return nothing
  const leaves = await pendingLeaves(queries, [...state.broken], roundEvents)
  if (leaves.length === 0) return nothing
  const waiting = Map.groupBy(leaves, (leaf) => leaf.zone_id)
  const logs = await openLogs(state, queries, [...waiting.keys()], base)
  if (logs.length === 0) return nothing
  await append(queries, logs, waiting)
  await signLogs(state, queries, logs)
  return { logs, events: leaves.length }
}

/** Opens the logs of zones, new ones too; those that are broken are told of and left out. */
async function openLogs(
  state: State,
  queries: Queries,
  zones: readonly ZoneId[],
  base: string,
): Promise<readonly OpenLog[]> {
  const rows = await lockLogs(queries, zones)
  const known = new Set(rows.map((row) => row.zone_id))
  for (const zone of zones)
    if (!known.has(zone)) rows.push(await createLog(state, queries, zone, base))
  const logs: OpenLog[] = []
  for (const row of rows) {
    const log = await openLog(state, queries, row)
    if (log !== null) logs.push(log)
  }
  return logs
}

async function createLog(
  { context }: State,
  queries: Queries,
  zone: ZoneId,
  base: string,
): Promise<Log> {
  const { publicKey, privateDer } = generateNoteKey()
  return insertLog(queries, {
    zone_id: zone,
    origin: `${base.replace(/^https?:\/\//, '')}/audit/zones/${zone}`,
    public_key: publicKey,
    sealed_private: context.vault.seal(privateDer, logKeyPurpose(zone)),
    size: 0,
    created_at: new Date(context.clock.now()),
  })
}

/**
 * What is open is taken out and put back only when the round is committed: what this process
 * believes of a log is never more than what the database has kept of it.
 */
async function openLog(state: State, queries: Queries, row: Log): Promise<OpenLog | null> {
  const { context, broken } = state
  const zone = row.zone_id as ZoneId
  const open = state.open.get(zone)
  state.open.delete(zone)
  if (open?.tree.size === row.size) return open
  const tree = await treeOf(queries, row)
  if (tree === null) {
    broken.add(zone)
    context.log.error({ zone }, 'the audit log of a zone is not what its key has signed')
    return null
  }
  const privateDer = context.vault.open(row.sealed_private, logKeyPurpose(zone))
  return { zone, tree, signer: noteSigner(row.origin, row.public_key, privateDer) }
}

async function signLogs(
  { context }: State,
  queries: Queries,
  logs: readonly OpenLog[],
): Promise<void> {
  const now = new Date(context.clock.now())
  const checkpoints = logs.map(({ zone, tree, signer }) => {
    const { size } = tree
    const text = checkpointText({ origin: signer.name, size, root: tree.root() })
    const note = signNote(text, signer)
    return { zone_id: zone, size, note, cosignatures: '{}', created_at: now }
  })
  await insertCheckpoints(queries, checkpoints)
  await moveSizes(
    queries,
    logs.map(({ zone, tree }) => ({ zone, size: tree.size })),
  )
  for (const { zone } of logs) await sql`select pg_notify(${logChannel}, ${zone})`.execute(queries)
}

/** What the sealed private key of a log is bound to. */
export function logKeyPurpose(zone: ZoneId): string {
  return `log-key:${zone}`
}

async function haveLock(queries: Queries): Promise<boolean> {
  const { rows } = await sql<{ have: boolean }>`
    select pg_try_advisory_xact_lock(hashtext(${lockName})) as have`.execute(queries)
  return rows[0]?.have === true
}

/**
 * The tree of a log out of its tiles; null where they do not make the root of the last checkpoint:
 * who has changed them must not have it signed.
 */
async function treeOf(
  queries: Queries,
  { zone_id, size, origin }: Log,
): Promise<GrowingTree | null> {
  const zone = zone_id as ZoneId
  const tree = growingTree(size, await readTiles(queries, zone, edgePlaces(size)))
  if (size === 0 || tree === null) return tree
  const kept = await findCheckpoint(queries, zone, size)
  const checkpoint = parseCheckpoint(parseNote(kept?.note ?? '')?.text ?? '')
  return checkpoint?.origin === origin && checkpoint.root.equals(tree.root()) ? tree : null
}

async function append(
  queries: Queries,
  logs: readonly OpenLog[],
  waiting: ReadonlyMap<ZoneId, readonly PendingLeaf[]>,
): Promise<void> {
  const places: { position: number; sequence: number }[] = []
  for (const { zone, tree } of logs)
    for (const { position, leaf } of waiting.get(zone) ?? []) {
      places.push({ position, sequence: tree.size })
      tree.append(leaf)
    }
  await integrateEvents(queries, places)
  const tiles = logs.flatMap(({ zone, tree }) =>
    tree.takeChanged().map((tile) => ({ zone_id: zone, ...tile })),
  )
  await keepTiles(queries, tiles)
}
