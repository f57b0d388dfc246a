import { label as labelShape } from '../../../tools/fields.ts'
import { settingsIn } from './application-settings.ts'
import { type Clause, has, is, isUnknown, isVerb, take, takeAll } from './clause.ts'
import { addPlanned, addStep } from './draft.ts'
import type { Entity } from './entities.ts'
import type { Item } from './items.ts'
import { clashWith, newNamesIn, valuesBefore, valuesFrom } from './new-names.ts'
import { entitiesOfKind, factsOf, mention, type Part, type Scene } from './scene.ts'
import { gap, objectsOf, takeKind } from './slots.ts'
import { listed, questions, quoted } from './texts.ts'

/** `register an application called billing-agent with label team:billing`. */
export async function createApplications(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'word:new')
  const settings = settingsIn(clause)
  const labelItems = labelsIn(clause)
  const labels = labelItems.map(({ text }) => text)
  if (runOn(clause, labelItems))
    return [gap(clause, 'Is that one label or several? Write them as a, b.', '')]
  const names = newNamesIn(scene, clause, 'application')
  takeKind(clause, 'application')
  takeCount(clause, names.length)
  if (names.length === 0) return [gap(clause, questions.needsName('application'), 'called')]
  const wrong = wrongLabel(clause, labels)
  if (wrong !== null) return [wrong]
  const parts: Part[] = []
  const made: Entity[] = []
  for (const { text: name } of names) {
    const clash = clashWith(scene, 'application', name)
    if (clash !== null) {
      parts.push(clash)
      const known = entitiesOfKind(scene, 'application').find(
        (entity) => entity.name.toLowerCase() === name.toLowerCase(),
      )
      if (known !== undefined) made.push(known)
      continue
    }
    const step = addStep(scene.draft, {
      operation: 'applications.create',
      name: 'app',
      input: { name, ...(labels.length > 0 && { labels }), ...settings },
      phrase: `register application ${quoted(name)}${labels.length > 0 ? ` with label ${listed(labels)}` : ''}`,
    })
    made.push(addPlanned(scene.draft, step, 'application', name, { labels }))
  }
  mention(scene, ...made)
  return parts
}

const counts: readonly string[] = ['zero', 'one', 'two', 'three', 'four', 'five', 'six']

/** `two applications called a and b`: the number is understood where it is the right one. */
export function takeCount(clause: Clause, number: number): void {
  const word = counts[number]
  take(clause, ...clause.items.filter((item) => item.fold === word || item.fold === String(number)))
}

function isLabelValue(item: Item): boolean {
  return (
    isUnknown(item) || item.shape === 'quoted' || (item.shape === 'word' && item.text.includes(':'))
  )
}

/** Labels behind `label`, `labelled` or `tagged`, or before `label`; what it finds, it takes. */
function labelsIn(clause: Clause): readonly Item[] {
  const found: Item[] = []
  for (const [at, item] of clause.items.entries()) {
    if (!is(item, 'noun:label', 'verb:label')) continue
    const start = clause.items.findIndex(
      (other, index) => index > at && !is(other, 'word:naming', 'filler'),
    )
    const after = start === -1 ? [] : valuesFrom(clause, start, isLabelValue)
    const values =
      after.length > 0 ? after : valuesBefore(clause, at, (other) => isLabelValue(other))
    const between = start === -1 ? [] : clause.items.slice(at, start)
    take(clause, item, ...values, ...between.filter((other) => is(other, 'word:naming')))
    found.push(...values)
  }
  return found
}

/** `production ready`: two bare words side by side may be one label or two. */
function runOn(clause: Clause, values: readonly Item[]): boolean {
  return values.some((item) => {
    const next = clause.items[clause.items.indexOf(item) + 1]
    return (
      next !== undefined && values.includes(next) && [item, next].every((one) => isUnknown(one))
    )
  })
}

function wrongLabel(clause: Clause, labels: readonly string[]): Part | null {
  const wrong = labels.find((text) => !labelShape.safeParse(text).success)
  if (wrong === undefined) return null
  const text = `${quoted(wrong)} cannot be a label: one is up to 80 letters, digits and . _ : / -, such as team:billing. Which label should it be?`
  return gap(clause, text, 'label')
}

/** `label billing-agent with team:billing`; labels that are there already are left alone. */
export async function addLabels(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  // Setting or replacing labels may mean all of them or one: that is asked back.
  if (is(clause.head ?? undefined, 'verb:change', 'verb:set') && clause.head?.fold !== 'put')
    return [{ kind: 'question', text: questions.addOrReplaceLabels }]
  takeAll(clause, 'verb:label', 'verb:create', 'verb:give', 'verb:set', 'verb:attach', 'noun:label')
  return changeLabels(
    scene,
    clause,
    (had, given) => [...had, ...given.filter((one) => !had.includes(one))],
    'add',
  )
}

