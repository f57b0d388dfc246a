import type { OutputOf } from '../../../tools/catalogue.ts'
import type { AccessFrame } from './access-pieces.ts'
import { accessRequestOf } from './access-request.ts'
import { describeInstant } from './civil-time.ts'
import { type Clause, has, named, take, takeAll } from './clause.ts'
import type { Entity } from './entities.ts'
import { resourcesWith, scopeQuestion } from './give-access.ts'
import { factsOf, mention, type Part, type Scene } from './scene.ts'
import { scopesFor } from './scope-words.ts'
import { askFor, gap } from './slots.ts'
import { cited, listed, questions, quoted, some } from './texts.ts'
import type { AccessTuple } from './zone-state.ts'

type Decision = OutputOf<'access.check'>

const askingWords = [
  'ask:who',
  'ask:what',
  'ask:why',
  'ask:is',
  'verb:show',
  'word:member',
  'verb:give',
  'all',
  'everyone',
  'noun:overview',
  'word:active',
  'kind:grant',
  'noun:everything',
  'ask:how-many',
  'only',
  'verb:attach',
  'verb:create',
] as const

/** `who can read invoices?` */
export async function whoCan(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, ...askingWords)
  const parsed = accessRequestOf(scene, clause)
  if (!parsed.ok) return [parsed.part]
  takeAll(clause, ...askingWords)
  const [frame] = parsed.request.frames
  if (frame === undefined) return []
  const resources =
    frame.resources.length > 0 ? frame.resources : resourcesWith(scene, frame.wishes)
  if (resources.length === 0 && frame.wishes.length > 0) {
    const found = askFor(scene, clause, 'resource')
    return found.ok ? [] : [found.part]
  }
  if (resources.length === 0) return [tuplesAnswer('In this zone', await tuples(scene, {}))]
  const parts: Part[] = []
  for (const resource of resources) {
    const scopes = factsOf(scene, resource).scopes ?? []
    const found = scopesFor(frame.wishes, scopes)
    if (!found.ok) return [scopeQuestion(found.wish, found.among, resource, scopes)]
    const all = await tuples(scene, { resource_id: resource.id })
    const fitting =
      frame.wishes.length === 0 ? all : all.filter((one) => found.scopes.includes(one.scope))
    const what = found.scopes.length === 0 ? 'any scope' : listed(found.scopes)
    parts.push(whoAnswer(resource, what, fitting))
  }
  return parts
}

async function tuples(
  scene: Scene,
  filter: Readonly<Record<string, string>>,
): Promise<readonly AccessTuple[]> {
  return scene.state.all('access.list', filter)
}

function whoAnswer(resource: Entity, what: string, found: readonly AccessTuple[]): Part {
  if (found.length === 0)
    return { kind: 'answer', text: `Nobody can use ${what} on ${cited(resource)}.` }
  const holders = new Map<string, AccessTuple[]>()
  for (const one of found) {
    const key = `${one.application_id} ${one.user_id ?? ''}`
    holders.set(key, [...(holders.get(key) ?? []), one])
  }
  const lines = [...holders.values()].map((held) => `- ${holderText(held)}`)
  return {
    kind: 'answer',
    text: [`On ${cited(resource)}, ${what} can be used by:`, ...capped(lines)].join('\n'),
  }
}

function holderText(held: readonly AccessTuple[]): string {
  const [first] = held
  if (first === undefined) return ''
  const user = first.user_id === null ? '' : ` for user ${quoted(first.user_id)}`
  const scopes = held.map(scopeText)
  const why = [...new Set(held.flatMap((one) => one.rules))]
  return `${cited({ name: first.application_name, id: first.application_id })}${user}: ${listed(scopes)} by ${some(why, 6)}`
}

/** A scope, with what stands between the holder and its use. */
function scopeText({ scope, verdict, depends_on }: AccessTuple): string {
  if (verdict === 'approval') return `${scope} after an approval`
  if (verdict === 'allow') return scope
  return `${scope} not now but as ${some(depends_on ?? [], 4)} permits`
}

