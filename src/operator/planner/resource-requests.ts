import { slugOf } from '../../kernel/names.ts'
import { takeCount } from './application-requests.ts'
import { type Clause, has, is, isUnknown, named, take, takeAll } from './clause.ts'
import { addPlanned, addStep } from './draft.ts'
import type { Entity } from './entities.ts'
import { scopeQuestion } from './give-access.ts'
import { endingOf, type Item } from './items.ts'
import { clashWith, newNamesIn, valuesBefore, valuesFrom } from './new-names.ts'
import { canonical, factsOf, mention, type Part, type Scene } from './scene.ts'
import { isExactScope, scopesFor, wishesOf } from './scope-words.ts'
import { gap, objectsOf, takeKind } from './slots.ts'
import { listed, nameInRequest, questions, quoted } from './texts.ts'

/** `create a resource called Invoices with scopes invoices:read and invoices:write`. */
export async function createResources(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'word:new', 'word:member')
  const upstream = urlIn(clause, 'noun:upstream')
  const identifier = urlIn(clause, 'noun:url')
  const provider = providerIn(scene, clause)
  const scopeItems = newScopesIn(clause)
  const names = newNamesIn(scene, clause, 'resource')
  takeKind(clause, 'resource')
  takeCount(clause, names.length)
  if (names.length === 0) return [gap(clause, questions.needsName('resource'), 'called')]
  const parts: Part[] = []
  for (const { text: name } of names) {
    const clash = clashWith(scene, 'resource', name)
    if (clash !== null) {
      parts.push(clash.kind === 'note' ? existing(scene, clause, name, scopeItems, clash) : clash)
      continue
    }
    const scopes = scopeItems.map(({ text }) => text)
    const bare = scopeItems.filter((item) => !isExactScope(item) && item.shape !== 'quoted')
    if (scopes.length === 0 || bare.length > 0)
      return [scopesQuestion(scene, clause, name, scopeItems)]
    const step = addStep(scene.draft, {
      operation: 'resources.create',
      name: 'resource',
      input: {
        name,
        ...(identifier !== null && { identifier }),
        scopes,
        ...(upstream !== null && { upstream_url: upstream }),
        ...(provider !== null && { credential_provider_id: provider.id }),
      },
      phrase: `create resource ${quoted(name)} with scopes ${listed(scopes)}`,
    })
    mention(scene, addPlanned(scene.draft, step, 'resource', name, { scopes }))
  }
  return parts
}

/** A resource of this name is there: with these scopes it is what was asked for. */
function existing(
  scene: Scene,
  clause: Clause,
  name: string,
  items: readonly Item[],
  clash: Part,
): Part {
  const row = scene.objects.resources.find((one) => one.name.toLowerCase() === name.toLowerCase())
  const entity =
    row === undefined
      ? undefined
      : canonical(scene, { kind: 'resource', id: row.id, name: row.name, planned: false })
  if (entity !== undefined) mention(scene, entity)
  const scopes = entity === undefined ? [] : (factsOf(scene, entity).scopes ?? [])
  const more = items
    .filter((item) => isExactScope(item) && !scopes.includes(item.text))
    .map(({ text }) => text)
  if (more.length === 0) return clash
  return gap(
    clause,
    `The resource ${quoted(name)} exists already, without ${listed(more)}. Shall I add that to it?`,
    '',
  )
}

/** Bare words are no scopes yet: the usual form is proposed, and used when the person says yes. */
function scopesQuestion(scene: Scene, clause: Clause, name: string, items: readonly Item[]): Part {
  const prefix = slugOf(name)
  const words =
    items.length > 0
      ? items.map((item) => wishesOf(item)[0]?.value ?? item.text)
      : ['read', 'write']
  const full = words.map((word) => (word.includes(':') ? word : `${prefix}:${word}`))
  const text =
    items.length > 0
      ? `Shall the scopes of ${quoted(name)} be ${listed(full)}? Otherwise write them out.`
      : `Which scopes should ${quoted(name)} have, for example ${listed(full)}?`
  const [first] = items
  const last = items.at(-1)
  const end = clause.items.at(-1)?.end ?? 0
  const [from, to] =
    first === undefined || last === undefined ? [end, end] : [first.start, last.end]
  const suggestion =
    scene.message.slice(0, from) +
    (items.length > 0 ? '' : ' with scopes ') +
    full.join(' and ') +
    scene.message.slice(to)
  const lead = items.length > 0 ? '' : 'with scopes'
  return {
    kind: 'question',
    text,
    pending: { start: from, end: to, lead, candidates: [], suggestion },
  }
}

function isScopeValue(item: Item): boolean {
  if (item.entities.length > 0 && !item.weak && !isExactScope(item)) return false
  return (
    isExactScope(item) || isUnknown(item) || item.shape === 'quoted' || wishesOf(item).length > 0
  )
}