/** `remove the label team:billing from billing-agent`. */
export async function removeLabels(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const all = takeAll(clause, 'all')
  if (clause.head === null || is(clause.head, 'verb:label'))
    takeAll(clause, 'no-longer', 'any-more', 'negation', 'word:member')
  takeAll(
    clause,
    'verb:delete',
    'verb:unlabel',
    'verb:clear',
    'verb:revoke',
    'noun:label',
    'verb:detach',
    'verb:label',
  )
  return changeLabels(
    scene,
    clause,
    (had, given) => had.filter((one) => !(all && given.length === 0) && !given.includes(one)),
    'remove',
    all,
  )
}

async function changeLabels(
  scene: Scene,
  clause: Clause,
  change: (had: readonly string[], given: readonly string[]) => readonly string[],
  word: 'add' | 'remove',
  all = false,
): Promise<readonly Part[]> {
  takeAll(clause, 'word:new', 'word:naming')
  const targets = namedOrRecent(scene, clause)
  if (!targets.ok) return [targets.part]
  const values = clause.items.filter((item) => !clause.taken.has(item) && isLabelValue(item))
  take(clause, ...values)
  const given = values.map(({ text }) => text)
  if (runOn(clause, values))
    return [gap(clause, `Is that one label or several? Write them as a, b.`, '')]
  if (given.length === 0 && !all)
    return [gap(clause, `Which label should I ${word}, for example team:billing?`, '')]
  const wrong = wrongLabel(clause, given)
  if (wrong !== null) return [wrong]
  const parts: Part[] = []
  for (const target of targets.entities) {
    const had = factsOf(scene, target).labels ?? []
    const labels = change(had, given)
    if (labels.length === had.length && labels.every((one) => had.includes(one))) {
      const text = word === 'add' ? 'already has' : 'does not have'
      parts.push({
        kind: 'note',
        text: `${quoted(target.name)} ${text} the label ${listed(given)}.`,
      })
      continue
    }
    addStep(scene.draft, {
      operation: 'applications.patch',
      name: 'labels',
      input: { application_id: target.id, labels },
      phrase: `${word} ${all ? 'all labels' : `label ${listed(given)}`} ${word === 'add' ? 'to' : 'from'} ${quoted(target.name)}`,
    })
    scene.draft.facts.set(target.id, { ...factsOf(scene, target), labels })
  }
  return parts
}

/** The applications that a clause names; unknown words in it are labels and not names. */
function namedOrRecent(scene: Scene, clause: Clause): ReturnType<typeof objectsOf> {
  const found = objectsOf(scene, clause, 'application', { runs: false })
  if (found.ok) return found
  const implied = scene.recent.get('application') ?? []
  if (clause.items.some((item) => item.entities.length > 0) || implied.length !== 1) {
    const isName = (item: Item): boolean => isUnknown(item) && !item.text.includes(':')
    const run = clause.items.filter((item) => !clause.taken.has(item) && isName(item))
    const [only] = run
    if (run.length !== 1 || only === undefined || !isAtTarget(clause, only)) return found
    return objectsOf(scene, clause, 'application')
  }
  return scene.draft.planned.some((entity) => entity.id === implied[0]?.id)
    ? { ok: true, entities: implied }
    : found
}

/** Whether an unknown word stands where a target would: behind the verb, `to`, `from` or `on`. */
function isAtTarget(clause: Clause, item: Item): boolean {
  const before = clause.items[clause.items.indexOf(item) - 1]
  return before !== undefined && (isVerb(before) || ['to', 'from', 'on'].includes(before.fold))
}

export async function rotateSecret(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const keysOnly = has(clause, 'noun:keys') && !has(clause, 'noun:secret')
  takeAll(
    clause,
    'word:useless',
    'verb:rotate',
    'noun:secret',
    'word:new',
    'verb:give',
    'verb:create',
    'verb:change',
    'verb:set',
    'noun:keys',
  )
  const found = objectsOf(scene, clause, 'application')
  if (!found.ok) return [found.part]
  return found.entities.map((target): Part => {
    if (target.planned)
      return {
        kind: 'note',
        text: `${quoted(target.name)} gets its first secret as it is registered.`,
      }
    const row = scene.objects.applications.find(({ id }) => id === target.id)
    if (row?.auth_method === 'private_key_jwt')
      return {
        kind: 'question',
        text: `${quoted(target.name)} has no secret: it authenticates with its own keys (private_key_jwt). Do you mean another application?`,
      }
    if (keysOnly)
      return {
        kind: 'question',
        text: `${quoted(target.name)} has no keys of its own: it authenticates with a client secret. Shall I rotate that?`,
      }
    addStep(scene.draft, {
      operation: 'applications.rotate_secret',
      name: 'secret',
      input: { application_id: target.id },
      phrase: `replace the client secret of ${quoted(target.name)} (the old one stops at once)`,
    })
    return { kind: 'note', text: '' }
  })
}
