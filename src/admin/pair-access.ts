import type { z } from 'zod'
import type { accessTuple } from '../../tools/access.ts'
import { decisionInput, type Authority } from '../policy/authority.ts'
import { dependencesOf, withoutSituation } from '../policy/dependences.ts'
import type { Decision, DecisionInput } from '../policy/input.ts'
import type { PolicyEngine } from '../policy/load.ts'
import type { AccessPair } from '../store/access-pairs.ts'
import type { Tx } from '../store/tx.ts'

export type AccessTuple = z.output<typeof accessTuple>

/** A live application and a live resource, with the live grants of the two. */
export type Pair = Pick<AccessPair, 'application' | 'resource' | 'grants'>

/** What decides in a zone, whoever asks. */
export type ZonePolicy = Pick<Authority, 'zone' | 'documents' | 'custom'>

/** For whom a pair may have access: the application itself (null), and users that grants name. */
export function usersOf({ grants }: Pair): readonly (string | null)[] {
  const named = grants.flatMap(({ user }) => (user === null ? [] : [user]))
  return [null, ...[...new Set(named)].sort()]
}

/**
 * What a pair may do for one user, by scope in the order of code units, decided by the real
 * contract as of now, from an unknown address and through no hop.
 */
export async function accessOf(
  policy: PolicyEngine,
  tx: Tx,
  zone: ZonePolicy,
  pair: Pair,
  user: string | null,
): Promise<readonly AccessTuple[]> {
  const { application, resource } = pair
  const input = inputOf(tx, zone, pair, user)
  const now = await policy.decideWith(zone.custom, input)
  const elsewhen = await decideElsewhen(policy, zone, input, now)
  return Object.keys(now.scopes)
    .sort()
    .flatMap((scope) => {
      const denied = now.scopes[scope]?.verdict === 'deny'
      const answer = (denied ? elsewhen : now)?.scopes[scope]
      if (answer === undefined || answer.verdict === 'deny') return []
      const depends = dependencesOf(input, zone.custom, scope)
      if (denied && answer.verdict === 'approval') depends.push(...gatesOf(answer.rules))
      const tuple: AccessTuple = {
        application_id: application.id,
        application_name: application.name,
        user_id: user,
        resource_id: resource.id,
        resource_identifier: resource.identifier,
        resource_name: resource.name,
        scope,
        verdict: denied ? 'conditional' : answer.verdict === 'approval' ? 'approval' : 'allow',
        rules: [...answer.rules],
        ...(depends.length > 0 && { depends_on: [...new Set(depends)] }),
      }
      return [tuple]
    })
}

/** Reasons that the time, the place or the way of asking may have given. */
const situationalReasons: ReadonlySet<string> = new Set(['condition_denied', 'custom_denied'])

/** The decision without what only denies now; null where nothing was denied for such a reason. */
async function decideElsewhen(
  policy: PolicyEngine,
  zone: ZonePolicy,
  input: DecisionInput,
  now: Decision,
): Promise<Decision | null> {
  const scopes = Object.entries(now.scopes).flatMap(([scope, { reason }]) =>
    situationalReasons.has(reason) ? [scope] : [],
  )
  if (scopes.length === 0) return null
  const free = withoutSituation({ ...input, scopes }, zone.custom)
  return policy.decideWith(free.custom, free.input)
}

/** The rules that gate: all but those that give. */
function gatesOf(rules: readonly string[]): readonly string[] {
  return rules.filter((rule) => !rule.startsWith('grant:') && !rule.startsWith('document:'))
}

function inputOf(tx: Tx, zone: ZonePolicy, pair: Pair, userId: string | null): DecisionInput {
  const { application, resource, grants } = pair
  const authority: Authority = {
    ...zone,
    application: {
      id: application.id,
      name: application.name,
      kind: application.kind,
      labels: application.labels,
      archived: false,
      expiresAtMs: application.expires_at_ms,
    },
    resource: {
      id: resource.id,
      identifier: resource.identifier,
      scopes: resource.scopes,
      archived: false,
    },
    grants: grants.map(({ id, scopes, user, expires_at_ms: expiresAtMs }) => ({
      ...{ id, scopes, user, expiresAtMs },
    })),
  }
  return decisionInput(authority, {
    userId,
    scopes: resource.scopes,
    nowMs: tx.nowMs,
    sourceIp: null,
    hops: 0,
    approved: [],
  })
}
