import type { ZoneId } from '../kernel/ids.ts'
import { decisionInput, loadAuthority, type Authority } from '../policy/authority.ts'
import { isApplicationId, readFacts } from '../policy/recorded-facts.ts'
import { decisionsOfZone } from '../store/events.ts'
import type { GateContext } from './context.ts'
import type { Call } from './handler.ts'

/** A request that a zone has decided on of late, in the words of its event. */
export interface RecentDecision {
  readonly application: string
  readonly resource: string
  readonly user: string | null
  readonly scopes: readonly string[]
  /** Whether it asked for whatever it holds of the scopes, and not for all of them. */
  readonly held: boolean
  readonly sourceIp: string | null
  readonly hops: number
  readonly approved: readonly string[]
  /** How often the very same was asked and answered. */
  readonly times: number
  /** The newest of those events. */
  readonly eventId: string
}

/** What recent decisions are about. */
export interface Concerned {
  readonly application: string
  readonly resource: string
}

/**
 * The newest decisions of a zone on a resource, the same ones together, newest first; of those alone
 * that `concerns` says yes to. `read` counts all that were looked at, up to `last`.
 */
export async function recentDecisions(
  call: Pick<Call, 'queries'>,
  zone: ZoneId,
  last: number,
  concerns: (one: Concerned) => boolean,
): Promise<{ readonly read: number; readonly decisions: readonly RecentDecision[] }> {
  const events = await decisionsOfZone(call.queries, zone, { last })
  const decisions = new Map<string, RecentDecision>()
  for (const { id: eventId, application_id: application, facts: kept } of events) {
    if (!isApplicationId(application)) continue
    const facts = readFacts(kept)
    if (facts?.resource === undefined) continue
    const { resource } = facts
    if (!concerns({ application, resource })) continue
    const one = {
      ...{ application, resource },
      user: facts.user ?? null,
      scopes: facts.scopes ?? [],
      held: facts.asking === 'held',
      sourceIp: facts.source_ip ?? null,
      hops: facts.hops ?? 0,
      approved: facts.approved ?? [],
    }
    const key = JSON.stringify(one)
    const known = decisions.get(key)
    decisions.set(key, { eventId, ...known, ...one, times: (known?.times ?? 0) + 1 })
  }
  return { read: events.length, decisions: [...decisions.values()] }
}

/** The scopes of each decision that the zone as it is now would allow. */
export async function decideAgain(
  { policy }: GateContext,
  call: Pick<Call, 'queries' | 'nowMs'>,
  zone: ZoneId,
  decisions: readonly RecentDecision[],
): Promise<readonly ReadonlySet<string>[]> {
  const pairs = new Map<string, Promise<Authority>>()
  const authorityOf = ({ application, resource }: RecentDecision): Promise<Authority> => {
    const key = `${application} ${resource}`
    const known = pairs.get(key)
    if (known !== undefined) return known
    const loading = loadAuthority(call.queries, zone, {
      applicationId: application,
      resource: { identifier: resource },
    })
    pairs.set(key, loading)
    return loading
  }
  return Promise.all(
    decisions.map(async (decision) => {
      const authority = await authorityOf(decision)
      if (authority.application === null || authority.resource === null) return new Set<string>()
      const { user: userId, scopes, sourceIp, hops, approved } = decision
      const asked = { ...{ userId, scopes, sourceIp, hops, approved }, nowMs: call.nowMs }
      const answer = await policy.decideWith(authority.custom, decisionInput(authority, asked))
      return new Set(scopes.filter((scope) => answer.scopes[scope]?.verdict === 'allow'))
    }),
  )
}
