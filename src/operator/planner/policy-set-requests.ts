import type { OutputOf } from '../../../tools/catalogue.ts'
import { type Clause, has, is, isNegated, named, take, takeAll } from './clause.ts'
import { addPlanned, addStep } from './draft.ts'
import type { Entity } from './entities.ts'
import { clashWith, newNamesIn } from './new-names.ts'
import { activeSet, type ActiveSet, decideBy, secondPolicyChange } from './policy-sets.ts'
import { canonical, entitiesOfKind, mention, type Part, type Scene } from './scene.ts'
import { askFor, gap, objectsOf, takeKind } from './slots.ts'
import { listed, questions, quoted } from './texts.ts'
import type { PolicySet } from './zone-state.ts'

export async function createPolicySet(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'word:new')
  take(clause, ...clause.items.filter(({ fold }) => fold === 'empty'))
  const [name] = newNamesIn(scene, clause, 'policySet')
  takeKind(clause, 'policySet')
  if (name === undefined) return [gap(clause, questions.needsName('policySet'), 'called')]
  const clash = clashWith(scene, 'policySet', name.text)
  if (clash !== null) return [clash]
  const step = addStep(scene.draft, {
    operation: 'policy_sets.create',
    name: 'set',
    input: { name: name.text },
    phrase: `create policy set ${quoted(name.text)}`,
  })
  mention(scene, addPlanned(scene.draft, step, 'policySet', name.text))
  return []
}

/** The one policy set that a clause names, or the one that there is. */
function setOf(scene: Scene, clause: Clause): PolicySet | Part {
  const said = named(clause, 'policySet').length > 0
  const live = scene.objects.policySets
  const [only] = live
  if (!said && live.length === 1 && only !== undefined) {
    takeKind(clause, 'policySet')
    return only
  }
  const found = objectsOf(scene, clause, 'policySet')
  if (!found.ok) return found.part
  const row = live.find(({ id }) => id === found.entities[0]?.id)
  if (row !== undefined) return row
  const asked = askFor(scene, clause, 'policySet')
  return asked.ok ? { kind: 'note', text: '' } : asked.part
}

function isPart(value: PolicySet | Part): value is Part {
  return 'kind' in value
}

/** `activate the policy set strict`: its latest version. */
export async function activateSet(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    'verb:activate',
    'verb:on',
    'verb:set',
    'verb:create',
    'word:active',
    'noun:version',
    'verb:approve',
    'verb:give',
    'verb:attach',
    'verb:switch',
  )
  take(clause, ...clause.items.filter((item) => item.fold === 'latest'))
  const set = setOf(scene, clause)
  takeAll(clause, 'noun:baseline')
  if (isPart(set)) return [set]
  if (set.latest_version === null)
    return [
      {
        kind: 'question',
        text: `The policy set ${quoted(set.name)} has no version yet. Which policies should it bundle?`,
      },
    ]
  if (scene.objects.zone.active_policy_set_version_id === set.latest_version.id)
    return [
      {
        kind: 'note',
        text: `Version ${String(set.latest_version.number)} of ${quoted(set.name)} is active already.`,
      },
    ]
  const second = secondPolicyChange(scene)
  if (second !== null) return [second]
  addStep(scene.draft, {
    operation: 'policy_sets.activate',
    name: 'activate',
    input: { policy_set_id: set.id, version_id: set.latest_version.id },
    phrase: `make version ${String(set.latest_version.number)} of policy set ${quoted(set.name)} the one that decides`,
  })
  return []
}

const returning = [
  'verb:rollback',
  'noun:version',
  'kind:policy',
  'word:active',
  'noun:change',
  'verb:change',
]