function capped(lines: readonly string[], most = 40): readonly string[] {
  return lines.length <= most
    ? lines
    : [...lines.slice(0, most), `- and ${String(lines.length - most)} more`]
}

function tuplesAnswer(where: string, found: readonly AccessTuple[]): Part {
  if (found.length === 0)
    return { kind: 'answer', text: `${where}, nothing can be used by any application.` }
  const groups = new Map<string, AccessTuple[]>()
  for (const one of found) {
    const key = `${one.application_id} ${one.resource_id} ${one.user_id ?? ''}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  const lines = [...groups.values()].map((held) => {
    const [first] = held
    return first === undefined
      ? ''
      : `- ${holderText(held)}, on ${cited({ name: first.resource_name, id: first.resource_id })}`
  })
  return { kind: 'answer', text: [`${where}:`, ...capped(lines)].join('\n') }
}

/** `what can billing-agent do?` */
export async function whatCan(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, ...askingWords)
  const parsed = accessRequestOf(scene, clause)
  if (!parsed.ok) return [parsed.part]
  takeAll(clause, ...askingWords)
  const [frame] = parsed.request.frames
  const parts: Part[] = []
  for (const application of frame?.applications ?? []) {
    const found = await tuples(scene, { application_id: application.id })
    const fitting =
      (frame?.resources.length ?? 0) === 0
        ? found
        : found.filter((one) => frame?.resources.some(({ id }) => id === one.resource_id))
    const wished =
      frame === undefined || frame.wishes.length === 0
        ? fitting
        : fitting.filter((one) => scopesFor(frame.wishes, [one.scope]).ok)
    if (wished.length === 0) {
      parts.push({
        kind: 'answer',
        text: `${cited(application)} can do nothing${fitting === found ? '' : ' there'}: no grant and no policy gives it any scope.`,
      })
      continue
    }
    const lines = byResource(wished)
    parts.push({
      kind: 'answer',
      text: [`${cited(application)} can use:`, ...capped(lines)].join('\n'),
    })
  }
  return parts
}

function byResource(found: readonly AccessTuple[]): readonly string[] {
  const groups = new Map<string, AccessTuple[]>()
  for (const one of found) {
    const key = `${one.resource_id} ${one.user_id ?? ''}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()].map((held) => {
    const [first] = held
    const scopes = held.map(scopeText)
    const why = [...new Set(held.flatMap((one) => one.rules))]
    const forUser = first?.user_id ?? null
    const user = forUser === null ? '' : ` for user ${quoted(forUser)}`
    return `- ${listed(scopes)} on ${cited({ name: first?.resource_name ?? '', id: first?.resource_id ?? '' })}${user} by ${some(why, 6)}`
  })
}

/** `can billing-agent write invoices?` and `why can't it?`: the decision, as it would be made now. */
export async function checkAccess(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(clause, ...askingWords, 'negation', 'noun:refusal', 'verb:revoke', 'verb:off')
  const parsed = accessRequestOf(scene, clause)
  if (!parsed.ok) return [parsed.part]
  takeAll(clause, ...askingWords)
  const parts: Part[] = []
  for (const frame of parsed.request.frames)
    parts.push(...(await checkFrame(scene, clause, frame, parsed.request.user)))
  return parts
}

async function checkFrame(
  scene: Scene,
  clause: Clause,
  frame: AccessFrame,
  user: string | null,
): Promise<readonly Part[]> {
  const resources =
    frame.resources.length > 0 ? frame.resources : resourcesWith(scene, frame.wishes)
  if (frame.applications.length === 0 || resources.length === 0) {
    const found = askFor(
      scene,
      clause,
      frame.applications.length === 0 ? 'application' : 'resource',
    )
    return found.ok ? [] : [found.part]
  }
  if (frame.time !== null) return [{ kind: 'question', text: questions.onlyNow }]
  const parts: Part[] = []
  for (const resource of resources) {
    const known = factsOf(scene, resource).scopes ?? []
    const found = scopesFor(frame.wishes, known)
    if (!found.ok) return [scopeQuestion(found.wish, found.among, resource, known)]
    const scopes = frame.wishes.length === 0 ? known : found.scopes
    if (scopes.length === 0) return [gap(clause, questions.whichScopes(resource.name, known), '')]
    for (const application of frame.applications)
      parts.push(await checkOne(scene, application, resource, scopes, user))
  }
  return parts
}

