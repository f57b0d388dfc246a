import { findOperation, type OutputOf } from '../../../tools/catalogue.ts'
import { checkAccess } from './access-questions.ts'
import { addDays, civilOf, describeInstant, instantOf, startOfDay } from './civil-time.ts'
import { type Clause, has, is, named, take, takeAll } from './clause.ts'
import type { Entity } from './entities.ts'
import { canonical, type Part, type Scene } from './scene.ts'
import { takeKind } from './slots.ts'
import { cited, count, quoted } from './texts.ts'
import type { TimeMeaning } from './times.ts'
import type { AuditEvent } from './zone-state.ts'

const eventsShown = 20

type Page = OutputOf<'audit.list'>

/** `why was billing-agent refused?`: its newest refusal, explained, with the event that recorded it. */
export async function whyRefused(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const id = clause.items.find((item) => item.shape === 'id' && item.text.startsWith('req_'))
  if (id !== undefined) {
    take(clause, id)
    takeAll(
      clause,
      'verb:show',
      'noun:request',
      'ask:why',
      'ask:what',
      'noun:refusal',
      'noun:happen',
      'ask:is',
      'verb:revoke',
      'noun:event',
    )
    return [await explained(scene, id.text)]
  }
  const present =
    clause.items.some((item) => ['can', 'may', 'could', 'does', 'is'].includes(item.fold)) &&
    has(clause, 'negation')
  if (present && named(clause, 'resource').length > 0) return checkAccess(scene, clause)
  const subject = subjectOf(scene, clause)
  const resource = named(clause, 'resource')[0]
  take(
    clause,
    resource?.item,
    ...clause.items.filter((item) => [...item.classes].some((name) => name.startsWith('scope:'))),
  )
  takeKind(clause, 'application')
  takeKind(clause, 'resource')
  const span = spanIn(scene, clause)
  takeRefusalWords(clause)
  const page = await scene.state.read<Page>('audit_list', {
    outcome: 'deny',
    ...(subject !== null && { application_id: subject.id }),
    ...span.filter,
    limit: 50,
  })
  const about =
    resource === undefined
      ? page.items
      : page.items.filter((event) => concerns(scene, event, resource.entity))
  const [newest] = about
  const who = subject === null ? 'any application' : cited(subject)
  const where = resource === undefined ? '' : ` on ${cited(resource.entity)}`
  if (newest === undefined)
    return [{ kind: 'answer', text: `No refusal of ${who}${where} is recorded${span.text}.` }]
  return [await explained(scene, newest.request_id)]
}

function takeRefusalWords(clause: Clause): void {
  takeAll(
    clause,
    'ask:why',
    'noun:refusal',
    'noun:access',
    'noun:request',
    'ask:is',
    'verb:revoke',
    'negation',
    'noun:secret',
    'verb:off',
    'verb:approve',
    'verb:show',
    'ask:what',
    'noun:event',
    'verb:give',
  )
  take(
    clause,
    ...clause.items.filter((item) =>
      ['last', 'latest', 'mandate', 'token', 'recently', 'get', 'time'].includes(item.fold),
    ),
  )
}

/** Whether a refusal was about this resource, by its target or by what was asked for. */
function concerns(scene: Scene, event: AuditEvent, resource: Entity): boolean {
  if (event.target?.id === resource.id) return true
  const row = scene.objects.resources.find(({ id }) => id === resource.id)
  const values = Object.values(event.diagnostics)
  return row !== undefined && values.some((value) => value === row.identifier || value === row.id)
}

async function explained(scene: Scene, requestId: string): Promise<Part> {
  const found = await scene.state.read<OutputOf<'audit.explain'>>('audit_explain', {
    request_id: requestId,
  })
  const { event } = found
  const when = describeInstant(Date.parse(event.time), scene.now.timeZone)
  const change =
    found.smallest_change === null ? '' : ` What would have allowed it: ${found.smallest_change}`
  const reason = event.reason === null ? '' : ` Reason: ${event.reason}.`
  return {
    kind: 'answer',
    text: `${when}: ${found.explanation}${reason}${change} (${quoted(event.actor.name)}, event ${event.id}, request ${event.request_id})`,
  }
}

function subjectOf(scene: Scene, clause: Clause): Entity | null {
  const [found] = named(clause, 'application')
  if (found !== undefined) {
    take(clause, found.item)
    return canonical(scene, found.entity)
  }
  const pronoun = clause.items.find((item) => is(item, 'pronoun', 'pronoun-of'))
  const last = scene.recent.get('application')?.[0]
  if (pronoun === undefined || last === undefined) return null
  take(clause, pronoun)
  return last
}

interface Span {
  readonly filter: { readonly from?: string; readonly to?: string }
  readonly text: string
}

