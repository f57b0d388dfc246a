import { slugOf } from '../../kernel/names.ts'
import { isTimeZone } from './civil-time.ts'
import { type Clause, does, has, is, named, take, takeAll } from './clause.ts'
import type { Item } from './items.ts'
import { putInForce, type WrittenPolicy } from './policy-requests.ts'
import { canonical, type Part, type Scene } from './scene.ts'
import { gap, takeKind } from './slots.ts'
import { listed, quoted } from './texts.ts'

const week = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const dayGroups: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\b(?:weekdays?|work(?:ing)? ?days?|business days?|week days?)\b/i, week.slice(0, 5)],
  [/\bweekends?\b/i, week.slice(5)],
]
const dayRange =
  /\b(mon|tue|wed|thu|fri|sat|sun)[a-z]*\s*(?:to|through|-|–|until|till)\s*(mon|tue|wed|thu|fri|sat|sun)[a-z]*\b/i
const hours =
  /\b(\d{1,2})(?::(\d{2}))?\s?(am|pm)?\s*(?:to|and|-|–|until|till)\s*(\d{1,2})(?::(\d{2}))?\s?(am|pm)?\b/i
const zoneName = /\b(?:[A-Z][A-Za-z]+\/[A-Za-z_]+(?:\/[A-Za-z_]+)?|UTC)\b/

const whenPossible =
  'Say when access should be possible, for example "only allow access on weekdays between 9 and 17"?'

interface Window {
  readonly days: readonly string[] | null
  readonly hours: readonly [string, string] | null
  readonly timeZone: string
}

/**
 * `only allow access to invoices on weekdays between 9 and 17`: a policy that denies at every other
 * time. Conditions only deny, so the window is turned inside out.
 */
export async function limitTimes(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  if (!saysOpenTimes(clause)) return [{ kind: 'question', text: whenPossible }]
  takeAll(clause, 'negation')
  const first = clause.items[0]?.start ?? 0
  const text = scene.message.slice(first, clause.items.at(-1)?.end ?? first)
  const read = windowIn(text, scene.now.timeZone)
  takeRanges(clause, first, read.ranges)
  const business = takeAll(clause, 'noun:business-hours')
  takeAll(
    clause,
    'verb:give',
    'verb:limit',
    'verb:revoke',
    'only',
    'noun:access',
    'condition',
    'verb:set',
    'verb:create',
    'kind:policy',
    'word:new',
    'verb:require',
    'verb:freeze',
    'all',
    'noun:everything',
    'scope:all',
    'verb:on',
  )
  const window: Window =
    business && read.window.hours === null
      ? { ...read.window, days: week.slice(0, 5), hours: ['09:00', '17:00'] }
      : read.window
  if (window.days === null && window.hours === null)
    return [
      gap(
        clause,
        'At which times should access be possible, for example "on weekdays between 9 and 17"?',
        '',
      ),
    ]
  const apps = takeNamed(scene, clause, 'application')
  const resources = takeNamed(scene, clause, 'resource')
  if (
    has(clause, 'scope:read') ||
    clause.items.some(
      (item) =>
        !clause.taken.has(item) && [...item.classes].some((name) => name.startsWith('scope:')),
    )
  )
    return [
      {
        kind: 'question',
        text: 'I limit times for all scopes of a resource alone. Should all of its scopes be limited?',
      },
    ]
  const when = {
    ...(apps.length > 0 && { applications: apps.map(({ id }) => id) }),
    ...(resources.length > 0 && {
      resources: resources.map(
        ({ id }) => scene.objects.resources.find((row) => row.id === id)?.identifier ?? id,
      ),
    }),
  }
  const what = listed([...apps, ...resources].map(({ name }) => quoted(name)))
  return putInForce(scene, windowPolicy(window, when, what))
}

/**
 * Whether the times are those of access: `only allow ... on weekdays`, `nobody ... outside business
 * hours`, `deny ... outside of 9 to 17`. In `block access on weekends` they are not.
 */
function saysOpenTimes(clause: Clause): boolean {
  const denials = clause.items.filter((item) => is(item, 'negation')).length
  const outside = clause.items.some((item) => ['outside', 'outside of'].includes(item.fold))
  const refuses = does(clause, 'revoke', 'off', 'freeze') && !does(clause, 'give', 'on', 'limit')
  if (denials > 1 || has(clause, 'no-longer', 'any-more', 'except')) return false
  return outside === ((denials === 1) !== refuses)
}

