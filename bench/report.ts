import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { markdownTable } from '../scripts/markdown.ts'
import type { Figure } from './figure.ts'
import { targets, type Target } from './targets-table.ts'

const head = ['measure', 'per second', 'p50', 'p95', 'memory', 'target', 'met', 'of']

/** The figures as the table that docs/performance.md holds. */
export function table(figures: readonly Figure[]): string {
  return markdownTable(
    head,
    figures.map((one) => [
      targets[one.id].name,
      one.perSecond === null ? '' : whole(one.perSecond),
      one.p50Ms === null ? '' : duration(one.p50Ms),
      one.p95Ms === null ? '' : duration(one.p95Ms),
      one.megabytes === null ? '' : `${whole(one.megabytes)} MB`,
      targetText(targets[one.id]),
      one.met === null ? '' : one.met ? 'yes' : '**no**',
      one.note,
    ]),
  )
}

/**
 * What the figures are taken on. A load average that is not near zero before they are says that
 * something else has had its share of the machine.
 */
export function machine(): string {
  const [cpu] = cpus()
  const memory = `${whole(totalmem() / 1e9)} GB`
  const system = `${type()} ${release()}`
  const cores = `${availableParallelism()} cores (${cpu?.model ?? 'unknown'})`
  const load = `load average ${(loadavg()[0] ?? 0).toFixed(1)} before`
  return `${cores}, ${memory}, ${system}, Node ${process.versions.node}, ${load}`
}

function targetText(target: Target): string {
  return [
    target.perSecondAtLeast === undefined ? [] : [`at least ${whole(target.perSecondAtLeast)}/s`],
    target.p50MsBelow === undefined ? [] : [`p50 under ${duration(target.p50MsBelow)}`],
    target.p95MsBelow === undefined ? [] : [`p95 under ${duration(target.p95MsBelow)}`],
    target.megabytesBelow === undefined ? [] : [`under ${target.megabytesBelow} MB`],
  ]
    .flat()
    .join(', ')
}

function duration(ms: number): string {
  return `${ms < 1 ? ms.toFixed(3) : Number(ms.toFixed(ms < 100 ? 1 : 0))} ms`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
