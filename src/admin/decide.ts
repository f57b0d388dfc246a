import type { OutputOf } from '../../tools/catalogue.ts'
import { decisionInput, policyOf, loadAuthority } from '../policy/authority.ts'
import { explainDecision } from '../policy/explain.ts'
import type { Decision } from '../policy/input.ts'
import type { Id } from '../kernel/ids.ts'
import { refuse } from '../kernel/faults.ts'
import type { Tx } from '../store/tx.ts'
import type { AdminServices } from './handlers.ts'

/** A request to decide without minting anything. */
export interface Asked {
  readonly application_id: string
  readonly resource_id: string
  readonly user_id?: string | undefined
  readonly scopes: readonly string[]
  /** The policy set version that decides; absent: the active one. */
  readonly versionId?: string | undefined
  readonly nowMs: number
  readonly sourceIp: string | null
}

/** Decides as the token endpoint would, by the same contract, and says why. */
export async function decide(
  services: AdminServices,
  tx: Tx,
  asked: Asked,
): Promise<OutputOf<'access.check'>> {
  const found = await loadAuthority(tx.queries, tx.zone, {
    applicationId: asked.application_id,
    resource: { id: asked.resource_id },
  })
  if (found.application === null || found.resource === null)
    refuse('not_found', 'There is no such application or resource in this zone.')
  const authority =
    asked.versionId === undefined
      ? found
      : {
          ...found,
          zone: { ...found.zone, versionId: asked.versionId as Id<'policySetVersion'> },
          ...(await policyOf(tx.queries, asked.versionId)),
        }
  const input = decisionInput(authority, {
    userId: asked.user_id ?? null,
    scopes: asked.scopes,
    nowMs: asked.nowMs,
    sourceIp: asked.sourceIp,
    hops: 0,
    approved: [],
  })
  const decision = await services.policy.decideWith(authority.custom, input)
  const { summary, smallest_change } = explainDecision(input, decision)
  return { ...decisionView(decision), explanation: summary, smallest_change }
}

function decisionView(decision: Decision) {
  return {
    allow: decision.allow,
    reason: decision.reason,
    scopes: Object.fromEntries(
      Object.entries(decision.scopes).map(([scope, { verdict, reason, rules }]) => [
        scope,
        { verdict, reason, rules: [...rules] },
      ]),
    ),
    missing: [...decision.missing],
    rules: [...decision.rules],
    risk: decision.risk,
    obligations: decision.obligations.map((item) => ({ ...item, scopes: [...item.scopes] })),
  }
}
