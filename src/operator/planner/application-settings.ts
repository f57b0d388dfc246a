import { type Clause, does, has, is, isNegated, take, takeAll } from './clause.ts'
import { addStep } from './draft.ts'
import type { Entity } from './entities.ts'
import type { Part, Scene } from './scene.ts'
import { gap, objectsOf } from './slots.ts'
import { listed, quoted } from './texts.ts'

/** What an application is registered with beside its name and labels. */
export interface Settings {
  readonly dpop_required?: true
  readonly redirect_uris?: readonly string[]
}

/** `... that requires DPoP`, `... with the redirect URI https://...`; what it finds, it takes. */
export function settingsIn(clause: Clause): Settings {
  const dpop = has(clause, 'noun:dpop') && !isNegated(clause)
  if (dpop) takeAll(clause, 'noun:dpop', 'verb:require', 'verb:on', 'verb:attach')
  const urls = has(clause, 'noun:redirect') ? urlsIn(clause) : []
  if (urls.length > 0) takeAll(clause, 'noun:redirect')
  return {
    ...(dpop && { dpop_required: true as const }),
    ...(urls.length > 0 && { redirect_uris: urls }),
  }
}

function urlsIn(clause: Clause): readonly string[] {
  const urls = clause.items.filter((item) => item.shape === 'url' && !clause.taken.has(item))
  take(clause, ...urls)
  return urls.map(({ text }) => text)
}

/** `require DPoP for billing-agent`, `billing-agent no longer needs DPoP`. */
export async function requireDpop(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const off = does(clause, 'off', 'delete', 'revoke')
  const denied = isNegated(clause)
  takeAll(
    clause,
    'noun:dpop',
    'verb:require',
    'verb:on',
    'verb:off',
    'verb:set',
    'verb:delete',
    'verb:revoke',
    'verb:attach',
    'verb:activate',
    'verb:give',
    'negation',
    'no-longer',
    'any-more',
  )
  const found = objectsOf(scene, clause, 'application')
  if (!found.ok) return [found.part]
  if (off && denied)
    return [{ kind: 'question', text: 'Should proof of possession be required or not?' }]
  const wanted = !off && !denied
  return found.entities.map((target) =>
    patchUnlessSo(scene, target, {
      change: { dpop_required: wanted },
      isSo: rowOf(scene, target)?.dpop_required === wanted,
      phrase: `${wanted ? 'require' : 'no longer require'} proof of possession (DPoP) of ${quoted(target.name)}`,
    }),
  )
}

/** `add the redirect URI https://... to billing-agent`, `remove ...`, `set ...`. */
export async function changeRedirects(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const removes = does(clause, 'delete', 'revoke', 'detach')
  const replaces = does(clause, 'change') || (does(clause, 'set') && clause.head?.fold !== 'put')
  takeAll(
    clause,
    'noun:redirect',
    'verb:create',
    'verb:give',
    'verb:set',
    'verb:change',
    'verb:delete',
    'verb:revoke',
    'verb:detach',
    'verb:attach',
    'word:new',
    'word:arrow',
  )
  const urls = urlsIn(clause)
  const found = objectsOf(scene, clause, 'application')
  if (!found.ok) return [found.part]
  if (urls.length === 0)
    return [
      gap(clause, 'Which redirect URI do you mean, for example https://app.example.com/cb?', ''),
    ]
  return found.entities.map((target) => {
    const had = rowOf(scene, target)?.redirect_uris ?? []
    const gone = urls.filter((url) => had.includes(url))
    if (replaces && had.length > 0 && gone.length < had.length) {
      const text = `${quoted(target.name)} has ${listed(had)} already. Shall ${listed(urls)} be added to that, or shall others go?`
      return { kind: 'question' as const, text }
    }
    const next = removes
      ? had.filter((url) => !urls.includes(url))
      : [...new Set([...had, ...urls])]
    return patchUnlessSo(scene, target, {
      change: { redirect_uris: next },
      isSo: next.length === had.length,
      phrase: `${removes ? 'remove' : 'add'} the redirect URI ${listed(urls)} ${removes ? 'from' : 'to'} ${quoted(target.name)}`,
    })
  })
}

function rowOf(scene: Scene, target: Entity): Scene['objects']['applications'][number] | undefined {
  return scene.objects.applications.find(({ id }) => id === target.id)
}

interface Change {
  readonly change: Readonly<Record<string, unknown>>
  readonly isSo: boolean
  readonly phrase: string
}

function patchUnlessSo(scene: Scene, target: Entity, { change, isSo, phrase }: Change): Part {
  if (isSo) return { kind: 'note', text: `${quoted(target.name)} is set so already.` }
  addStep(scene.draft, {
    operation: 'applications.patch',
    name: 'app',
    input: { application_id: target.id, ...change },
    phrase,
  })
  return { kind: 'note', text: '' }
}

/** Whether a clause asks for proof of possession of an application, or no longer for it. */
export function saysDpop(clause: Clause): boolean {
  return (
    has(clause, 'noun:dpop') &&
    (clause.modal ||
      isNegated(clause) ||
      has(clause, 'verb:require') ||
      does(clause, 'on', 'off', 'set', 'delete', 'attach', 'activate')) &&
    !(does(clause, 'create') && is(clause.head ?? undefined, 'verb:create'))
  )
}
