import type { OperationId } from '../../../tools/catalogue.ts'
import { foldName } from '../../kernel/names.ts'
import { type Clause, is, isNegated, named, take, takeAll } from './clause.ts'
import { addStep } from './draft.ts'
import type { Entity, Kind } from './entities.ts'
import type { Item } from './items.ts'
import { clashWith, nameAt } from './new-names.ts'
import { mention, type Part, type Scene } from './scene.ts'
import { gap, isOnlyPlanned, kindClass, objectsOf, onlyPlanned, takeKind, unique } from './slots.ts'
import { general, kindNames, listed, quoted } from './texts.ts'

interface ObjectOperations {
  readonly patch: OperationId | null
  readonly remove: OperationId
  readonly idField: string
  /** What archiving it means, for the sentence about the plan. */
  readonly effect: string
}

const operations: Readonly<Record<Kind, ObjectOperations>> = {
  application: {
    patch: 'applications.patch',
    remove: 'applications.delete',
    idField: 'application_id',
    effect: 'its grants end',
  },
  resource: {
    patch: 'resources.patch',
    remove: 'resources.delete',
    idField: 'resource_id',
    effect: 'every grant on it ends',
  },
  provider: {
    patch: 'providers.patch',
    remove: 'providers.delete',
    idField: 'provider_id',
    effect: '',
  },
  policy: { patch: null, remove: 'policies.delete', idField: 'policy_id', effect: '' },
  policySet: { patch: null, remove: 'policy_sets.delete', idField: 'policy_set_id', effect: '' },
  zone: {
    patch: 'zones.patch',
    remove: 'zones.delete',
    idField: '',
    effect: 'it mints nothing from then on',
  },
}

const kinds = Object.keys(operations) as readonly Kind[]

/** The kind that the words of a clause say, where they say exactly one. */
function saidKind(clause: Clause): Kind | null {
  const said = kinds.filter((kind) => clause.items.some((item) => is(item, ...kindClass[kind])))
  const strong = said.filter((kind) => clause.items.some((item) => is(item, `kind:${kind}`)))
  return (strong.length > 0 ? strong : said)[0] ?? null
}

/** Objects of any kind that a clause names or points back to. */
function targetsOf(scene: Scene, clause: Clause): ReturnType<typeof objectsOf> {
  const said = saidKind(clause)
  const present = kinds.filter((kind) => named(clause, kind).some(({ item }) => !item.weak))
  if (said !== null && (present.length === 0 || present.includes(said))) {
    const whole = present.filter((kind) => kind !== said)
    const first = objectsOf(scene, clause, said)
    if (!first.ok) return first
    const rest = whole.map((kind) => objectsOf(scene, clause, kind))
    const failed = rest.find((found) => !found.ok)
    return (
      failed ?? {
        ok: true,
        entities: unique([first, ...rest].flatMap((found) => (found.ok ? found.entities : []))),
      }
    )
  }
  const several = present.length > 1 ? sharedName(clause) : null
  if (several !== null) return several
  if (present.length > 0) {
    const all = present.map((kind) => objectsOf(scene, clause, kind))
    const failed = all.find((found) => !found.ok)
    return (
      failed ?? {
        ok: true,
        entities: unique(all.flatMap((found) => (found.ok ? found.entities : []))),
      }
    )
  }
  const [last] = scene.lately
  const mixed = scene.lately.some((entity) => entity.kind !== last?.kind)
  const pronoun = clause.items.find((item) => is(item, 'pronoun', 'pronoun-plural', 'pronoun-of'))
  if (pronoun !== undefined && last !== undefined) {
    if (mixed) return { ok: false, part: whichOf(scene.lately, pronoun) }
    if (isOnlyPlanned(scene, last)) return { ok: false, part: onlyPlanned(scene, last) }
    take(clause, pronoun)
    const plural = is(pronoun, 'pronoun-plural')
    const entities = plural ? (scene.recent.get(last.kind) ?? [last]) : [last]
    mention(scene, ...entities)
    return { ok: true, entities }
  }
  return objectsOf(scene, clause, said ?? 'application')
}