function takeNamed(
  scene: Scene,
  clause: Clause,
  kind: 'application' | 'resource',
): readonly { readonly id: string; readonly name: string }[] {
  const found = named(clause, kind)
  take(clause, ...found.map(({ item }) => item))
  takeKind(clause, kind)
  return found.map(({ entity }) => canonical(scene, entity))
}

interface Read {
  readonly window: Window
  readonly ranges: readonly (readonly [number, number])[]
}

function windowIn(text: string, timeZone: string): Read {
  const ranges: (readonly [number, number])[] = []
  const note = (match: RegExpExecArray | null): RegExpExecArray | null => {
    if (match !== null) ranges.push([match.index, match.index + match[0].length])
    return match
  }
  const range = note(dayRange.exec(text))
  const group = dayGroups.find(([shape]) => note(shape.exec(text)) !== null)
  const between = note(hours.exec(text))
  const zone = zoneName.exec(text)
  const known = zone !== null && isTimeZone(zone[0])
  if (known) note(zone)
  return {
    window: {
      days: range === null ? (group?.[1] ?? null) : daysFrom(range),
      hours: between === null ? null : hoursOf(between),
      timeZone: known ? zone[0] : timeZone,
    },
    ranges,
  }
}

function daysFrom(match: RegExpExecArray): readonly string[] {
  const index = (name: string | undefined): number =>
    week.findIndex((day) => day === name?.toLowerCase())
  const from = index(match[1])
  const length = ((index(match[2]) - from + 7) % 7) + 1
  return Array.from({ length }, (_, at) => week[(from + at) % 7] ?? 'mon')
}

function hoursOf(match: RegExpExecArray): readonly [string, string] | null {
  const [, h1, m1, a1, h2, m2, a2] = match
  const from = clock(h1, m1, a1)
  const to = clock(h2, m2, a2)
  return from === null || to === null || from === to ? null : [from, to]
}

function clock(
  hour: string | undefined,
  minute: string | undefined,
  half: string | undefined,
): string | null {
  const said = Number(hour)
  const value =
    half?.toLowerCase() === 'pm' && said < 12
      ? said + 12
      : half?.toLowerCase() === 'am' && said === 12
        ? 0
        : said
  if (value > 23 || Number(minute ?? 0) > 59) return null
  return `${String(value).padStart(2, '0')}:${minute ?? '00'}`
}

function takeRanges(
  clause: Clause,
  first: number,
  ranges: readonly (readonly [number, number])[],
): void {
  const inside = (item: Item): boolean =>
    ranges.some(([from, to]) => item.start < first + to && item.end > first + from)
  take(
    clause,
    ...clause.items.filter(
      (item) => item.shape !== 'quoted' && (inside(item) || is(item, 'condition')),
    ),
  )
}

function windowPolicy(
  window: Window,
  when: Readonly<Record<string, unknown>>,
  what: string,
): WrittenPolicy {
  const { days, hours: open, timeZone: timezone } = window
  const off = days === null ? [] : week.filter((day) => !days.includes(day))
  const times = [
    days === null ? '' : `on ${days.join(', ')}`,
    open === null ? '' : `between ${open.join(' and ')}`,
  ]
  const words = times.filter((part) => part !== '').join(' ')
  const reason = `access${what === '' ? '' : ` of or to ${what}`} is limited to times ${words} (${timezone})`
  const slug = slugOf(what)
  const id = (kind: string): string => `${kind}${slug === '' ? '' : `-${slug}`}`.slice(0, 64)
  const conditions = [
    ...(off.length > 0
      ? [{ id: id('other-days'), effect: 'deny', when: { ...when, days: off, timezone }, reason }]
      : []),
    ...(open === null
      ? []
      : [
          {
            id: id('other-hours'),
            effect: 'deny',
            when: { ...when, between: [open[1], open[0]], timezone },
            reason,
          },
        ]),
  ]
  return {
    name:
      what === '' ? 'access times' : `access times of ${what.replaceAll('"', '')}`.slice(0, 100),
    description: `Deny outside of the times ${words} (${timezone})`,
    documents: { conditions },
  }
}