/** The period of a question; a named day that is still to come is meant as the one before. */
function spanIn(scene: Scene, clause: Clause): Span {
  const item = clause.items.find((one) => one.time !== null && !clause.taken.has(one))
  const time = item?.time ?? null
  const range = time === null ? null : rangeOf(scene, time)
  if (range === null) return { filter: {}, text: '' }
  take(clause, item)
  const [from, to] = range
  const open = to >= scene.now.ms
  return {
    filter: {
      from: new Date(from).toISOString(),
      ...(!open && { to: new Date(to).toISOString() }),
    },
    text: ` since ${describeInstant(from, scene.now.timeZone)}${open ? '' : ` until ${describeInstant(to, scene.now.timeZone)}`}`,
  }
}

function rangeOf(scene: Scene, time: TimeMeaning): readonly [number, number] | null {
  if (time.kind === 'span') return [time.fromMs, time.toMs]
  if (time.kind === 'unclear' && time.why === 'today-or-next-week') {
    const today = startOfDay(civilOf(scene.now.ms, scene.now.timeZone))
    return [instantOf(today, scene.now.timeZone), scene.now.ms]
  }
  if (time.kind !== 'point') return null
  if (time.fromMs <= scene.now.ms) return [time.fromMs, Math.max(time.ms, time.fromMs + 1)]
  const back = (ms: number): number =>
    instantOf(addDays(civilOf(ms, scene.now.timeZone), -7), scene.now.timeZone)
  return [back(time.fromMs), back(time.ms)]
}

/** `what changed today?`, `what was refused this week?`, `show the audit log of billing-agent`. */
export async function whatHappened(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const refusals = has(clause, 'noun:refusal')
  const changes = !refusals && has(clause, 'noun:change', 'scope:write')
  const subject = subjectOf(scene, clause)
  const span = spanIn(scene, clause)
  takeAll(
    clause,
    'noun:refusal',
    'noun:change',
    'noun:happen',
    'noun:event',
    'ask:what',
    'ask:who',
    'ask:is',
    'verb:show',
    'all',
    'noun:overview',
    'kind:zone',
    'verb:change',
    'noun:request',
    'kind:application',
    'verb:revoke',
    'everyone',
    'noun:everything',
    'word:member',
    'verb:set',
    'scope:write',
    'ask:how-many',
  )
  take(
    clause,
    ...clause.items.filter((item) =>
      ['recent', 'recently', 'most', 'last', 'latest', 'lately'].includes(item.fold),
    ),
  )
  const { events, more } = await newestEvents(scene, changes, {
    ...(refusals && { outcome: 'deny' }),
    ...(changes && { outcome: 'applied' }),
    ...(subject !== null && { application_id: subject.id }),
    ...span.filter,
  })
  const what = refusals ? 'was refused' : changes ? 'changed' : 'happened'
  const of = subject === null ? '' : ` with ${cited(subject)}`
  if (events.length === 0) return [{ kind: 'answer', text: `Nothing ${what}${of}${span.text}.` }]
  const head = more ? `The newest ${String(events.length)} events` : count(events.length, 'event')
  const rows = events.map((event) => `- ${eventText(scene, event)}`)
  return [{ kind: 'answer', text: [`${head}${of}${span.text}, newest first:`, ...rows].join('\n') }]
}

/** Pages of events looked through for changes, among which reads and talk are left out. */
const pagesSearched = 5

async function newestEvents(
  scene: Scene,
  changes: boolean,
  filter: Readonly<Record<string, string>>,
): Promise<{ readonly events: readonly AuditEvent[]; readonly more: boolean }> {
  const events: AuditEvent[] = []
  let cursor: string | null = null
  for (let page = 0; page < pagesSearched; page++) {
    const asked = { ...filter, limit: 100, ...(cursor !== null && { cursor }) }
    const found: Page = await scene.state.read<Page>('audit_list', asked)
    events.push(...found.items.filter((event) => !changes || isChange(event)))
    cursor = found.next_cursor
    if (cursor === null || events.length > eventsShown) break
  }
  return {
    events: events.slice(0, eventsShown),
    more: cursor !== null || events.length > eventsShown,
  }
}

/** Whether an event is of an operation that changes governed objects. */
function isChange(event: AuditEvent): boolean {
  return findOperation(event.type)?.versioned === true
}

function eventText(scene: Scene, event: AuditEvent): string {
  const when = describeInstant(Date.parse(event.time), scene.now.timeZone)
  const target =
    event.target === null
      ? ''
      : ` of ${event.target.kind} ${event.target.name === null ? event.target.id : cited({ id: event.target.id, name: event.target.name })}`
  const behalf = event.on_behalf_of === null ? '' : ` for ${quoted(event.on_behalf_of.name)}`
  const reason = event.reason === null || event.reason === 'ok' ? '' : `, ${event.reason}`
  const plan = event.plan_id === null ? '' : `, plan ${event.plan_id}`
  return `${when}: ${event.type}${target} by ${event.actor.kind} ${quoted(event.actor.name)}${behalf}: ${event.outcome}${reason}${plan} (${event.id})`
}
