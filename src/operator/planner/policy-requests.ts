import type { OutputOf } from '../../../tools/catalogue.ts'
import { type Clause, has, is, isNegated, named, scopeClassOf, take, takeAll } from './clause.ts'
import { addPlanned, addStep, outputOf } from './draft.ts'
import { type Entity, looseName } from './entities.ts'
import type { Item } from './items.ts'
import { resourcesWith, scopeQuestion } from './give-access.ts'
import { clashWith, newNamesIn } from './new-names.ts'
import { activeSet, decideBy, policiesIn, secondPolicyChange } from './policy-sets.ts'
import { canonical, factsOf, type Part, type Scene } from './scene.ts'
import { scopesFor, wishesOf } from './scope-words.ts'
import { gap, objectsOf, takeKind } from './slots.ts'
import { cited, listed, questions, quoted, some } from './texts.ts'

type Documents = Readonly<Record<string, unknown>>

/** A policy that the planner writes itself: a name, what it does, and its documents. */
export interface WrittenPolicy {
  readonly name: string
  readonly description: string
  readonly documents: Documents
}

/** Creates a policy, bundles it with what decides today and makes that decide. */
export async function putInForce(scene: Scene, policy: WrittenPolicy): Promise<readonly Part[]> {
  const second = secondPolicyChange(scene)
  if (second !== null) return [second]
  if (JSON.stringify(policy.documents).includes('{{steps.'))
    return [
      {
        kind: 'question',
        text: 'A policy can only speak of what exists already. Apply the plan that creates it first, and ask for the policy then?',
      },
    ]
  const name = freeName(scene, policy.name)
  const active = await activeSet(scene)
  const step = addStep(scene.draft, {
    operation: 'policies.create',
    name: 'policy',
    input: {
      name,
      description: policy.description,
      language: 'json',
      source: JSON.stringify(policy.documents, null, 2),
    },
    phrase: `create policy ${quoted(name)}: ${policy.description}`,
  })
  const entry = { policy_version_id: outputOf(step, 'latest_version.id') }
  decideBy(scene, active, [...(active?.manifest ?? []), entry])
  return active === null
    ? [
        {
          kind: 'note',
          text: 'No policy set is active yet, so nothing is authorized; with this one, grants decide.',
        },
      ]
    : []
}

