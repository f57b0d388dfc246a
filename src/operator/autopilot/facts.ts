import type { Outcome } from '../../gate/outcome.ts'
import type { StepsPreview } from '../../gate/preview.ts'

/** What a plan says of itself: known to whoever has the plan, and so checked again by evidence. */
export interface PlanFacts {
  readonly zone: string
  readonly reach: 'zone' | 'platform'
  readonly requester: string
  readonly risk: string
  readonly reversible: boolean
  readonly steps: readonly {
    readonly operation: string
    readonly zone: string | null
    readonly risk: string
    readonly reversible: boolean
    readonly blocked: boolean
  }[]
  readonly changes: readonly {
    readonly kind: string
    readonly zone: string
    readonly effect: string
    readonly fields: readonly string[]
    /** Whether a value of it is a secret, which a preview shows as a word in its place. */
    readonly secret: boolean
  }[]
  readonly gained: number
  readonly policy: {
    readonly decision: string
    readonly approvals: number
    readonly second_person: boolean
    readonly rules: readonly string[]
  }
}

/** How much of a budget was spent before, in changed objects, and how much there is. */
interface Budget {
  readonly spent: number
  readonly limit: number
}

/** Everything that the obligations of autopilot are decided on. */
export interface ProofFacts {
  readonly plan: PlanFacts
  readonly switched_on: boolean
  readonly conversation: {
    readonly id: string
    readonly zone: string
    /** Whether the plan was made in it. */
    readonly own: boolean
    readonly mode: string
    readonly opted_in: boolean
  }
  /** Whoever has opted in, with what their admin token holds now. */
  readonly person: {
    readonly id: string
    readonly is_person: boolean
    readonly can_approve: boolean
  }
  readonly budget: { readonly plan: Budget; readonly conversation: Budget; readonly day: Budget }
  /** Null: the steps were not run, or the zone is too large to be compared as a whole. */
  readonly outcome:
    (Outcome & { /** Did what the plan shows. */ readonly as_shown: boolean }) | null
}

/** The parts of a plan that the facts are taken from, as its row and its evidence have them. */
export interface PlanParts {
  readonly zone_id: string
  readonly reach: 'zone' | 'platform'
  readonly requester_id: string
  readonly risk: string | null
  readonly preview: StepsPreview
}

const secretWords: readonly unknown[] = ['present', 'generated at apply']

export function planFacts({ zone_id, reach, requester_id, risk, preview }: PlanParts): PlanFacts {
  const { policy } = preview
  return {
    zone: zone_id,
    reach,
    requester: requester_id,
    risk: risk ?? 'critical',
    reversible: preview.reversible,
    steps: preview.steps.map((step) => ({
      operation: step.operation,
      zone: step.zone_id,
      risk: step.risk,
      reversible: step.reversible,
      blocked: step.blocked !== null,
    })),
    changes: preview.steps
      .flatMap((step) => step.changes)
      .map(({ kind, zone_id: zone, effect, fields }) => ({
        kind,
        zone,
        effect,
        fields: fields.map(({ field }) => field),
        secret: fields.some(
          ({ before, after }) => secretWords.includes(before) || secretWords.includes(after),
        ),
      })),
    gained: preview.access.gained.length,
    policy: {
      decision: policy.decision,
      approvals: policy.approvals,
      second_person: policy.second_person || policy.break_glass,
      rules: policy.rules,
    },
  }
}