/** `roll back the policy set`: to what was active before, or to a version by its number. */
export async function rollBack(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, ...returning)
  const number = clause.items.find((item) => /^v?\d{1,6}$/.test(item.fold))
  take(
    clause,
    number,
    ...clause.items.filter((item) => ['previous', 'last', 'earlier', 'before'].includes(item.fold)),
  )
  const active = await activeSet(scene)
  const set =
    named(clause, 'policySet').length === 0 && active !== null ? active.set : setOf(scene, clause)
  takeKind(clause, 'policySet')
  if (isPart(set)) return [set]
  const status = await scene.state.read<OutputOf<'policy_sets.activation_status'>>(
    'policy_sets_activation_status',
    { policy_set_id: set.id },
  )
  if (!status.active_in_this_set && active !== null) {
    const text = `${quoted(set.name)} does not decide in this zone; ${quoted(active.set.name)} does. Which one should be returned to what was active before?`
    return [{ kind: 'question', text }]
  }
  const versions =
    number === undefined
      ? []
      : await knownVersions(
          scene,
          set,
          status.history.flatMap((entry) => [
            entry.version_id,
            entry.previous_version_id ?? entry.version_id,
          ]),
        )
  const wanted = versions.find((version) =>
    `v${String(version.number)}`.endsWith(number?.fold.replace(/^v?/, 'v') ?? '?'),
  )
  if (number !== undefined && wanted === undefined) {
    const known = versions.map((version) => String(version.number))
    return [
      {
        kind: 'question',
        text: `I know the versions ${listed(known)} of ${quoted(set.name)} that were active. Which one do you mean?`,
      },
    ]
  }
  if (wanted?.id === active?.versionId && wanted !== undefined)
    return [
      {
        kind: 'note',
        text: `Version ${String(wanted.number)} of ${quoted(set.name)} is active already.`,
      },
    ]
  if (number === undefined && !status.history.some((entry) => entry.previous_version_id !== null))
    return [{ kind: 'note', text: 'There is no earlier version to return to.' }]
  addStep(scene.draft, {
    operation: 'policy_sets.rollback',
    name: 'rollback',
    input: { policy_set_id: set.id, ...(wanted !== undefined && { version_id: wanted.id }) },
    phrase:
      wanted === undefined
        ? 'return to the policy set version that was active before'
        : `return to version ${String(wanted.number)} of policy set ${quoted(set.name)}`,
  })
  return []
}

type SetVersion = OutputOf<'policy_sets.get_version'>

async function knownVersions(
  scene: Scene,
  set: PolicySet,
  ids: readonly string[],
): Promise<readonly SetVersion[]> {
  const unique = [...new Set(ids)].slice(0, 20)
  const read = unique.map((id) =>
    scene.state
      .read<SetVersion>('policy_sets_get_version', { policy_set_id: set.id, version_id: id })
      .catch(() => null),
  )
  const versions = (await Promise.all(read)).filter((version) => version !== null)
  return set.latest_version === null ? versions : [...versions, set.latest_version]
}

const moving = [
  'verb:delete',
  'verb:detach',
  'verb:create',
  'verb:revoke',
  'verb:attach',
  'verb:activate',
  'verb:on',
  'verb:off',
  'verb:set',
  'verb:give',
  'word:active',
  'word:include',
  'word:able',
  'word:member',
  'noun:version',
  'word:new',
  'verb:approve',
  'negation',
  'no-longer',
  'any-more',
]