function freeName(scene: Scene, wanted: string): string {
  const taken = new Set(scene.objects.policies.map(({ name }) => looseName(name)))
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted} ${String(number)}`
    if (!taken.has(looseName(name))) return name
  }
}

/** `stop requiring approval`; in `deleting invoices needs approval` the verb is what is asked for. */
function endsApproval(head: Item | null): boolean {
  return (
    head !== null &&
    is(head, 'verb:revoke', 'verb:off', 'verb:delete', 'verb:clear', 'verb:freeze') &&
    !(scopeClassOf(head) !== null && head.fold.endsWith('ing'))
  )
}

const approvalStays =
  'An approval is asked for by a policy. Say which policy should be taken out of the active policy set: which one is it?'

/** `require approval for invoices:write`: a human decision before the scope is given out. */
export async function requireApproval(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const denied = isNegated(clause)
  if (
    clause.head !== null &&
    scopeClassOf(clause.head) !== null &&
    clause.head.fold.endsWith('ing')
  )
    clause.taken.delete(clause.head)
  takeAll(
    clause,
    'verb:require',
    'noun:approval',
    'verb:create',
    'verb:set',
    'verb:give',
    'noun:scope',
    'word:new',
    'verb:on',
    'verb:approve',
    'noun:request',
    'noun:access',
    'word:able',
    'word:human',
  )
  take(clause, ...clause.items.filter(({ fold }) => fold === 'anyone' || fold === 'anybody'))
  take(clause, ...clause.items.filter((item) => item.fold === 'before' || item.fold === 'person'))
  if (denied) return [{ kind: 'question', text: questions.denied('') }]
  if (endsApproval(clause.head)) return [{ kind: 'question', text: approvalStays }]
  take(
    clause,
    ...clause.items.filter((item) => is(item, 'kind:policy', 'noun:access', 'all', 'ask:is')),
  )
  const apps = named(clause, 'application').map(({ item, entity }) => {
    take(clause, item)
    return canonical(scene, entity)
  })
  takeKind(clause, 'application')
  const wishes = clause.items
    .filter(
      (item) => !clause.taken.has(item) && item.entities.length === 0 && !is(item, 'scope:approve'),
    )
    .flatMap((item) => {
      const wish = wishesOf(item)
      if (wish.length > 0) take(clause, item)
      return wish
    })
  take(
    clause,
    ...clause.items.filter((item) => is(item, 'scope:approve') && !clause.taken.has(item)),
  )
  const given = named(clause, 'resource').length > 0 ? objectsOf(scene, clause, 'resource') : null
  const target = given ?? { ok: true as const, entities: resourcesWith(scene, wishes) }
  if (!target.ok) return [target.part]
  const [resource] = target.entities
  if (resource === undefined)
    return [gap(clause, 'Before which scopes of which resource should a person approve?', 'for')]
  const scopes = factsOf(scene, resource).scopes ?? []
  if (wishes.length === 0) return [gap(clause, questions.whichScopes(resource.name, scopes), 'for')]
  const found = scopesFor(wishes, scopes)
  if (!found.ok) return [scopeQuestion(found.wish, found.among, resource, scopes)]
  return putInForce(scene, approvalPolicy(scene, resource, found.scopes, apps))
}

function approvalPolicy(
  scene: Scene,
  resource: Entity,
  scopes: readonly string[],
  apps: readonly Entity[],
): WrittenPolicy {
  const row = scene.objects.resources.find(({ id }) => id === resource.id)
  const who = apps.length === 0 ? '' : ` by ${listed(apps.map(({ name }) => quoted(name)))}`
  const reason = `A person approves ${listed(scopes)} on ${quoted(resource.name)}${who} first`
  const when = {
    ...(apps.length > 0 && { applications: apps.map(({ id }) => id) }),
    ...(row !== undefined && { resources: [row.identifier] }),
    scopes,
  }
  const id =
    `approve-${looseName([resource.name, ...scopes, ...apps.map(({ name }) => name)].join(' ')).replaceAll(' ', '-')}`.slice(
      0,
      60,
    )
  return {
    name: `approval for ${scopes.join(', ')}`.slice(0, 100),
    description: reason,
    documents: { conditions: [{ id, effect: 'approval', when, reason }] },
  }
}

/** `create a policy from the freeze template`; `apply the business hours template`. */
export async function useTemplate(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const inForce =
    has(clause, 'verb:activate', 'verb:on') && !is(clause.head ?? undefined, 'verb:create')
  takeAll(
    clause,
    'verb:create',
    'verb:activate',
    'verb:attach',
    'verb:on',
    'word:new',
    'noun:template',
    'kind:policy',
    'verb:approve',
  )
  const templates = await scene.state.read<OutputOf<'policies.templates'>>('policies_templates')
  const naming = has(clause, 'word:naming') ? newNamesIn(scene, clause, 'policy')[0] : undefined
  const words = clause.items.filter((item) => !clause.taken.has(item) && item.shape !== 'punct')
  const said = new Set(looseName(words.map(({ text }) => text).join(' ')).split(' '))
  const fitting = templates.items.filter((template) =>
    [template.id, template.title].some((name) =>
      looseName(name)
        .split(' ')
        .every((word) => said.has(word)),
    ),
  )
  const [template, second] = fitting
  if (template === undefined || second !== undefined) {
    const names = templates.items.map(({ id, title }) => `${quoted(id)} (${title})`)
    return [gap(clause, `Which template do you mean: ${some(names, 12, 'or')}?`, '')]
  }
  const named = new Set(looseName(`${template.id} ${template.title}`).split(' '))
  take(
    clause,
    ...words.filter(({ fold }) => fold === 'out'),
    ...words.filter((item) =>
      looseName(item.text)
        .split(' ')
        .every((word) => named.has(word)),
    ),
  )
  const name = naming?.text ?? template.title
  const clash = clashWith(scene, 'policy', name)
  if (clash !== null) return [clash]
  const step = addStep(scene.draft, {
    operation: 'policies.create',
    name: 'policy',
    input: {
      name,
      description: template.description,
      language: template.language,
      source: template.source,
    },
    phrase: `create policy ${quoted(name)} from the template ${quoted(template.id)}`,
  })
  addPlanned(scene.draft, step, 'policy', name)
  if (!inForce)
    return [{ kind: 'note', text: 'It decides nothing until a policy set with it is active.' }]
  const active = await activeSet(scene)
  decideBy(scene, active, [
    ...(active?.manifest ?? []),
    { policy_version_id: outputOf(step, 'latest_version.id') },
  ])
  return []
}

/** A document given in the message, in a fence or in quotes, with the language that it is in. */
function documentIn(clause: Clause): { readonly language: string; readonly source: string } | null {
  const item = clause.items.find((one) => one.shape === 'code' && !clause.taken.has(one))
  if (item === undefined) return null
  take(clause, item)
  const source = item.text.trim()
  const language = /^[{[]/.test(source)
    ? 'json'
    : /^(?:#\s*caracal:|package\s)/.test(source)
      ? 'rego'
      : 'yaml'
  return { language, source }
}

const askDocument =
  'I need the document itself, between ``` marks, as JSON, YAML or Rego. "list the policy templates" shows examples. What should it say?'

