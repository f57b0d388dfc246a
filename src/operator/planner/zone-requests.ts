import { type Clause, has, is, isNegated, take, takeAll } from './clause.ts'
import { addPlanned, addStep, outputOf } from './draft.ts'
import { clashWith, newNamesIn, valuesFrom } from './new-names.ts'
import { takeOwnZone } from './object-requests.ts'
import type { Part, Scene } from './scene.ts'
import { gap, takeKind } from './slots.ts'
import { count, general, listed, questions, quoted } from './texts.ts'

/** `create a zone called staging with the same resources as default`. */
export async function createZone(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'word:new')
  const empty = takeWithoutBaseline(clause)
  const copies = copiedKinds(scene, clause)
  if (!copies.ok) return [copies.part]
  const [name] = newNamesIn(scene, clause, 'zone')
  takeKind(clause, 'zone')
  takeAll(clause, 'noun:baseline')
  const dcr = takeAll(clause, 'noun:dcr')
  if (dcr) takeAll(clause, 'verb:on', 'word:active')
  if (name === undefined) return [gap(clause, questions.needsName('zone'), 'called')]
  const clash = clashWith(scene, 'zone', name.text)
  if (clash !== null) return [clash]
  const step = addStep(scene.draft, {
    operation: 'zones.create',
    name: 'zone',
    input: { name: name.text, baseline: !empty, ...(dcr && { dcr_enabled: true }) },
    phrase: `create zone ${quoted(name.text)}${empty ? ' without a policy set' : ' with the baseline policy set active'}`,
  })
  addPlanned(scene.draft, step, 'zone', name.text)
  if (copies.resources) copyResources(scene, step)
  if (copies.applications) copyApplications(scene, step)
  return []
}

/** `without baseline`, `empty`: the zone then authorizes nothing until a policy set is active. */
function takeWithoutBaseline(clause: Clause): boolean {
  const at = clause.items.findIndex((item) => is(item, 'noun:baseline'))
  const denied = clause.items.find(
    (item, index) => is(item, 'negation') && index < at && at - index <= 3,
  )
  take(clause, denied)
  const bare = clause.items.filter((item) => item.fold === 'empty')
  take(clause, ...bare)
  return denied !== undefined || bare.length > 0
}

type Copies =
  | { readonly ok: true; readonly resources: boolean; readonly applications: boolean }
  | { readonly ok: false; readonly part: Part }

function copiedKinds(scene: Scene, clause: Clause): Copies {
  const at = clause.items.findIndex(
    (item) => is(item, 'word:like', 'verb:copy') && item !== clause.head,
  )
  if (at === -1) return { ok: true, resources: false, applications: false }
  const from = clause.items.slice(at)
  const source = from.find((item) => item.entities.some((entity) => entity.kind === 'zone'))
  const here = from.filter((item) => is(item, 'kind:zone') || item.fold === 'this')
  const mark = from.find(
    (item) =>
      item.fold === 'as' || item.fold === 'from' || item.fold === 'in' || item.fold === 'of',
  )
  const other =
    mark === undefined
      ? []
      : valuesFrom(
          clause,
          clause.items.indexOf(mark) + 1,
          (item) => item.entities.length === 0 && item.classes.size === 0,
        )
  if (source === undefined && other[0] !== undefined) {
    const text = general.otherZone(scene.objects.zone.name)
    return {
      ok: false,
      part: {
        kind: 'question',
        text: `${text} Only its objects can be copied, not those of ${quoted(other[0].text)}.`,
      },
    }
  }
  take(clause, source, ...here, ...from.filter((item) => is(item, 'word:like', 'verb:copy', 'all')))
  const resources = from.some((item) => is(item, 'kind:resource'))
  const applications = from.some((item) => is(item, 'kind:application'))
  take(clause, ...from.filter((item) => is(item, 'kind:resource', 'kind:application')))
  if (!resources && !applications)
    return {
      ok: false,
      part: gap(
        clause,
        'What should it have in common with this zone: the same resources, the same applications, or both?',
        'with the same',
      ),
    }
  return { ok: true, resources, applications }
}

