import { isDeepStrictEqual } from 'node:util'
import type { StepsPreview } from '../../gate/preview.ts'
import type { ApprovalRecord, PlanRecord } from '../../store/plans.ts'

type Since = NonNullable<PlanRecord['since']>
type Base = Omit<Since, 'differences'>
type Difference = Since['differences'][number]

/**
 * With what a rebased plan is compared: the preview that was approved, also over several rebases, or
 * the last one that was shown where none was.
 */
export function baseOf(row: PlanRecord, approvals: readonly ApprovalRecord[]): Base {
  const approved = approvals.some(
    ({ decision, digest }) => decision === 'approve' && digest === row.digest,
  )
  if (!approved && row.since !== null) return row.since
  return { digest: row.digest ?? '', approved, preview: row.preview }
}

/** What a preview shows otherwise than the one that it is compared with. */
export function differencesSince(base: Base, now: StepsPreview): Since {
  const { digest, approved, preview } = base
  return { digest, approved, preview, differences: differences(preview as StepsPreview, now) }
}

function differences(before: StepsPreview, after: StepsPreview): Difference[] {
  // What was decided meanwhile is no part of what the plan does.
  const { steps: _, access: __, replay: ___, ...now } = after
  const { steps: ____, access: _____, replay: ______, ...then } = before
  const ids = [...new Set([...before.steps, ...after.steps].map(({ id }) => id))]
  return [
    ...ids.flatMap((id) =>
      fieldDifferences(
        `steps.${id}.`,
        before.steps.find((step) => step.id === id) ?? {},
        after.steps.find((step) => step.id === id) ?? {},
      ),
    ),
    ...(['gained', 'lost', 'newly_gated'] as const).flatMap((effect) =>
      listDifferences(`access.${effect}`, before.access[effect], after.access[effect]),
    ),
    ...fieldDifferences('', then, now),
  ]
}

function fieldDifferences(
  prefix: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Difference[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((field) => !isSame(before[field], after[field]))
    .map((field) => ({
      path: `${prefix}${field}`,
      before: before[field] ?? null,
      after: after[field] ?? null,
    }))
}

/** Of a list only what one has and the other has not. */
function listDifferences(
  path: string,
  before: readonly unknown[],
  after: readonly unknown[],
): Difference[] {
  const without = (list: readonly unknown[], other: readonly unknown[]): unknown[] =>
    list.filter((item) => !other.some((one) => isSame(one, item)))
  const [gone, come] = [without(before, after), without(after, before)]
  return gone.length + come.length === 0 ? [] : [{ path, before: gone, after: come }]
}

/** As JSON: what has been stored has lost what JSON has no word for. */
function isSame(left: unknown, right: unknown): boolean {
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))
  return isDeepStrictEqual(plain(left), plain(right))
}
