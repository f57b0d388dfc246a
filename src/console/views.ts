import type { z } from 'zod'
import type { accessTuple } from '../../tools/access.ts'
import type { auditEvent } from '../../tools/audit.ts'
import type { message } from '../../tools/conversations.ts'
import type { plan, planState, preview, stepPreview } from '../../tools/plans.ts'
import type { zone } from '../../tools/zones.ts'

export type ZoneView = z.output<typeof zone>
export type PlanView = z.output<typeof plan>
export type PlanState = z.output<typeof planState>
export type PreviewView = z.output<typeof preview>
export type StepView = z.output<typeof stepPreview>
export type ChangeView = StepView['changes'][number]
export type AccessTuple = z.output<typeof accessTuple>
export type AuditEvent = z.output<typeof auditEvent>
export type MessageView = z.output<typeof message>

/** A secret that an apply has made, with the step that it belongs to. */
export interface OneTimeSecret {
  readonly step: string
  readonly field: string
  readonly value: string
}
