import { targets, type MeasureId, type Target } from './targets-table.ts'

/** What was measured of one thing; what does not apply is null. */
export interface Measured {
  /** Completed per second. */
  readonly perSecond: number | null
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly megabytes: number | null
  /** What a reader must know to compare it, such as how many samples it rests upon. */
  readonly note: string
}

export interface Figure extends Measured {
  readonly id: MeasureId
  /** Null: the project has set no target for it. */
  readonly met: boolean | null
}

const nothing = { perSecond: null, p50Ms: null, p95Ms: null, megabytes: null, note: '' } as const

/** A figure beside its target. A figure that was not taken meets no target. */
export function figure(id: MeasureId, measured: Partial<Measured>): Figure {
  const all = { ...nothing, ...measured }
  const target: Target = targets[id]
  const { perSecondAtLeast, p50MsBelow, p95MsBelow, megabytesBelow } = target
  const checks = [
    perSecondAtLeast === undefined ? [] : [(all.perSecond ?? 0) >= perSecondAtLeast],
    p50MsBelow === undefined ? [] : [(all.p50Ms ?? Infinity) < p50MsBelow],
    p95MsBelow === undefined ? [] : [(all.p95Ms ?? Infinity) < p95MsBelow],
    megabytesBelow === undefined ? [] : [(all.megabytes ?? Infinity) < megabytesBelow],
  ].flat()
  return { id, ...all, met: checks.length === 0 ? null : checks.every(Boolean) }
}

/** The 50th and 95th percentile of durations in milliseconds, by nearest rank. */
export function percentiles(
  durationsMs: readonly number[] | Float64Array,
): Pick<Measured, 'p50Ms' | 'p95Ms'> {
  const sorted = Float64Array.from(durationsMs).sort()
  const rank = (share: number): number | null =>
    sorted[Math.ceil(sorted.length * share) - 1] ?? null
  return { p50Ms: rank(0.5), p95Ms: rank(0.95) }
}