/** Scopes of a new resource: those with a colon, and words in a list beside `scopes`. */
function newScopesIn(clause: Clause): readonly Item[] {
  const at = clause.items.findIndex((item) => is(item, 'noun:scope'))
  const listedAt = at === -1 ? [] : valuesFrom(clause, at + 1, isScopeValue)
  const before =
    at === -1 || listedAt.length > 0
      ? []
      : valuesBefore(
          clause,
          at,
          (item) => isScopeValue(item) && (isExactScope(item) || wishesOf(item).length > 0),
        )
  const exact = clause.items.filter(
    (item) => item.shape === 'word' && isExactScope(item) && !clause.taken.has(item),
  )
  const all = clause.items.filter((item) => [...listedAt, ...before, ...exact].includes(item))
  take(clause, clause.items[at], ...all)
  return all
}

/** The address that stands by a noun; it and the noun are taken. */
function urlIn(clause: Clause, noun: string): string | null {
  const url = clause.items.find((item) => item.shape === 'url' && !clause.taken.has(item))
  const mark = clause.items.find((item) => is(item, noun))
  if (url === undefined || mark === undefined) return null
  take(clause, url, mark)
  return url.text
}

function providerIn(scene: Scene, clause: Clause): Entity | null {
  const [found] = named(clause, 'provider')
  if (found === undefined) return null
  take(clause, found.item)
  takeKind(clause, 'provider')
  takeAll(clause, 'verb:attach')
  return canonical(scene, found.entity)
}

/** `add the scope invoices:approve to Invoices`. */
export async function addScopes(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    'verb:create',
    'verb:give',
    'verb:set',
    'verb:extend',
    'verb:attach',
    'noun:scope',
    'word:new',
    'word:member',
    'verb:require',
    'word:naming',
  )
  const values = clause.items.filter(
    (item) => (isExactScope(item) || isBareScope(clause, item)) && !clause.taken.has(item),
  )
  take(clause, ...values)
  const found = objectsOf(scene, clause, 'resource')
  if (!found.ok) return [found.part]
  const [resource, second] = found.entities
  if (resource === undefined || second !== undefined)
    return [{ kind: 'question', text: 'To which one resource should the scope be added?' }]
  const scopes = factsOf(scene, resource).scopes ?? []
  if (values.length === 0)
    return [gap(clause, `Which scope should ${quoted(resource.name)} get?`, '')]
  const given = values.map((item) => fullScope(item, scopes))
  const bare = given.find((scope) => scope === null)
  if (bare !== undefined) return [bareQuestion(scene, values, resource)]
  const more = given.filter((scope): scope is string => scope !== null && !scopes.includes(scope))
  if (more.length === 0)
    return [
      {
        kind: 'note',
        text: `${quoted(resource.name)} already has ${listed(given.filter((scope) => scope !== null))}.`,
      },
    ]
  setScopes(
    scene,
    resource,
    [...scopes, ...more],
    `add scope ${listed(more)} to ${quoted(resource.name)}`,
  )
  return []
}

function isBareScope(clause: Clause, item: Item): boolean {
  const at = clause.items.indexOf(item)
  const beside = [clause.items[at - 1], clause.items[at + 1]].some((other) =>
    is(other, 'noun:scope'),
  )
  return (
    item !== clause.head &&
    (item.shape === 'quoted' || (beside && (isUnknown(item) || wishesOf(item).length > 0)))
  )
}

/** The scope itself, or null for a bare word that none of the resource's scopes is like. */
function fullScope(item: Item, scopes: readonly string[]): string | null {
  if (isExactScope(item) || item.shape === 'quoted') return item.text
  return scopes.includes(item.text) || scopes.every((scope) => endingOf(scope) === scope)
    ? item.text
    : null
}

function bareQuestion(scene: Scene, values: readonly Item[], resource: Entity): Part {
  const [first] = values
  const prefix = (factsOf(scene, resource).scopes ?? [])[0]?.split(':')[0] ?? slugOf(resource.name)
  const full = `${prefix}:${first?.fold ?? ''}`
  const start = first?.start ?? 0
  const end = first?.end ?? start
  const suggestion = scene.message.slice(0, start) + full + scene.message.slice(end)
  return {
    kind: 'question',
    text: `Shall the new scope of ${quoted(resource.name)} be ${full}? Otherwise write it out.`,
    pending: { start, end, lead: '', candidates: [], suggestion },
  }
}

function setScopes(
  scene: Scene,
  resource: Entity,
  scopes: readonly string[],
  phrase: string,
): void {
  addStep(scene.draft, {
    operation: 'resources.patch',
    name: 'scopes',
    input: { resource_id: resource.id, scopes },
    phrase,
  })
  scene.draft.facts.set(resource.id, { ...factsOf(scene, resource), scopes })
}

