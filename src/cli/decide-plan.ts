import type { z } from 'zod'
import type { plans } from '../../tools/plans.ts'
import type { auditEvent } from '../../tools/audit.ts'
import type { AdminClient } from '../client/admin-client.ts'
import { CaracalError } from '../client/caracal-error.ts'
import { CliError, exitCodes } from './exit-codes.ts'
import { isYes, type Io } from './io.ts'
import type { PlanView } from './plan-view.ts'
import { inline } from './render-value.ts'
import { safeLine } from './safe-text.ts'
import { renderTable } from './table.ts'

type ApplyOperation = Extract<(typeof plans)[number], { id: 'plans.apply' }>
export type Applied = z.output<ApplyOperation['output']>
type AuditEvent = z.output<typeof auditEvent>

/** A plan's end: applied, with what it left, or waiting for what is still missing. */
export type Decided =
  | {
      readonly outcome: 'applied'
      readonly applied: Applied
      readonly events: readonly AuditEvent[]
    }
  | { readonly outcome: 'waiting'; readonly plan: PlanView }

/** The plans that a person can still bring to an end. */
export function isOpen(plan: Pick<PlanView, 'state'>): boolean {
  return plan.state === 'pending_approval' || plan.state === 'approved'
}

/** Why a plan goes no further; null where it can be approved and applied. */
export function refusalOf(plan: PlanView): CliError | null {
  const blocked = plan.preview?.steps.filter((step) => step.blocked !== null) ?? []
  if (blocked.length > 0) {
    const [first] = blocked
    const why = first?.blocked?.message ?? ''
    const message = `The plan cannot be applied: ${safeLine(first?.summary ?? '')}: ${safeLine(why)}`
    return refused('plan_blocked', message, { steps: blocked.map(({ id }) => id) })
  }
  if (plan.preview?.policy.decision === 'deny')
    return refused(
      'plan_denied',
      `Policy refuses this plan: ${safeLine(plan.preview.policy.reason)}`,
    )
  if (isOpen(plan)) return null
  return refused('plan_state', `This plan is ${plan.state}; it can no longer be applied.`)
}

function refused(
  code: string,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): CliError {
  return new CliError(exitCodes.refused, code, message, { details })
}

/** How to approve from elsewhere, for whoever is not asked. */
export function approvalHint(plan: PlanView): string {
  const digest = plan.digest === null ? '' : ` --digest ${plan.digest}`
  return plan.state === 'approved'
    ? `Apply it: caracal plan apply ${plan.id}${digest}`
    : `Approve and apply it: caracal plan approve ${plan.id}${digest} --apply`
}

export interface Decision {
  /** The digest of what the person has seen. */
  readonly digest: string
  readonly reason: string | null
}

/**
 * Approves exactly what was seen. Where the service wants a typed reason, as of an administrator who
 * is alone, the person is asked for it.
 */
export async function approve(
  client: AdminClient,
  zone: string,
  plan: Pick<PlanView, 'id'>,
  decision: Decision,
  io: Io,
): Promise<PlanView> {
  const { digest, reason } = decision
  const input = { plan_id: plan.id, digest, ...(reason === null ? {} : { reason }) }
  try {
    return await client.plans.approve(zone, input)
  } catch (error) {
    const wantsReason =
      error instanceof CaracalError && error.code === 'break_glass_reason_required'
    if (!wantsReason || !io.interactive || reason !== null) throw error
    io.note(safeLine(error.message))
    const typed = (await io.ask('Reason: '))?.trim() ?? ''
    if (typed === '') throw error
    return client.plans.approve(zone, { ...input, reason: typed })
  }
}

/** Approves a plan where that is still needed and applies it where that is then possible. */
export async function approveAndApply(
  client: AdminClient,
  zone: string,
  plan: PlanView,
  decision: Decision,
  io: Io,
): Promise<Decided> {
  const approved =
    plan.state === 'approved' ? plan : await approve(client, zone, plan, decision, io)
  if (approved.state !== 'approved') return { outcome: 'waiting', plan: approved }
  return apply(client, zone, plan.id, decision.digest)
}

/** Applies an approved plan; `digest`, where given, must still be the plan's. */
export async function apply(
  client: AdminClient,
  zone: string,
  planId: string,
  digest: string | null,
): Promise<Decided> {
  const input = { plan_id: planId, ...(digest === null ? {} : { digest }) }
  const applied = await client.plans.apply(zone, input)
  return { outcome: 'applied', applied, events: await eventsOf(client, zone, applied) }
}

/**
 * The audit events of the request that applied, of every zone that it reached and of the platform;
 * what apply itself says, without the audit capability.
 */
async function eventsOf(
  client: AdminClient,
  zone: string,
  { plan, events }: Applied,
): Promise<readonly AuditEvent[]> {
  const { request_id, reach } = plan
  if (request_id === null) return []
  const others = new Set(events.map((event) => event.zone_id).filter((id) => id !== plan.zone_id))
  try {
    const logs = await Promise.all([
      ...[zone, ...others].map((log) => client.audit.byRequest(log, { request_id })),
      ...(reach === 'platform' ? [client.audit.platform({ request_id })] : []),
    ])
    // Each log is in order already, and sorting is stable: what one millisecond holds stays so.
    return logs.flatMap((log) => log.items).sort((a, b) => Date.parse(a.time) - Date.parse(b.time))
  } catch (error) {
    if (error instanceof CaracalError && error.status === 403) return []
    throw error
  }
}

/** Asks the person on the terminal; false for anything but a yes. */
export async function confirm(io: Io, question: string): Promise<boolean> {
  return isYes(await io.ask(`${question} [y/N] `))
}

/** What a plan that was applied leaves: its events, and secrets that are shown this once. */
export function renderApplied(decided: Extract<Decided, { outcome: 'applied' }>, io: Io): string {
  const { applied, events } = decided
  const { paint } = io
  const done = applied.replayed
    ? `Plan ${applied.plan.id} had been applied before; nothing was done.`
    : `${paint.green('Applied')} plan ${applied.plan.id}, all of it.`
  return [done, eventTable(applied, events, io), secretsOf(applied, io)]
    .filter((part) => part !== '')
    .join('\n\n')
}

function eventTable(applied: Applied, events: readonly AuditEvent[], io: Io): string {
  const style = { columns: io.columns, head: io.paint.dim }
  const title = io.paint.bold('Audit events')
  if (events.length > 0) {
    const rows = events.map((event) => [
      safeLine(event.type),
      event.outcome,
      inline(event.target?.name ?? event.target?.id),
      safeLine(event.actor.name),
      event.id,
    ])
    const head = ['type', 'outcome', 'target', 'actor', 'id']
    return `${title}\n${renderTable(head, rows, style, [3])}`
  }
  if (applied.events.length === 0) return ''
  const rows = applied.events.map(({ type, outcome, id }) => [safeLine(type), outcome, id])
  return `${title}\n${renderTable(['type', 'outcome', 'id'], rows, style)}`
}

function secretsOf({ secrets, plan }: Applied, { paint }: Io): string {
  if (secrets.length === 0) return ''
  const lines = secrets.map(({ step, field, value }) => {
    const summary = plan.preview?.steps.find(({ id }) => id === step)?.summary ?? step
    return `  ${safeLine(summary)}: ${field} ${paint.yellow(safeLine(value))}`
  })
  return [
    paint.yellow('Store these now: they are shown this once and kept nowhere.'),
    ...lines,
  ].join('\n')
}
