import { casual, type ParsedComponents } from 'chrono-node'
import {
  addDays,
  addMonths,
  civilOf,
  type CivilTime,
  daysIn,
  endOfDay,
  instantOf,
  offsetMinutes,
  startOfDay,
  weekdayOf,
} from './civil-time.ts'

/** The moment of the conversation and where its person reads the clock. */
export interface Now {
  readonly ms: number
  readonly timeZone: string
  /** How often the date parser may still be asked within one message; it is the slowest part. */
  readonly reads: { left: number }
}

export type Unclear = 'which-day' | 'day-or-month' | 'today-or-next-week'

/** Where a sticky shape that begins at this place ends, or null. */
export function lead(text: string, at: number, shape: RegExp): number | null {
  shape.lastIndex = at
  const match = shape.exec(text)
  return match?.index !== at ? null : shape.lastIndex
}

export type Point =
  | { readonly end: number; readonly ms: number; readonly fromMs: number }
  | { readonly end: number; readonly why: Unclear }

const ending =
  /(?:the )?(?:very )?(?:end of (?:the |this )?|close of |rest of (?:the |this )?)(business day|business|working day|day|today|tomorrow|next week|next month|week|month|quarter|year|january|february|march|april|may|june|july|august|september|october|november|december)(?![\p{L}-])|(eod|cob|eow|eom)(?![\p{L}-])|((?:this |the )(?:week|month|year))(?![\p{L}-])|(further notice)|(?:the )?(day after tomorrow)(?![\p{L}-])/iuy

/** `the end of the week` and its like: the last second of the period; business ends at 18:00. */
export function endingAt(text: string, at: number, now: Now): Point | null {
  ending.lastIndex = at
  const match = ending.exec(text)
  if (match === null || match[4] !== undefined) return null
  const end = at + match[0].length
  const period = (
    match[1] ??
    match[2] ??
    match[5] ??
    (match[3] ?? '').replace(/^\w+ /, '')
  ).toLowerCase()
  const last = endOfPeriod(period, civilOf(now.ms, now.timeZone))
  const ms = instantOf(last, now.timeZone)
  return { end, ms, fromMs: ms }
}

export function endOfPeriod(period: string, today: CivilTime): CivilTime {
  const closing = { ...today, hour: 18, minute: 0, second: 0 }
  const { year, month } = today
  switch (period) {
    case 'business':
    case 'business day':
    case 'working day':
    case 'cob':
      return closing
    case 'tomorrow':
      return endOfDay(addDays(today, 1))
    case 'day after tomorrow':
      return endOfDay(addDays(today, 2))
    case 'next week':
      return endOfPeriod('week', addDays(today, 7))
    case 'next month':
      return endOfPeriod('month', addMonths({ ...today, day: 1 }, 1))
    case 'week':
    case 'eow':
      return endOfDay(addDays(today, (7 - weekdayOf(today)) % 7))
    case 'month':
    case 'eom':
      return endOfDay({ ...today, day: daysIn(year, month) })
    case 'quarter': {
      const last = Math.ceil(month / 3) * 3
      return endOfDay({ ...today, month: last, day: daysIn(year, last) })
    }
    case 'year':
      return endOfDay({ ...today, month: 12, day: 31 })
    default:
      return endOfMonth(months.indexOf(period) + 1, today)
  }
}

const months: readonly string[] = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]

/** The next end of a month by its number, or of today for 0. */
function endOfMonth(month: number, today: CivilTime): CivilTime {
  if (month === 0) return endOfDay(today)
  const year = month < today.month ? today.year + 1 : today.year
  return endOfDay({ ...today, year, month, day: daysIn(year, month) })
}