async function checkOne(
  scene: Scene,
  application: Entity,
  resource: Entity,
  scopes: readonly string[],
  user: string | null,
): Promise<Part> {
  const decision = await scene.state.read<Decision>('access_check', {
    application_id: application.id,
    resource_id: resource.id,
    scopes,
    ...(user !== null && { user_id: user }),
  })
  mention(scene, application)
  mention(scene, resource)
  const gated = Object.values(decision.scopes).some(({ verdict }) => verdict === 'approval')
  const word = decision.allow ? 'Yes' : gated ? 'After an approval' : 'No'
  const rules = decision.rules.length === 0 ? '' : ` Decided by ${some(decision.rules, 6)}.`
  const change = decision.smallest_change === null ? '' : ` ${decision.smallest_change}`
  const text = `${word}: ${cited(application)}, ${listed(scopes)} on ${cited(resource)}. ${decision.explanation}${rules}${change}`
  return { kind: 'answer', text }
}

/** `what expires this week?` */
export async function whatExpires(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  takeAll(
    clause,
    ...askingWords,
    'verb:expire',
    'verb:revoke',
    'noun:expiry',
    'kind:grant',
    'noun:access',
    'ask:when',
    'verb:freeze',
    'verb:off',
    'word:time-boxed',
    'noun:freeze',
    'pronoun-of',
    'verb:shorten',
    'next',
  )
  take(clause, ...clause.items.filter(({ fold }) => fold === 'soon' || fold === 'shortly'))
  const parsed = accessRequestOf(scene, clause)
  if (!parsed.ok) return [parsed.part]
  const [frame] = parsed.request.frames
  const time = frame?.time ?? null
  const until =
    time?.kind === 'span' ? time.toMs : time?.kind === 'point' ? time.ms : Number.POSITIVE_INFINITY
  const from = time?.kind === 'span' ? Math.max(time.fromMs, scene.now.ms) : scene.now.ms
  const [application] = frame?.applications ?? []
  const [resource] = frame?.resources ?? []
  const grants = await scene.state.all('grants.list', {
    ...(application !== undefined && { application_id: application.id }),
    ...(resource !== undefined && { resource_id: resource.id }),
  })
  const ending = grants
    .filter((grant) => grant.archived_at === null && grant.expires_at !== null)
    .map((grant) => ({ grant, ends: Date.parse(grant.expires_at ?? '') }))
    .filter(({ ends }) => ends >= from && ends <= until)
    .sort((a, b) => a.ends - b.ends)
  const span =
    until === Number.POSITIVE_INFINITY ? '' : ` until ${describeInstant(until, scene.now.timeZone)}`
  if (ending.length === 0)
    return [
      {
        kind: 'answer',
        text: `No grant${application === undefined ? '' : ` of ${cited(application)}`} ends${span}.`,
      },
    ]
  const name = (
    list: readonly { readonly id: string; readonly name: string }[],
    id: string,
  ): string => cited({ id, name: list.find((one) => one.id === id)?.name ?? id })
  const lines = ending.map(
    ({ grant, ends }) =>
      `- ${describeInstant(ends, scene.now.timeZone)}: ${listed(grant.scopes)} of ${name(scene.objects.applications, grant.application_id)} on ${name(scene.objects.resources, grant.resource_id)} (${grant.id})`,
  )
  return [{ kind: 'answer', text: [`These grants end${span}:`, ...capped(lines)].join('\n') }]
}

/** Whether a clause names an application, or points back to one. */
export function namesApplication(scene: Scene, clause: Clause): boolean {
  if (named(clause, 'application').some(({ item }) => !item.weak)) return true
  return has(clause, 'pronoun', 'pronoun-of', 'pronoun-plural') && scene.recent.has('application')
}
