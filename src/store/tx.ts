import { newId, type Id, type IdKind, type ZoneId } from '../kernel/ids.ts'
import { bumpRevision } from './zones.ts'
import type { Queries } from './database.ts'

/** A value as JSON has it. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** One governed object as a change left it: its public fields, without secrets and bookkeeping. */
export interface Change {
  readonly kind: IdKind
  readonly id: string
  readonly zoneId: string
  readonly name: string | null
  readonly effect: 'create' | 'update' | 'archive'
  readonly before: Readonly<Record<string, Json>> | null
  readonly after: Readonly<Record<string, Json>> | null
}

/** Gives ids to new objects; a plan gives those that its preview has shown. */
export type IdSource = <K extends IdKind>(kind: K) => Id<K>

/** What one call does inside a transaction: its zone, its time and the changes it has made. */
export interface Tx {
  readonly queries: Queries
  readonly zone: ZoneId
  readonly nowMs: number
  readonly now: Date
  readonly changes: Change[]
  readonly newId: IdSource
  /** The revision that the zone's objects get from this transaction; the first call moves it. */
  revise(zone: ZoneId): Promise<number>
  /** The next call of the same transaction: its own changes, perhaps another zone and given ids. */
  next(zone: ZoneId, newId?: IdSource): Tx
}

/** The same call for a runtime act, whose objects get the zone's revision as it is. */
export function atRevision(tx: Tx, revision: number): Tx {
  return { ...tx, revise: () => Promise.resolve(revision) }
}

/** Begins the first call of a transaction; `nowMs` is the time of everything in it. */
export function openTx(queries: Queries, zone: ZoneId, nowMs: number): Tx {
  const now = new Date(nowMs)
  const revisions = new Map<ZoneId, Promise<number>>()
  const call = (inZone: ZoneId, ids: IdSource): Tx => ({
    queries,
    zone: inZone,
    nowMs,
    now,
    changes: [],
    newId: ids,
    revise(revised) {
      const bumped = revisions.get(revised) ?? bumpRevision(queries, revised, now)
      revisions.set(revised, bumped)
      return bumped
    },
    next: (nextZone, nextIds) => call(nextZone, nextIds ?? ids),
  })
  return call(zone, (kind) => newId(kind, nowMs))
}
