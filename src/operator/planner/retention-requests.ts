import { limits } from '../../kernel/limits.ts'
import { type Clause, does, has, isNegated, take, takeAll } from './clause.ts'
import { addStep } from './draft.ts'
import { durationAt } from './durations.ts'
import { takeOwnZone } from './object-requests.ts'
import type { Part, Scene } from './scene.ts'
import { gap } from './slots.ts'
import { quoted } from './texts.ts'

const length = /\b(\d{1,5}|[a-z]{1,12})\s?(days?|years?)\b/i

/** `keep the audit log for 400 days`, `set the audit retention to 90 days`. */
export function saysRetention(clause: Clause): boolean {
  return (
    has(clause, 'noun:retention') &&
    !isNegated(clause) &&
    does(clause, 'extend', 'set', 'change', 'limit', 'shorten', 'create')
  )
}

/** Bodies of events are kept so many days; what is hashed of them stays for good. */
export async function setRetention(scene: Scene, clause: Clause): Promise<readonly Part[]> {
  const start = clause.items[0]?.start ?? 0
  const text = scene.message.slice(start, clause.items.at(-1)?.end ?? start)
  const match = lengthIn(text)
  takeAll(
    clause,
    'noun:retention',
    'noun:event',
    'verb:extend',
    'verb:set',
    'verb:change',
    'verb:limit',
    'verb:shorten',
    'verb:create',
    'permanent',
  )
  const other = takeOwnZone(scene, clause)
  if (other !== null) return [other]
  const always = has(clause, 'permanent')
  if (match === null && !always)
    return [gap(clause, 'For how many days should events be kept?', 'for')]
  const days = always ? null : (match?.days ?? 0)
  if (days !== null && (days < 1 || days > limits.auditRetentionDaysMax)) {
    const most = String(limits.auditRetentionDaysMax)
    return [
      {
        kind: 'question',
        text: `Events can be kept for 1 to ${most} days. How many should it be?`,
      },
    ]
  }
  const from = start + (match?.start ?? 0)
  const to = start + (match?.end ?? 0)
  take(clause, ...clause.items.filter((item) => item.start < to && item.end > from))
  if (scene.objects.zone.audit_retention_days === days)
    return [{ kind: 'note', text: 'Events are kept for so long already.' }]
  addStep(scene.draft, {
    operation: 'zones.patch',
    name: 'zone',
    input: { audit_retention_days: days },
    phrase: `keep the bodies of audit events of zone ${quoted(scene.objects.zone.name)} ${days === null ? 'for good' : `for ${String(days)} days`}`,
  })
  return []
}

interface DaysFound {
  readonly start: number
  readonly end: number
  readonly days: number
}

/** A number of days, or of years of 365 days, in figures or in words. */
function lengthIn(text: string): DaysFound | null {
  const match = length.exec(text)
  if (match === null) return null
  const [said, count = '', unit = ''] = match
  const number = /^\d/.test(count) ? Number(count) : durationAt(`${count} days`, 0)?.duration.days
  if (number === undefined) return null
  const days = number * (unit.toLowerCase().startsWith('y') ? 365 : 1)
  return { start: match.index, end: match.index + said.length, days }
}