/** `it` after a request about an application and a resource could be either. */
function whichOf(among: readonly Entity[], pronoun: Item): Part {
  const candidates = unique(among)
  const text = `Which one do you mean by ${quoted(pronoun.text)}: ${listed(
    candidates.map((entity) => `the ${kindNames[entity.kind]} ${quoted(entity.name)}`),
    'or',
  )}?`
  const pending = { start: pronoun.start, end: pronoun.end, lead: '', candidates, suggestion: null }
  return { kind: 'question', text, pending }
}

/** An application and a resource with one name: the person says which. */
function sharedName(clause: Clause): ReturnType<typeof objectsOf> | null {
  const item = clause.items.find(
    (other) => !other.weak && new Set(other.entities.map((entity) => entity.kind)).size > 1,
  )
  if (item === undefined) return null
  const kindsOf = item.entities.map((entity) => `the ${kindNames[entity.kind]}`)
  const text = `${quoted(item.text)} is the name of ${kindsOf.join(' and of ')}. Which do you mean?`
  const pending = {
    start: item.start,
    end: item.end,
    lead: '',
    candidates: item.entities,
    suggestion: null,
  }
  return { ok: false, part: { kind: 'question', text, pending } }
}

/** `delete support-bot`. */
export async function deleteObjects(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'verb:delete', 'verb:revoke', 'word:useless')
  if (isNegated(clause))
    return [
      {
        kind: 'question',
        text: 'You said not to delete it, so nothing is planned. What should change?',
      },
    ]
  const said = [...clause.items]
  const found = targetsOf(scene, clause)
  if (!found.ok) return [found.part]
  const parts: Part[] = []
  if (spokeOfAccess(scene, clause.head?.fold ?? '', said, found.entities))
    return [{ kind: 'question', text: removeWhat(found.entities) }]
  for (const target of found.entities) {
    const { remove, idField, effect } = operations[target.kind]
    if (target.kind === 'zone' && !isOwnZone(scene, target)) return [otherZone(target)]
    const used = await inUse(scene, target)
    if (used !== null) {
      parts.push(used)
      continue
    }
    addStep(scene.draft, {
      operation: remove,
      name: 'delete',
      input: idField === '' ? {} : { [idField]: target.id },
      phrase: `archive ${kindNames[target.kind]} ${quoted(target.name)}${effect === '' ? '' : ` (${effect})`}`,
    })
  }
  return parts
}

const accessTalk = /\b(?:access|grants?|rights?|permissions?|who|what (?:can|may|does))\b/i

/** `remove support-bot` after `who can read invoices?`: from what was spoken of, or altogether. */
function spokeOfAccess(
  scene: Scene,
  verb: string,
  items: readonly Item[],
  found: readonly Entity[],
): boolean {
  if (scene.before === null || !accessTalk.test(scene.before)) return false
  if (items.some((item) => is(item, 'pronoun', 'pronoun-plural'))) return true
  return (
    /^(?:remov|drop)/.test(verb) &&
    found.every(({ kind }) => kind === 'application') &&
    !items.some((item) => is(item, 'kind:application'))
  )
}

function removeWhat(applications: readonly Entity[]): string {
  const who = applications.map(({ name }) => quoted(name)).join(' and ')
  return `Shall access be taken away, or ${who} be deleted? Say "revoke ... from ..." or "delete the ${kindNames[applications[0]?.kind ?? 'application']} ...".`
}

function isOwnZone(scene: Scene, zone: Entity): boolean {
  return zone.id === scene.objects.zone.id
}

function otherZone(zone: Entity): Part {
  return { kind: 'answer', text: general.otherZone(zone.name) }
}