/** `add the policy freeze to the active policy set`, `remove the policy freeze from it`. */
export async function changeManifest(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const ended = has(clause, 'no-longer', 'any-more')
  const off = has(clause, 'verb:delete', 'verb:detach', 'verb:revoke', 'verb:off', 'verb:clear')
  if ((isNegated(clause) && !ended) || (off && ended))
    return [{ kind: 'question', text: questions.denied('') }]
  const removes = off || ended
  takeAll(clause, ...moving)
  const policies = objectsOf(scene, clause, 'policy')
  if (!policies.ok) return [policies.part]
  const second = secondPolicyChange(scene)
  if (second !== null) return [second]
  const active = await activeSet(scene)
  const saidSet = named(clause, 'policySet')[0]
  const target =
    saidSet === undefined ? active : await targetSet(scene, clause, saidSet.entity, active)
  take(clause, saidSet?.item)
  takeKind(clause, 'policySet')
  if (target !== null && 'kind' in target) return [target]
  const manifest = target?.manifest ?? []
  const entries = policies.entities.map((policy) => ({ policy, version: versionOf(scene, policy) }))
  const inside = (version: string): boolean =>
    manifest.some((entry) => entry.policy_version_id === version)
  const moved = entries.filter(({ version }) => inside(version) === removes)
  if (moved.length === 0) {
    const names = listed(entries.map(({ policy }) => quoted(policy.name)))
    return [
      {
        kind: 'note',
        text: `${names} ${removes ? 'is not in' : 'is in'} that policy set ${removes ? 'anyway' : 'already'}.`,
      },
    ]
  }
  const ids = new Set(moved.map(({ version }) => version))
  const next = removes
    ? manifest.filter((entry) => !ids.has(entry.policy_version_id))
    : [
        ...manifest.filter((entry) => !sameSource(scene, entry.policy_version_id, moved)),
        ...[...ids].map((id) => ({ policy_version_id: id })),
      ]
  const what = listed(moved.map(({ policy }) => `policy ${quoted(policy.name)}`))
  if (target !== null && target.versionId !== active?.versionId) {
    bundleOnly(
      scene,
      target,
      next,
      `${removes ? 'take' : 'put'} ${what} ${removes ? 'out of' : 'into'}`,
    )
    return []
  }
  scene.draft.phrases.push({
    step: null,
    text: `${removes ? 'take' : 'put'} ${what} ${removes ? 'out of' : 'in'} force`,
  })
  decideBy(scene, active, next)
  return []
}

function versionOf(scene: Scene, policy: Entity): string {
  const row = scene.objects.policies.find(({ id }) => id === policy.id)
  return row?.latest_version.id ?? policy.id.replace('.output.id', '.output.latest_version.id')
}

/** Whether a bundled version is an older one of a policy that is put in anew. */
function sameSource(
  scene: Scene,
  versionId: string,
  moved: readonly { readonly policy: Entity }[],
): boolean {
  return scene.objects.policies.some(
    (row) =>
      row.latest_version.id === versionId && moved.some(({ policy }) => policy.id === row.id),
  )
}

/** A named set that does not decide gets a version, and goes on not deciding. */
async function targetSet(
  scene: Scene,
  clause: Clause,
  entity: Entity,
  active: ActiveSet | null,
): Promise<ActiveSet | Part | null> {
  const found = canonical(scene, entity)
  if (found.id === active?.set.id) return active
  const row = scene.objects.policySets.find(({ id }) => id === found.id)
  if (row === undefined) {
    const known = entitiesOfKind(scene, 'policySet')
    return gap(clause, questions.missing('policySet', known), 'policy set', known)
  }
  return {
    set: row,
    versionId: row.latest_version?.id ?? '',
    manifest: row.latest_version?.manifest ?? [],
  }
}

function bundleOnly(
  scene: Scene,
  target: ActiveSet,
  manifest: ActiveSet['manifest'],
  what: string,
): void {
  addStep(scene.draft, {
    operation: 'policy_sets.add_version',
    name: 'version',
    input: { policy_set_id: target.set.id, manifest },
    phrase: `${what} policy set ${quoted(target.set.name)}, as a version that is not activated by this`,
  })
}

/** `turn the policy set off` has no operation: a zone without one authorizes nothing. */
export function cannotDeactivate(clause: Clause): readonly Part[] {
  take(clause, ...clause.items.filter((item) => !is(item, 'negation')))
  return [
    {
      kind: 'question',
      text: 'A policy set is never just turned off: another one is activated, or the one before is returned to. Which one should decide?',
    },
  ]
}
