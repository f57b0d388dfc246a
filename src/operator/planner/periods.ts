import {
  addDays,
  civilOf,
  type CivilTime,
  endOfDay,
  instantOf,
  startOfDay,
  weekdayOf,
} from './civil-time.ts'
import { addDuration, durationAt, type LengthFound } from './durations.ts'
import { clockedAt, endOfPeriod, lead, type Now } from './points.ts'

export interface PeriodFound {
  readonly start: number
  readonly end: number
  readonly meaning: { readonly kind: 'span'; readonly fromMs: number; readonly toMs: number }
}

const since = /\b(?:since|from)\s+(?:the )?/giy
const lately = /\b(?:(?:in|over|within|during|for) )?(?:the )?(?:last|past|previous)\s+/giy
const calendar =
  /\b(?:(?:on|during|for|in|over|of) )?(this|last|next|the current|the coming) (week|month|year|quarter)(?![\p{L}-])/giuy

/** A period that a question is about: since a time, in the last hours, this week. */
export function periodAt(text: string, at: number, now: Now): PeriodFound | null {
  return sinceAt(text, at, now) ?? latelyAt(text, at, now) ?? calendarAt(text, at, now)
}

function sinceAt(text: string, at: number, now: Now): PeriodFound | null {
  const start = lead(text, at, since)
  if (start === null) return null
  const point = clockedAt(text, start, now, false)
  if (point === null || 'why' in point || point.fromMs > now.ms) return null
  return {
    start: at,
    end: point.end,
    meaning: { kind: 'span', fromMs: point.fromMs, toMs: now.ms },
  }
}

function latelyAt(text: string, at: number, now: Now): PeriodFound | null {
  const start = lead(text, at, lately)
  const length = start === null ? null : (durationAt(text, start) ?? unitAt(text, start))
  if (length === null) return null
  const fromMs = addDuration(now.ms, length.duration, now.timeZone, -1)
  return { start: at, end: length.end, meaning: { kind: 'span', fromMs, toMs: now.ms } }
}

/** `the last hour`: a unit without a number is one of it. Weeks and longer are calendar periods. */
function unitAt(text: string, at: number): LengthFound | null {
  const unit = /^(?:hour|day|minute)(?!\p{L})/iu.exec(text.slice(at, at + 7))?.[0]
  const length = unit === undefined ? null : durationAt(`1 ${unit}`, 0)
  return length === null || unit === undefined
    ? null
    : { end: at + unit.length, duration: length.duration }
}

function calendarAt(text: string, at: number, now: Now): PeriodFound | null {
  calendar.lastIndex = at
  const match = calendar.exec(text)
  if (match === null) return null
  const shift = { last: -1, next: 1, 'the coming': 1 }[(match[1] ?? '').toLowerCase()] ?? 0
  const unit = (match[2] ?? '').toLowerCase()
  const inside = shifted(civilOf(now.ms, now.timeZone), unit, shift)
  const last = endOfPeriod(unit, inside)
  return {
    start: at,
    end: at + match[0].length,
    meaning: {
      kind: 'span',
      fromMs: instantOf(startOfDay(firstOf(unit, last)), now.timeZone),
      toMs: instantOf(endOfDay(last), now.timeZone),
    },
  }
}

const monthsOf: Readonly<Record<string, number>> = { month: 1, quarter: 3, year: 12 }

/** Some day of the period before, of this one, or of the one after. */
function shifted(today: CivilTime, unit: string, by: number): CivilTime {
  const months = monthsOf[unit]
  if (months === undefined) return addDays(today, 7 * by)
  const middle = today.month - 1 + months * by
  return {
    ...today,
    year: today.year + Math.floor(middle / 12),
    month: (((middle % 12) + 12) % 12) + 1,
    day: 1,
  }
}

function firstOf(unit: string, last: CivilTime): CivilTime {
  const months = monthsOf[unit]
  return months === undefined
    ? addDays(last, -((weekdayOf(last) + 6) % 7))
    : { ...last, month: last.month - months + 1, day: 1 }
}
