/** A reading of a clock and calendar on the wall, in some time zone. */
export interface CivilTime {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatFor(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(timeZone, format)
  return format
}

export function isTimeZone(name: string): boolean {
  try {
    formatFor(name)
    return true
  } catch {
    return false
  }
}

/** What a clock in the zone shows at an instant (milliseconds since 1970). */
export function civilOf(ms: number, timeZone: string): CivilTime {
  const parts = new Map(
    formatFor(timeZone)
      .formatToParts(ms)
      .map((part) => [part.type, Number(part.value)] as const),
  )
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
    second: part('second'),
  }
}

function asUtc(civil: CivilTime): number {
  return Date.UTC(civil.year, civil.month - 1, civil.day, civil.hour, civil.minute, civil.second)
}

/** Minutes that the zone is ahead of UTC at an instant. */
export function offsetMinutes(ms: number, timeZone: string): number {
  return Math.round((asUtc(civilOf(ms, timeZone)) - Math.floor(ms / 1000) * 1000) / 60_000)
}

/**
 * The instant at which a clock in the zone shows this. Where clocks skip it the instant is later by
 * the gap; where they show it twice, it is the earlier one.
 */
export function instantOf(civil: CivilTime, timeZone: string): number {
  const wanted = asUtc(civil)
  const dayMs = 86_400_000
  const guesses = [wanted - dayMs, wanted + dayMs].map(
    (near) => wanted - offsetMinutes(near, timeZone) * 60_000,
  )
  const exact = guesses.filter((guess) => asUtc(civilOf(guess, timeZone)) === wanted)
  return Math.min(
    ...(exact.length > 0 ? exact : guesses.map((guess) => Math.max(guess, ...guesses))),
  )
}

/** The same time of day some days later; months and years overflow as a calendar has it. */
export function addDays(civil: CivilTime, days: number): CivilTime {
  const moved = new Date(Date.UTC(civil.year, civil.month - 1, civil.day + days))
  return {
    ...civil,
    year: moved.getUTCFullYear(),
    month: moved.getUTCMonth() + 1,
    day: moved.getUTCDate(),
  }
}

/** The same day of a later month, or its last day where the month is shorter. */
export function addMonths(civil: CivilTime, months: number): CivilTime {
  const first = new Date(Date.UTC(civil.year, civil.month - 1 + months, 1))
  const year = first.getUTCFullYear()
  const month = first.getUTCMonth() + 1
  return { ...civil, year, month, day: Math.min(civil.day, daysIn(year, month)) }
}

export function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

/** 0 is Sunday. */
export function weekdayOf(civil: CivilTime): number {
  return new Date(Date.UTC(civil.year, civil.month - 1, civil.day)).getUTCDay()
}

export function startOfDay(civil: CivilTime): CivilTime {
  return { ...civil, hour: 0, minute: 0, second: 0 }
}

export function endOfDay(civil: CivilTime): CivilTime {
  return { ...civil, hour: 23, minute: 59, second: 59 }
}

const names = new Map<string, Intl.DateTimeFormat>()

/** `Friday 27 November 2026, 23:59:59 (Europe/Berlin)`; seconds only where they are not zero. */
export function describeInstant(ms: number, timeZone: string): string {
  const format =
    names.get(timeZone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'long',
      day: 'numeric',
      month: 'long',
      year: 'numeric',
    })
  names.set(timeZone, format)
  const { hour, minute, second } = civilOf(ms, timeZone)
  const clock = [hour, minute, ...(second === 0 ? [] : [second])]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
  return `${format.format(ms).replace(',', '')}, ${clock} (${timeZone})`
}