function copyResources(scene: Scene, zone: string): void {
  for (const row of scene.objects.resources)
    addStep(scene.draft, {
      operation: 'resources.create',
      name: 'resource',
      zone: outputOf(zone),
      input: {
        name: row.name,
        identifier: row.identifier,
        scopes: row.scopes,
        ...(row.operations.length > 0 && { operations: row.operations }),
        ...(row.upstream_url !== null && { upstream_url: row.upstream_url }),
      },
      phrase: `create resource ${quoted(row.name)} in it`,
    })
  const provided = scene.objects.resources.filter((row) => row.credential_provider_id !== null)
  if (provided.length > 0)
    scene.draft.notes.push(
      `Providers belong to one zone, so ${listed(provided.map(({ name }) => quoted(name)))} ${provided.length === 1 ? 'is' : 'are'} copied without.`,
    )
}

function copyApplications(scene: Scene, zone: string): void {
  for (const row of scene.objects.applications.filter(({ kind }) => kind === 'managed'))
    addStep(scene.draft, {
      operation: 'applications.create',
      name: 'app',
      zone: outputOf(zone),
      input: {
        name: row.name,
        ...(row.auth_method === 'private_key_jwt' && {
          auth_method: row.auth_method,
          jwks: row.jwks,
        }),
        ...(row.labels.length > 0 && { labels: row.labels }),
      },
      phrase: `register application ${quoted(row.name)} in it`,
    })
}

/** `turn dynamic client registration off`. */
export async function switchDcr(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const off = has(clause, 'verb:off') && !is(clause.head ?? undefined, 'verb:on')
  const denied = isNegated(clause)
  takeAll(
    clause,
    'verb:on',
    'verb:off',
    'noun:dcr',
    'verb:give',
    'verb:revoke',
    'verb:create',
    'verb:activate',
    'verb:set',
    'verb:freeze',
    'kind:application',
    'kind:application-weak',
    'negation',
    'no-longer',
    'any-more',
    'noun:access',
    'word:able',
  )
  const other = takeOwnZone(scene, clause)
  if (other !== null) return [other]
  const wanted = !(off || denied)
  if (off && denied)
    return [{ kind: 'question', text: 'Should dynamic client registration be on or off?' }]
  if (scene.objects.zone.dcr_enabled === wanted)
    return [
      { kind: 'note', text: `Dynamic client registration is ${wanted ? 'on' : 'off'} already.` },
    ]
  const live = wanted ? 0 : await liveRegistrations(scene)
  addStep(scene.draft, {
    operation: 'zones.patch',
    name: 'zone',
    input: { dcr_enabled: wanted, ...(live > 0 && { dcr_shutdown: 'keep_live' }) },
    phrase: `turn dynamic client registration ${wanted ? 'on' : 'off'} in zone ${quoted(scene.objects.zone.name)}`,
  })
  if (live === 0) return []
  const text = `${count(live, 'application')} registered that way ${live === 1 ? 'stays' : 'stay'} live until ${live === 1 ? 'it expires' : 'they expire'}, within the hour.`
  return [{ kind: 'note', text }]
}

async function liveRegistrations(scene: Scene): Promise<number> {
  const status = await scene.state.read<{ live_applications: number }>('zones_dcr_status')
  return status.live_applications
}

export async function markSystem(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'verb:label', 'verb:create', 'verb:set', 'noun:system', 'verb:change')
  const other = takeOwnZone(scene, clause)
  if (other !== null) return [other]
  if (isNegated(clause))
    return [
      {
        kind: 'question',
        text: 'A system zone is out of my reach; an owner changes that by hand. What else should change?',
      },
    ]
  if (scene.objects.zone.system)
    return [{ kind: 'note', text: 'This zone is a system zone already.' }]
  addStep(scene.draft, {
    operation: 'zones.patch',
    name: 'zone',
    input: { system: true },
    phrase: `mark zone ${quoted(scene.objects.zone.name)} as a system zone, out of reach of the Operator from then on`,
  })
  return []
}

export async function rotateKeys(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'verb:rotate', 'noun:keys', 'verb:create', 'word:new', 'verb:give', 'verb:change')
  const other = takeOwnZone(scene, clause)
  if (other !== null) return [other]
  addStep(scene.draft, {
    operation: 'zones.rotate_keys',
    name: 'keys',
    input: {},
    phrase: `make a new signing key for zone ${quoted(scene.objects.zone.name)}`,
  })
  return []
}