/** `remove the scope invoices:write from Invoices`. */
export async function removeScopes(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    'verb:delete',
    'verb:revoke',
    'noun:scope',
    'verb:detach',
    'no-longer',
    'any-more',
    'negation',
    'word:member',
    'word:able',
  )
  const wishes = clause.items
    .filter((item) => !clause.taken.has(item) && item.entities.length === 0)
    .flatMap(wishesOf)
  take(
    clause,
    ...clause.items.filter((item) => wishesOf(item).length > 0 && item.entities.length === 0),
  )
  const found = objectsOf(scene, clause, 'resource')
  if (!found.ok) return [found.part]
  const [resource] = found.entities
  if (resource === undefined) return []
  const scopes = factsOf(scene, resource).scopes ?? []
  if (wishes.length === 0) return [gap(clause, questions.whichScopes(resource.name, scopes), '')]
  const gone = scopesFor(wishes, scopes)
  if (!gone.ok) {
    const { wish, among } = gone
    if (wish.kind === 'exact' && among.length === 0)
      return [{ kind: 'note', text: `${quoted(resource.name)} has no scope ${wish.said}.` }]
    return [scopeQuestion(wish, among, resource, scopes)]
  }
  const kept = scopes.filter((scope) => !gone.scopes.includes(scope))
  if (kept.length === 0)
    return [
      {
        kind: 'question',
        text: `${quoted(resource.name)} would be left without any scope, which a resource needs. Shall I delete the resource instead?`,
      },
    ]
  setScopes(
    scene,
    resource,
    kept,
    `remove scope ${listed(gone.scopes)} from ${quoted(resource.name)}`,
  )
  return []
}

/** `set the upstream of Invoices to https://...`; `remove the upstream of Invoices`. */
export async function setUpstream(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    'verb:set',
    'verb:change',
    'verb:create',
    'verb:delete',
    'verb:attach',
    'noun:upstream',
    'noun:url',
    'noun:request',
    'verb:clear',
    'verb:give',
    'word:new',
    'word:arrow',
  )
  const ended = takeAll(clause, 'no-longer', 'any-more', 'word:member')
  const removes =
    is(clause.head ?? undefined, 'verb:delete', 'verb:clear') ||
    (ended && !clause.items.some((item) => item.shape === 'url'))
  const url = clause.items.find((item) => item.shape === 'url' && !clause.taken.has(item))
  take(clause, url)
  const found = objectsOf(scene, clause, 'resource')
  if (!found.ok) return [found.part]
  if (url === undefined && !removes)
    return [gap(clause, 'To which address (https://...) should the upstream be set?', 'to')]
  const value = removes ? null : (url?.text ?? null)
  return patchResources(scene, found.entities, { upstream_url: value }, (name) =>
    value === null ? `remove the upstream of ${name}` : `send requests for ${name} to ${value}`,
  )
}

/** `use the provider Stripe for Invoices`; `detach the provider from Invoices`. */
export async function setProvider(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const removes =
    has(clause, 'verb:detach', 'verb:delete', 'verb:clear') ||
    is(clause.head ?? undefined, 'verb:revoke')
  takeAll(
    clause,
    'verb:attach',
    'verb:detach',
    'verb:clear',
    'verb:switch',
    'verb:set',
    'verb:delete',
    'verb:revoke',
    'verb:create',
    'verb:give',
  )
  const runs = {
    runs:
      named(clause, 'resource').length > 0 && named(clause, 'provider').length === 0 && !removes,
  }
  const wantsProvider = !removes || named(clause, 'provider').length > 0
  const provider = wantsProvider ? objectsOf(scene, clause, 'provider', runs) : null
  takeKind(clause, 'provider')
  if (provider !== null && !provider.ok) return [provider.part]
  const found = objectsOf(scene, clause, 'resource')
  if (!found.ok) return [found.part]
  const [one, second] = provider?.entities ?? []
  if (second !== undefined)
    return [{ kind: 'question', text: 'A resource has one provider. Which of them should it be?' }]
  const value = removes ? null : (one?.id ?? null)
  return patchResources(scene, found.entities, { credential_provider_id: value }, (name) =>
    value === null
      ? `detach the provider from ${name}`
      : `let ${name} use the provider ${quoted(one?.name ?? '')}`,
  )
}

function patchResources(
  scene: Scene,
  resources: readonly Entity[],
  change: Readonly<Record<string, string | null>>,
  phrase: (name: string) => string,
): readonly Part[] {
  return resources.map((resource): Part => {
    const row = scene.objects.resources.find(({ id }) => id === resource.id)
    const [[field, value] = ['', null]] = Object.entries(change)
    if (row !== undefined && (row as Readonly<Record<string, unknown>>)[field] === value)
      return { kind: 'note', text: `${quoted(resource.name)} is set so already.` }
    addStep(scene.draft, {
      operation: 'resources.patch',
      name: 'resource',
      input: { resource_id: resource.id, ...change },
      phrase: phrase(nameInRequest(resource.name) ?? quoted(resource.name)),
    })
    return { kind: 'note', text: '' }
  })
}
