import { type Clause, is, isNegated, isUnknown, isVerb, take, takeAll } from './clause.ts'
import type { Item } from './items.ts'
import { takeOwnZone } from './object-requests.ts'
import { putInForce } from './policy-requests.ts'
import { activeSet, decideBy, policiesIn, secondPolicyChange } from './policy-sets.ts'
import type { Part, Scene } from './scene.ts'
import { cited, listed, quoted, some } from './texts.ts'

/** `freeze the zone because of incident 42`: denies everything, for the reason that is given. */
export async function freezeZone(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  if (isNegated(clause))
    return [
      {
        kind: 'question',
        text: 'You said not to freeze the zone, so nothing is planned. What should change?',
      },
    ]
  takeAll(
    clause,
    'verb:freeze',
    'noun:freeze',
    'noun:everything',
    'all',
    'noun:access',
    'verb:create',
    'verb:revoke',
    'scope:all',
    'verb:off',
    'everyone',
  )
  const reason = reasonIn(scene, clause) ?? 'frozen'
  const other = takeOwnZone(scene, clause)
  if (other !== null) return [other]
  const frozen = await frozenBy(scene)
  if (frozen.length > 0)
    return [
      {
        kind: 'note',
        text: `The zone is frozen already by the policy ${some(frozen.map(({ name }) => quoted(name)))}.`,
      },
    ]
  return putInForce(scene, {
    name: 'freeze',
    description: `deny everything in this zone (${reason})`,
    documents: { restrict: [reason] },
  })
}

/** The text behind `because`, or what is in quotes. */
function reasonIn(scene: Scene, clause: Clause): string | null {
  const mark = clause.items.findIndex((item) => is(item, 'because'))
  const quotedItem = clause.items.find((item) => item.shape === 'quoted' && !clause.taken.has(item))
  const head = clause.items.findIndex((item) => item === clause.head)
  const colon = clause.items.findIndex((item, at) => at > head && [':', ','].includes(item.fold))
  if (mark === -1 && colon === -1) {
    take(clause, quotedItem)
    return quotedItem?.text ?? null
  }
  const rest = clause.items.slice(mark === -1 ? colon : mark)
  // Behind a comma stands a reason only where nothing else can stand there.
  if (mark === -1 && rest[0]?.fold === ',' && !rest.slice(1).some(isUnknown)) return null
  if (mark === -1 && rest[0]?.fold === ',' && rest.some(saysMore)) return null
  take(clause, ...rest)
  const first = rest.find(
    (item, at) => at > 0 && !is(item, 'because') && !['of', ':', 'the', 'is'].includes(item.fold),
  )
  const last = rest.at(-1)
  return first === undefined || last === undefined
    ? null
    : scene.message.slice(first.start, last.end).slice(0, 200)
}

function saysMore(item: Item): boolean {
  return (
    item.time !== null ||
    item.entities.some(({ kind }) => kind === 'application' || kind === 'resource') ||
    isVerb(item) ||
    is(item, 'negation', 'except', 'condition', 'only', 'modal', 'but', 'everyone')
  )
}

async function frozenBy(scene: Scene): Promise<ReturnType<typeof policiesIn>> {
  const active = await activeSet(scene)
  return policiesIn(scene, active?.manifest ?? []).filter(
    (policy) => 'restrict' in policy.latest_version.documents,
  )
}

/** `is the zone frozen?` */
export async function whetherFrozen(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    'verb:freeze',
    'noun:freeze',
    'ask:is',
    'ask:why',
    'ask:what',
    'kind:zone',
    'noun:overview',
    'kind:policy',
    'noun:everything',
  )
  takeOwnZone(scene, clause)
  const frozen = await frozenBy(scene)
  const text =
    frozen.length === 0
      ? 'The zone is not frozen: no policy of the active set has a restrict document.'
      : `The zone is frozen by the policy ${some(frozen.map((policy) => `${cited(policy)} for ${JSON.stringify(policy.latest_version.documents['restrict'])}`))}.`
  return [{ kind: 'answer', text }]
}

/** `unfreeze the zone`: the active set without the policies that freeze it. */
export async function unfreezeZone(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  if (isNegated(clause))
    return [
      { kind: 'question', text: 'You said not to, so nothing is planned. What should change?' },
    ]
  takeAll(
    clause,
    'verb:unfreeze',
    'noun:freeze',
    'verb:freeze',
    'verb:delete',
    'noun:access',
    'verb:revoke',
    'verb:off',
  )
  const other = takeOwnZone(scene, clause)
  if (other !== null) return [other]
  const second = secondPolicyChange(scene)
  if (second !== null) return [second]
  const frozen = await frozenBy(scene)
  const active = await activeSet(scene)
  if (frozen.length === 0 || active === null)
    return [{ kind: 'note', text: 'No policy of the active set freezes this zone.' }]
  const mixed = frozen.filter((policy) => Object.keys(policy.latest_version.documents).length > 1)
  if (mixed.length > 0)
    return [
      {
        kind: 'question',
        text: `The policy ${mixed.map(({ name }) => quoted(name)).join(', ')} holds more than the freeze. Shall I take the whole policy out of the active set?`,
      },
    ]
  const out = new Set(frozen.map((policy) => policy.latest_version.id))
  decideBy(
    scene,
    active,
    active.manifest.filter((entry) => !out.has(entry.policy_version_id)),
  )
  scene.draft.phrases.unshift({
    step: null,
    text: `take ${listed(frozen.map(({ name }) => quoted(name)))} out of force`,
  })
  return []
}
