import { policyOf } from '../policy/authority.ts'
import type { PlanRule } from '../policy/document-schemas.ts'
import { matchesPattern } from '../policy/input.ts'
import { countApprovers } from '../store/principals.ts'
import { findZone } from '../store/zones.ts'
import { findOperation } from '../../tools/catalogue.ts'
import type { Call } from './handler.ts'
import type { GateContext } from './context.ts'
import type { Reach } from './steps.ts'
import type { z } from 'zod'
import type { preview } from '../../tools/plans.ts'

type StepsPreview = z.output<typeof preview>

/** What of a preview the policy on plans judges. */
interface Judged extends Pick<StepsPreview, 'access' | 'risk'> {
  readonly steps: readonly Pick<
    StepsPreview['steps'][number],
    'operation' | 'risk' | 'reversible' | 'zone_id'
  >[]
}

/** What the policy on plans says (policies/operator.rego, with the zone's own plan rules). */
export async function planPolicy(
  context: GateContext,
  call: Call,
  reach: Reach,
  { steps, access, risk }: Judged,
): Promise<StepsPreview['policy']> {
  const zone = await findZone(call.queries, call.zone)
  const version = zone?.active_policy_set_version_id ?? null
  const { documents } = await policyOf(call.queries, version)
  const decided = context.policy.operatorPlan({
    steps: steps.map((step) => ({
      operation: step.operation,
      effect: findOperation(step.operation)?.effect ?? 'act',
      risk: step.risk,
      reversible: step.reversible,
      zone: step.zone_id,
    })),
    risk,
    zone: zone === undefined ? null : { id: call.zone, slug: zone.slug, system: zone.system },
    requester: { id: call.principal.id, kind: isPerson(call) ? 'person' : 'automation' },
    access: {
      gained: access.gained.length,
      lost: access.lost.length,
      newly_gated: access.newly_gated.length,
    },
    // A plan that reaches beyond its zone is approved with global scope alone.
    persons_who_can_approve: await countApprovers(
      call.queries,
      reach === 'platform' ? null : call.zone,
      call.principal.id,
      call.now,
    ),
    rules: [...documents.plan_rules, ...(await rulesOfOthers(call, steps))],
  })
  return {
    decision: decided.decision,
    approvals: decided.approvals,
    second_person: decided.second_person,
    break_glass: decided.break_glass,
    reason: decided.reason,
    rules: [...decided.rules],
  }
}

/**
 * What the other zones that a plan reaches deny it, or demand of it: each of their rules about the
 * steps in that zone alone. What they allow is for plans of their own.
 */
async function rulesOfOthers(call: Call, steps: Judged['steps']): Promise<readonly PlanRule[]> {
  const others = new Set(steps.map((step) => step.zone_id).filter((id) => id !== null))
  others.delete(call.zone)
  const rules: PlanRule[] = []
  for (const id of others) {
    const zone = await findZone(call.queries, id)
    const { documents } = await policyOf(call.queries, zone?.active_policy_set_version_id ?? null)
    const names = [id, zone?.slug ?? id]
    for (const { when, ...rule } of documents.plan_rules) {
      const isAbout = (pattern: string) => names.some((name) => matchesPattern(pattern, name))
      if (rule.effect === 'allow' || when.zones?.some(isAbout) === false) continue
      rules.push({ ...rule, when: { ...when, zones: [id] } })
    }
  }
  return rules
}

/** A control mandate speaks for whoever asked, which the Operator lets only people do. */
function isPerson({ principal }: Call): boolean {
  return principal.kind === 'control' || (principal.kind === 'admin' && principal.person)
}
