import type { GateContext } from '../../gate/context.ts'
import type { Call } from '../../gate/handler.ts'
import { planPolicy } from '../../gate/plan-policy.ts'
import type { StepsPreview } from '../../gate/preview.ts'
import { highest } from '../../gate/risk.ts'
import type { PlanRecord } from '../../store/plans.ts'

/** What a reviewing model has found of a plan. */
export type Review = NonNullable<PlanRecord['review']>

/** A preview with the risk that a review has raised, judged again by the policy on plans. */
export async function raised(
  context: GateContext,
  call: Call,
  reach: PlanRecord['reach'],
  preview: StepsPreview,
  review: Review | null,
): Promise<StepsPreview> {
  if (review === null) return preview
  const risk = highest([preview.risk, review.risk])
  if (risk === preview.risk) return preview
  const warning = `The reviewing model ${review.model} raised the risk to ${risk}: ${review.reason}`
  return {
    ...preview,
    risk,
    policy: await planPolicy(context, call, reach, { ...preview, risk }),
    warnings: [...preview.warnings, warning],
  }
}