/** `create a policy called freeze with` and a document. */
export async function createPolicy(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'word:new')
  const document = documentIn(clause)
  const [name] = newNamesIn(scene, clause, 'policy')
  takeKind(clause, 'policy')
  if (name === undefined) return [gap(clause, questions.needsName('policy'), 'called')]
  const clash = clashWith(scene, 'policy', name.text)
  if (clash !== null) return [clash]
  if (document === null) return [gap(clause, askDocument, 'with')]
  const step = addStep(scene.draft, {
    operation: 'policies.create',
    name: 'policy',
    input: { name: name.text, ...document },
    phrase: `create policy ${quoted(name.text)}`,
  })
  addPlanned(scene.draft, step, 'policy', name.text)
  return [{ kind: 'note', text: 'It decides nothing until a policy set with it is active.' }]
}

/** `add a version to the policy freeze` and a document. */
export async function addPolicyVersion(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'verb:create', 'noun:version', 'word:new', 'verb:change', 'verb:set')
  const document = documentIn(clause)
  const found = objectsOf(scene, clause, 'policy')
  if (!found.ok) return [found.part]
  const [policy] = found.entities
  if (policy === undefined) return []
  if (document === null) return [gap(clause, askDocument, 'with')]
  addStep(scene.draft, {
    operation: 'policies.add_version',
    name: 'version',
    input: { policy_id: policy.id, ...document },
    phrase: `add a version to policy ${quoted(policy.name)}`,
  })
  return [
    { kind: 'note', text: `Until a policy set is activated with it, what decides stays the same.` },
  ]
}

/** `delete the policy freeze`; one that decides is taken out of force by a request of its own. */
export async function deletePolicies(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, 'verb:delete')
  if (isNegated(clause))
    return [
      {
        kind: 'question',
        text: 'You said not to delete it, so nothing is planned. What should change?',
      },
    ]
  const found = objectsOf(scene, clause, 'policy')
  if (!found.ok) return [found.part]
  const active = await activeSet(scene)
  const inForce = policiesIn(scene, active?.manifest ?? [])
  const parts: Part[] = []
  for (const policy of found.entities) {
    if (inForce.some(({ id }) => id === policy.id)) {
      const text = `The policy ${cited(policy)} decides in this zone. Take it out of the active policy set first: shall I plan that?`
      const suggestion = `remove the policy "${policy.name}" from the active policy set`
      parts.push({
        kind: 'question',
        text,
        pending: { start: 0, end: 0, lead: '', candidates: [], suggestion },
      })
      continue
    }
    addStep(scene.draft, {
      operation: 'policies.delete',
      name: 'delete',
      input: { policy_id: policy.id },
      phrase: `archive policy ${quoted(policy.name)}`,
    })
  }
  return parts
}