/** What is refused while something uses it is asked about, since the use is what would change. */
async function inUse(scene: Scene, target: Entity): Promise<Part | null> {
  if (target.kind === 'provider') {
    const users = scene.objects.resources.filter((row) => row.credential_provider_id === target.id)
    if (users.length === 0) return null
    const names = users.map(({ name }) => quoted(name)).join(', ')
    return {
      kind: 'question',
      text: `The resource ${names} uses the provider ${quoted(target.name)}. Shall I detach it there first?`,
    }
  }
  if (target.kind !== 'policySet') return null
  const active = scene.objects.zone.active_policy_set_version_id
  const row = scene.objects.policySets.find(({ id }) => id === target.id)
  if (active === null || row?.latest_version?.id !== active) return null
  return {
    kind: 'question',
    text: `${quoted(target.name)} is the policy set that decides in this zone. Which one should be active instead?`,
  }
}

/** What stands before a new name. */
const marks: ReadonlySet<string> = new Set(['to', 'into', 'as', ':', '=>', '->', '→', '='])

/** `rename billing-agent to invoice-agent`. */
export async function renameObject(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    'verb:rename',
    'verb:require',
    'verb:change',
    'verb:set',
    'noun:name',
    'word:naming',
    'word:new',
  )
  const mark = clause.items.findLastIndex(
    (item, at) => at > 0 && (marks.has(item.fold) || is(item, 'word:naming')),
  )
  const run = mark === -1 ? lastName(scene, clause) : nameAt(scene, clause, mark + 1, true)
  const name = run?.text ?? null
  take(clause, clause.items[mark], ...(run?.items ?? []))
  const found = targetsOf(scene, clause)
  if (!found.ok) return [found.part]
  const [target, second] = found.entities
  if (target === undefined || second !== undefined)
    return [
      { kind: 'question', text: 'One object can be renamed at a time. Which one do you mean?' },
    ]
  if (name === null) return [gap(clause, `What should ${quoted(target.name)} be called?`, 'to')]
  const { patch, idField } = operations[target.kind]
  if (patch === null)
    return [
      {
        kind: 'answer',
        text: `The name of a ${kindNames[target.kind]} cannot be changed: create one under the new name instead.`,
      },
    ]
  if (target.kind === 'zone' && !isOwnZone(scene, target)) return [otherZone(target)]
  if (target.name === name)
    return [{ kind: 'note', text: `${quoted(target.name)} is called so already.` }]
  const clash =
    foldName(name) === foldName(target.name) ? null : clashWith(scene, target.kind, name)
  if (clash !== null && foldName(name) !== foldName(target.name))
    return [
      {
        kind: 'question',
        text: `${'text' in clash ? clash.text : ''} Which other name should ${quoted(target.name)} get?`,
      },
    ]
  addStep(scene.draft, {
    operation: patch,
    name: 'rename',
    input: { ...(idField !== '' && { [idField]: target.id }), name },
    phrase: `rename ${kindNames[target.kind]} ${quoted(target.name)} to ${quoted(name)}`,
  })
  const renamed: Entity = { ...target, name }
  scene.draft.planned.push(renamed)
  mention(scene, renamed)
  return []
}

/** `should be renamed mailer-north`: the name stands behind the verb, and nothing after it. */
function lastName(scene: Scene, clause: Clause): ReturnType<typeof nameAt> {
  if (!clause.passive || clause.head === null) return null
  const run = nameAt(scene, clause, clause.items.indexOf(clause.head) + 1, false)
  return run?.items.at(-1) === clause.items.at(-1) ? run : null
}

/** Whether a clause speaks of this zone: by its name, or as `the zone`. */
export function takeOwnZone(scene: Scene, clause: Clause): Part | null {
  const zones = named(clause, 'zone')
  take(clause, ...zones.map(({ item }) => item))
  takeKind(clause, 'zone')
  const other = zones.find(({ entity }) => entity.id !== scene.objects.zone.id)
  return other === undefined ? null : otherZone(other.entity)
}