/** A date or time of day as chrono reads it, where it begins exactly here and is a time for sure. */
export function clockedAt(text: string, at: number, now: Now, forwardDate = true): Point | null {
  const numbered = dayOfMonthAt(text, at, now) ?? dottedAt(text, at, now)
  if (numbered !== null) return numbered
  const article = /^the (?=\d|\p{L}+day)/iu.exec(text.slice(at, at + 20))?.[0].length ?? 0
  const window = text
    .slice(at + article, at + article + 64)
    .split(/[\n;"“”]/, 1)
    .join('')
  const reference = { instant: new Date(now.ms), timezone: offsetMinutes(now.ms, now.timeZone) }
  const worthIt = plausible.test(window) && now.reads.left > 0
  if (worthIt) now.reads.left -= 1
  const [first] = worthIt ? casual.parse(window, reference, { forwardDate }) : []
  if (first?.index !== 0) return null
  const end = at + article + first.text.length
  if (/[\p{L}\p{N}_-]/u.test(text.charAt(end)) || Boolean(first.end)) return null
  return pointOf(first.text, first.start, end, now, forwardDate)
}

const ordinal =
  /(?:the )?(\d{1,2})(?:st|nd|rd|th)(?! of|\s(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|[\p{L}\p{N}-])/iuy

/** \`the 5th\`: the next day of that number, this month or a later one that has it. */
function dayOfMonthAt(text: string, at: number, now: Now): Point | null {
  ordinal.lastIndex = at
  const match = ordinal.exec(text)
  const day = Number(match?.[1])
  if (match === null || day < 1 || day > 31) return null
  const today = civilOf(now.ms, now.timeZone)
  const civil = [0, 1, 2]
    .map((months) => addMonths({ ...today, day: 1 }, months))
    .filter((month) => day <= daysIn(month.year, month.month))
    .map((month) => ({ ...month, day }))
    .find((candidate) => instantOf(endOfDay(candidate), now.timeZone) > now.ms)
  return civil === undefined ? null : wholeDay(civil, at + match[0].length, now)
}

const dotted = /(?:the )?(\d{1,2})\.(\d{1,2})\.(\d{4})(?![\d.])/iuy

/** `05.12.2026`: with points the day stands first everywhere. */
function dottedAt(text: string, at: number, now: Now): Point | null {
  dotted.lastIndex = at
  const match = dotted.exec(text)
  const [day, month, year] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])]
  if (match === null || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null
  const end = at + match[0].length
  // A time of day behind it is left to be read, and asked about, by itself.
  return wholeDay({ ...civilOf(now.ms, now.timeZone), year, month, day }, end, now)
}

function wholeDay(civil: CivilTime, end: number, now: Now): Point {
  return {
    end,
    ms: instantOf(endOfDay(civil), now.timeZone),
    fromMs: instantOf(startOfDay(civil), now.timeZone),
  }
}

/** A cheap look before the date parser: what does not begin like this is no time. */
const plausible =
  /^(?:\d{1,4}(?:[:./-]\d|\s?[ap]\.?m|(?:st|nd|rd|th)\b|\s(?:of\s)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))|noon|midnight|midday|to(?:day|night|morrow)|yesterday|this|next|last|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)/i

function pointOf(
  text: string,
  start: ParsedComponents,
  end: number,
  now: Now,
  forwardDate: boolean,
): Point | null {
  if (/^\d+\s?(?:h|hr|hrs|hours?|m|mins?|minutes?|s|secs?|d|days?|w|weeks?|y|years?)$/i.test(text))
    return null
  if (/\b(?:last|previous)\b/i.test(text)) return null
  const day = /^(\d{1,2})[/-](\d{1,2})(?:[/-]\d{2,4})?(?!\d)/.exec(text)
  if (day !== null && Number(day[1]) <= 12 && Number(day[2]) <= 12 && day[1] !== day[2])
    return { end, why: 'day-or-month' }
  if (start.isCertain('month') && !start.isCertain('day'))
    return /^may$/i.test(text) ? null : { end, why: 'which-day' }
  const clock = start.isCertain('hour') || /noon|midday|midnight|evening|morning/i.test(text)
  const offset = start.get('timezoneOffset')
  if (offset !== null && start.isCertain('timezoneOffset')) {
    const ms = start.date().getTime()
    return { end, ms, fromMs: ms }
  }
  const civil: CivilTime = {
    year: start.get('year') ?? 0,
    month: start.get('month') ?? 1,
    day: start.get('day') ?? 1,
    hour: start.get('hour') ?? 0,
    minute: start.get('minute') ?? 0,
    second: start.get('second') ?? 0,
  }
  const weekday = start.isCertain('weekday') && !/\b(?:this|next|last)\b/i.test(text)
  if (forwardDate && weekday && isToday(civil, now)) return { end, why: 'today-or-next-week' }
  if (clock) {
    const ms = instantOf(civil, now.timeZone)
    return { end, ms, fromMs: ms }
  }
  return wholeDay(civil, end, now)
}

function isToday(civil: CivilTime, now: Now): boolean {
  const today = civilOf(now.ms, now.timeZone)
  return civil.year === today.year && civil.month === today.month && civil.day === today.day
}
