import { isDeepStrictEqual } from 'node:util'
import { stateOperations } from '../../../../tools/declared-state.ts'
import { foldName } from '../../../kernel/names.ts'
import { byName } from './objects.ts'
import { objectToTwins, outputOf, type DeclaredState, type PlanOfState } from './plan-of-state.ts'

type WantedSet = NonNullable<DeclaredState['policy_sets']>[number]
type Held = NonNullable<WantedSet['policies']>[number]

/** A policy whose text is another gets a version with it. */
export function stepsToPolicies(plan: PlanOfState, wanted: DeclaredState['policies']): void {
  if (wanted === undefined) return
  const { policies } = plan.state
  const { create, addVersion, remove, id } = stateOperations.policies
  objectToTwins(plan, 'policies', wanted)
  wanted.forEach(({ name, description, language, source }, i) => {
    const key = foldName(name)
    const there = byName(policies, name)
    if (there === undefined) {
      const step = plan.add('policy', create, {
        name,
        ...(description !== undefined && { description }),
        language,
        source,
      })
      plan.policyVersions.set(key, outputOf(step, 'latest_version.id'))
      return
    }
    objectToDescription(plan, `policies.${i}`, description, there)
    if (there.language === language && there.source === source) return
    const step = plan.add('policy', addVersion, { [id]: there.id, language, source })
    plan.policyVersions.set(key, outputOf(step))
  })
  if (!plan.prune) return
  const names = new Set(wanted.map(({ name }) => foldName(name)))
  for (const gone of policies.filter(({ name }) => !names.has(foldName(name)))) {
    plan.remove('policy', remove, { [id]: gone.id })
    plan.policyVersions.delete(foldName(gone.name))
  }
}

/** A policy set that is to hold other versions gets a version of its own with them. */
export function stepsToSets(plan: PlanOfState, wanted: DeclaredState['policy_sets']): void {
  if (wanted === undefined) return
  const { policy_sets: sets } = plan.state
  const { create, remove, id } = stateOperations.policy_sets
  objectToTwins(plan, 'policy_sets', wanted)
  wanted.forEach((set, i) => {
    const { name, description } = set
    const there = byName(sets, name)
    if (there === undefined) {
      const input = { name, ...(description !== undefined && { description }) }
      plan.sets.set(foldName(name), outputOf(plan.add('set', create, input)))
    } else objectToDescription(plan, `policy_sets.${i}`, description, there)
    stepsToHeld(plan, set, `policy_sets.${i}`)
  })
  if (!plan.prune) return
  const names = new Set(wanted.map(({ name }) => foldName(name)))
  for (const gone of sets.filter(({ name }) => !names.has(foldName(name)))) {
    plan.remove('set', remove, { [id]: gone.id })
    plan.setVersions.delete(foldName(gone.name))
  }
}

function stepsToHeld(plan: PlanOfState, { name, policies }: WantedSet, path: string): void {
  if (policies === undefined) return
  const manifest = policies.map((held, i) => versionOf(plan, held, `${path}.policies.${i}`))
  const present = byName(plan.state.policy_sets, name)?.held?.map(({ id }) => id) ?? null
  if (isDeepStrictEqual(manifest, present)) return
  const { addVersion, id } = stateOperations.policy_sets
  const step = plan.add('version', addVersion, {
    [id]: plan.sets.get(foldName(name)),
    manifest: manifest.map((policy_version_id) => ({ policy_version_id })),
  })
  plan.setVersions.set(foldName(name), outputOf(step))
}

/** The version that an entry means: the latest of a policy, or one that some policy set holds. */
function versionOf(plan: PlanOfState, held: Held, path: string): string {
  if (typeof held === 'object' && 'policy_version_id' in held) return held.policy_version_id
  const [policy, version] = typeof held === 'string' ? [held, null] : [held.policy, held.version]
  const key = foldName(policy)
  const known =
    version === null
      ? plan.policyVersions.get(key)
      : plan.state.policy_sets
          .flatMap((set) => set.held ?? [])
          .find(
            (one) => one.policy !== null && foldName(one.policy) === key && one.number === version,
          )?.id
  if (known !== undefined) return known
  const what =
    version === null ? `policy ${policy}` : `version ${version} of policy ${policy} in use`
  plan.object(path, `there is no ${what}`)
  return ''
}

/** Activates the policy set that is to decide, where another version does. */
export function stepsToActive(
  plan: PlanOfState,
  wanted: NonNullable<DeclaredState['active_policy_set']> | null,
): void {
  if (wanted === null) return
  const { active } = plan.state
  const { activate, id } = stateOperations.policy_sets
  const key = foldName(wanted.name)
  const isActive = active !== null && foldName(active.set) === key
  const version =
    wanted.version === undefined
      ? plan.setVersions.get(key)
      : isActive && active.number === wanted.version
        ? active.id
        : undefined
  const set = plan.sets.get(key)
  if (version === undefined || set === undefined) {
    const which = wanted.version === undefined ? 'a version' : `version ${wanted.version} active`
    plan.object('active_policy_set', `there is no policy set ${wanted.name} with ${which}`)
  } else if (version !== active?.id)
    plan.add('active', activate, { [id]: set, version_id: version })
}

function objectToDescription(
  plan: PlanOfState,
  path: string,
  wanted: string | undefined,
  there: { readonly name: string; readonly description: string },
): void {
  if (wanted !== undefined && wanted !== there.description)
    plan.object(`${path}.description`, `${there.name} has another one, which cannot be changed`)
}
