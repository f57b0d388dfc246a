import { findOperation } from '../../../tools/catalogue.ts'
import { lifetimes } from '../../../system-zone/lifetimes.ts'
import { refuse } from '../../kernel/faults.ts'
import type { ZoneId } from '../../kernel/ids.ts'
import type { MandateInput, Risk } from '../../policy/input.ts'
import { planQuery, type PlanFacts } from '../../store/control-facts.ts'
import {
  controlTerms,
  decideMandate,
  identityOf,
  noteRequester,
  requireFacts,
  requireSystemIssuer,
} from '../control-mandate.ts'
import { readFacts } from '../facts.ts'
import { tokenTypes } from '../grant-types.ts'
import { issue, type Grant } from '../issue.ts'
import { required, scopesAsked } from '../parameters.ts'
import { canApprove, requesterOf } from '../requester.ts'
import type { Exchange } from '../parts.ts'

/** An approved plan becomes the mandate to apply exactly it, once, within a minute (operator.md). */
export const planMandate: Grant = {
  event: 'token.plan_mandate',
  async run(exchange) {
    requireSystemIssuer(exchange)
    const planId = required(exchange.parameters, 'subject_token')
    const asked = scopesAsked(exchange.parameters)
    const facts = await readFacts(exchange, null)
    const plan = await requireFacts<PlanFacts>(exchange, planQuery(planId, exchange.nowMs))
    notePlan(exchange, plan)
    const digest = plan.digest ?? refuseUnreadable('The plan was never previewed.')
    const target = plan.reach === 'platform' ? null : plan.zone.id
    const requester = requesterOf(plan.token, {
      principalId: plan.requester_id,
      zone: plan.zone.id,
      nowMs: exchange.nowMs,
    })
    const writeScopes = writeScopesOf(plan.operations)
    const identity = identityOf(exchange, facts.client)
    const scopes = decideMandate(exchange, {
      client: identity?.client ?? facts.client.id,
      use: 'plan',
      zone: zoneInput(plan),
      requester,
      operator_grants: identity?.scopes ?? [],
      requested: asked ?? writeScopes,
      read_scopes: [],
      plan: planInput(plan, digest, target, writeScopes, exchange.nowMs),
    })
    const terms = controlTerms(exchange, facts.client, plan.token, {
      target: [target ?? 'platform'],
      scopes,
      lifetimeSeconds: lifetimes.planMandateSeconds,
      plan: { id: plan.id, digest, approvals: plan.approvals.map(({ id }) => id) },
    })
    return issue(exchange, facts, terms, tokenTypes.accessToken)
  },
}

/** The event lies in the log of the zone that the plan changes; the platform's is the system zone's. */
function notePlan(exchange: Exchange, plan: PlanFacts): void {
  if (plan.reach === 'zone') exchange.event.zone = plan.zone.id
  exchange.event.planId = plan.id
  exchange.event.approvalIds = plan.approvals.map(({ id }) => id)
  noteRequester(exchange, plan.token)
}

/** A plan that names a system zone anywhere is refused like one in it. */
function zoneInput({ zone, reach, names_system_zone: system }: PlanFacts): MandateInput['zone'] {
  return reach === 'platform' && !system ? null : { ...zone, system }
}

function planInput(
  plan: PlanFacts,
  digest: string,
  target: ZoneId | null,
  writeScopes: readonly string[],
  nowMs: number,
): NonNullable<MandateInput['plan']> {
  return {
    id: plan.id,
    state: plan.state,
    digest,
    expired: plan.expires_at_ms <= nowMs,
    requester: plan.requester_id,
    zone: target,
    write_scopes: writeScopes,
    approvals_required: plan.approvals_required,
    // What the preview does not say must not make one person enough.
    second_person: plan.second_person ?? true,
    risk: (plan.risk ?? 'critical') as Risk,
    gained: plan.gained ?? 1,
    approvals: plan.approvals.map((approval) => ({
      id: approval.id,
      digest: approval.digest,
      approver: approval.approver_id,
      approver_can_approve:
        approval.token.principal_id === approval.approver_id &&
        canApprove(approval.token, target, nowMs),
      expired: approval.expires_at_ms <= nowMs,
      consumed: approval.consumed,
      kind: approval.kind,
      ...(approval.kind === 'autopilot' && {
        autopilot: { switched_on: approval.switched_on, opted_in: approval.opted_in },
      }),
    })),
  }
}

/** The control scopes that the steps need; all of them are operations that a plan may hold. */
function writeScopesOf(operations: readonly string[]): readonly string[] {
  const scopes = operations.map((id) => {
    const operation = findOperation(id)
    if (operation?.plannable !== true)
      return refuseUnreadable('A step of the plan is no operation that a plan may hold.')
    return operation.scope
  })
  return [...new Set(scopes)].sort()
}

function refuseUnreadable(message: string): never {
  return refuse('access_denied', message, { details: { reason: 'plan_unreadable' } })
}
