import { isDeepStrictEqual } from 'node:util'
import { stateOperations } from '../../../../tools/declared-state.ts'
import { foldName } from '../../../kernel/names.ts'
import type { StateGrant } from '../../../store/zone-state.ts'
import type { DeclaredState, PlanOfState } from './plan-of-state.ts'

type Wanted = NonNullable<DeclaredState['grants']>[number]

/**
 * Grants have no names: those of the same application, resource and user are paired, equal ones
 * first, and what is left over of the wanted is made.
 */
export function stepsToGrants(plan: PlanOfState, wanted: DeclaredState['grants']): void {
  if (wanted === undefined) return
  const { create, patch, remove, id } = stateOperations.grants
  const left = new Set(plan.state.grants)
  const take = (item: Wanted, isOne: (grant: StateGrant) => boolean): StateGrant | undefined => {
    const found = [...left].find((grant) => keyOf(grant) === keyOf(item) && isOne(grant))
    if (found !== undefined) left.delete(found)
    return found
  }
  const unpaired = wanted
    .map((item, i) => ({ item, path: `grants.${i}` }))
    .filter(({ item }) => take(item, (grant) => isEqual(item, grant)) === undefined)
  for (const { item, path } of unpaired) {
    const { scopes, expires_at } = item
    const input = { scopes, ...(expires_at !== undefined && { expires_at }) }
    const there = take(item, () => true)
    if (there !== undefined) plan.add('grant', patch, { [id]: there.id, ...input })
    else plan.add('grant', create, createOf(plan, item, path))
  }
  if (!plan.prune) return
  for (const gone of left) plan.remove('grant', remove, { [id]: gone.id })
}

function createOf(plan: PlanOfState, item: Wanted, path: string): Record<string, unknown> {
  const refer = (kind: 'application' | 'resource'): string => {
    const known = plan.names[kind].get(foldName(item[kind]))
    if (known === undefined) plan.object(`${path}.${kind}`, `there is no ${kind} ${item[kind]}`)
    return known ?? ''
  }
  const { user_id, scopes, expires_at } = item
  return {
    application_id: refer('application'),
    resource_id: refer('resource'),
    scopes,
    ...(typeof user_id === 'string' && { user_id }),
    ...(typeof expires_at === 'string' && { expires_at }),
  }
}

function keyOf({ application, resource, user_id = null }: Wanted | StateGrant): string {
  return JSON.stringify([foldName(application), foldName(resource), user_id])
}

function isEqual({ scopes, expires_at }: Wanted, grant: StateGrant): boolean {
  const until = expires_at === undefined || expires_at === null ? null : Date.parse(expires_at)
  const isUntil = expires_at === undefined || until === (grant.expires_at?.getTime() ?? null)
  return isUntil && isDeepStrictEqual(scopes, [...grant.scopes])
}
