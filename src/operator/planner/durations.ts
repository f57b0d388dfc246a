import { addDays, addMonths, civilOf, instantOf } from './civil-time.ts'

/** A length of time: months and days follow the calendar, minutes follow the clock. */
export interface Duration {
  readonly months: number
  readonly days: number
  readonly minutes: number
}

const numbers: Readonly<Record<string, number>> = {
  a: 1,
  an: 1,
  one: 1,
  two: 2,
  'a couple of': 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  eleven: 11,
  twelve: 12,
  thirteen: 13,
  fourteen: 14,
  fifteen: 15,
  sixteen: 16,
  eighteen: 18,
  twenty: 20,
  'twenty-four': 24,
  thirty: 30,
  forty: 40,
  'forty-five': 45,
  'forty-eight': 48,
  fifty: 50,
  sixty: 60,
  ninety: 90,
  half: 0.5,
  'half a': 0.5,
  'half an': 0.5,
  'one and a half': 1.5,
  'two and a half': 2.5,
}

type Unit = 'minute' | 'hour' | 'day' | 'week' | 'fortnight' | 'month' | 'year'

const units: Readonly<Record<string, Unit>> = {
  m: 'minute',
  min: 'minute',
  mins: 'minute',
  minute: 'minute',
  minutes: 'minute',
  h: 'hour',
  hr: 'hour',
  hrs: 'hour',
  hour: 'hour',
  hours: 'hour',
  d: 'day',
  day: 'day',
  days: 'day',
  w: 'week',
  week: 'week',
  weeks: 'week',
  fortnight: 'fortnight',
  fortnights: 'fortnight',
  month: 'month',
  months: 'month',
  year: 'year',
  years: 'year',
}

const numberWords = Object.keys(numbers)
  .sort((a, b) => b.length - a.length)
  .join('|')
const unitWords = Object.keys(units)
  .sort((a, b) => b.length - a.length)
  .join('|')
const spelled = new RegExp(
  `(?:(\\d{1,4}(?:\\.\\d)?)\\s{0,2}-?|(${numberWords})[ -])\\s?(${unitWords})(?![\\p{L}\\p{N}_-])`,
  'iuy',
)
const packed = /(\d{1,4})\s?(h|m|d|w)(\d{1,2})?(?:(m)(?:in)?)?(?![\p{L}\p{N}_-])/iuy
const andHalf = / and a half(?!\p{L})/iuy
const joint = /(?:,| and)? /iuy

export interface LengthFound {
  readonly end: number
  readonly duration: Duration
}

/** The length that is written exactly at a place, such as `two hours`, `1h30m`, `a day and a half`. */
export function durationAt(text: string, at: number): LengthFound | null {
  const first = oneAt(text, at)
  if (first === null) return null
  joint.lastIndex = first.end
  const gap = joint.exec(text)
  const second = gap === null ? null : oneAt(text, first.end + gap[0].length)
  // `two hours a day` is how often, and no sum: only a smaller unit adds to a greater one.
  if (second === null || sizeOf(second.duration) >= unitOf(first.duration)) return first
  return { end: second.end, duration: sum(first.duration, second.duration) }
}

function oneAt(text: string, at: number): LengthFound | null {
  packed.lastIndex = at
  const short = packed.exec(text)
  if (short?.[3] !== undefined && short[2]?.toLowerCase() === 'h') {
    const minutes = Number(short[1]) * 60 + Number(short[3])
    return { end: at + short[0].length, duration: { months: 0, days: 0, minutes } }
  }
  spelled.lastIndex = at
  const match = spelled.exec(text)
  if (match === null) return null
  const unit = units[(match[3] ?? '').toLowerCase()]
  const count = match[1] === undefined ? numbers[(match[2] ?? '').toLowerCase()] : Number(match[1])
  if (unit === undefined || count === undefined || count <= 0) return null
  const end = at + match[0].length
  andHalf.lastIndex = end
  const half = andHalf.exec(text)
  return {
    end: end + (half?.[0].length ?? 0),
    duration: durationOf(count + (half === null ? 0 : 0.5), unit),
  }
}

/** About how many minutes it is, to compare lengths. */
function sizeOf({ months, days, minutes }: Duration): number {
  return months * 43_200 + days * 1_440 + minutes
}

/** The unit that a length is counted in, in minutes. */
function unitOf({ months, days, minutes }: Duration): number {
  if (months > 0) return 43_200
  if (days > 0) return 1_440
  return minutes >= 60 ? 60 : 1
}

/** Halves of months and years are taken as days, since calendars have no half month. */
function durationOf(count: number, unit: Unit): Duration {
  const whole = Math.floor(count)
  const part = count - whole
  switch (unit) {
    case 'minute':
      return { months: 0, days: 0, minutes: count }
    case 'hour':
      return { months: 0, days: 0, minutes: count * 60 }
    case 'day':
      return { months: 0, days: whole, minutes: part * 1_440 }
    case 'week':
      return { months: 0, days: whole * 7, minutes: part * 10_080 }
    case 'fortnight':
      return { months: 0, days: Math.round(count * 14), minutes: 0 }
    case 'month':
      return { months: whole, days: Math.round(part * 30), minutes: 0 }
    case 'year':
      return { months: Math.round(count * 12), days: 0, minutes: 0 }
  }
}

function sum(a: Duration, b: Duration): Duration {
  return { months: a.months + b.months, days: a.days + b.days, minutes: a.minutes + b.minutes }
}

/** An instant so much later (or earlier, with sign -1), on the calendar of the zone. */
export function addDuration(
  ms: number,
  length: Duration,
  timeZone: string,
  sign: 1 | -1 = 1,
): number {
  const minutesMs = length.minutes * 60_000 * sign
  if (length.months === 0 && length.days === 0) return ms + minutesMs
  const civil = civilOf(ms, timeZone)
  const moved = addDays(addMonths(civil, length.months * sign), length.days * sign)
  return instantOf(moved, timeZone) + (ms % 1000) + minutesMs
}
