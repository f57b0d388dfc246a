import type { OutputOf } from '../../../tools/catalogue.ts'
import { addStep, outputOf } from './draft.ts'
import type { Part, Scene } from './scene.ts'
import { quoted } from './texts.ts'
import type { Policy, PolicySet } from './zone-state.ts'

export type Manifest = OutputOf<'policy_sets.get_version'>['manifest']

/** The policy set that decides in the zone, with what its active version bundles. */
export interface ActiveSet {
  readonly set: PolicySet
  readonly versionId: string
  readonly manifest: Manifest
}

export async function activeSet(scene: Scene): Promise<ActiveSet | null> {
  const versionId = scene.objects.zone.active_policy_set_version_id
  if (versionId === null) return null
  for (const set of await ordered(scene, versionId)) {
    if (set.latest_version?.id === versionId)
      return { set, versionId, manifest: set.latest_version.manifest }
    const status = await scene.state.read<OutputOf<'policy_sets.activation_status'>>(
      'policy_sets_activation_status',
      { policy_set_id: set.id },
    )
    if (!status.active_in_this_set) continue
    const version = await scene.state.read<OutputOf<'policy_sets.get_version'>>(
      'policy_sets_get_version',
      { policy_set_id: set.id, version_id: versionId },
    )
    return { set, versionId, manifest: version.manifest }
  }
  return null
}

/** The set whose latest version is the active one comes first: it is usually the only question. */
async function ordered(scene: Scene, versionId: string): Promise<readonly PolicySet[]> {
  const sets = await scene.state.all('policy_sets.list')
  const live = sets.filter((set) => set.archived_at === null)
  return [...live].sort(
    (a, b) =>
      Number(b.latest_version?.id === versionId) - Number(a.latest_version?.id === versionId),
  )
}

/** The policies of a manifest, as far as their latest versions are the ones bundled. */
export function policiesIn(scene: Scene, manifest: Manifest): readonly Policy[] {
  const ids = new Set(manifest.map((entry) => entry.policy_version_id))
  return scene.objects.policies.filter((policy) => ids.has(policy.latest_version.id))
}

/**
 * Makes a manifest the one that decides: a version on the active set, or on a new set where none is
 * active, and its activation. Two such changes in one plan build on each other.
 */
export function decideBy(scene: Scene, active: ActiveSet | null, manifest: Manifest): void {
  const set = active === null ? newSet(scene) : { id: active.set.id, name: active.set.name }
  const version = addStep(scene.draft, {
    operation: 'policy_sets.add_version',
    name: 'version',
    input: { policy_set_id: set.id, manifest },
    phrase: `bundle that in a new version of policy set ${quoted(set.name)}`,
  })
  addStep(scene.draft, {
    operation: 'policy_sets.activate',
    name: 'activate',
    input: { policy_set_id: set.id, version_id: outputOf(version) },
    phrase: 'make it the one that decides in the zone',
  })
}

function newSet(scene: Scene): { readonly id: string; readonly name: string } {
  const name = 'zone policy'
  const step = addStep(scene.draft, {
    operation: 'policy_sets.create',
    name: 'set',
    input: { name },
    phrase: `create policy set ${quoted(name)}`,
  })
  return { id: outputOf(step), name }
}

/** One policy change in a plan: a second one would have to build on a version that is not there yet. */
export function secondPolicyChange(scene: Scene): Part | null {
  const taken = scene.draft.steps.some(({ operation }) => operation === 'policy_sets.activate')
  return taken
    ? {
        kind: 'question',
        text: 'I change the active policy once in a plan. Which change should come first?',
      }
    : null
}
