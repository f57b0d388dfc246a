import { addDuration, type Duration, durationAt } from './durations.ts'
import { periodAt } from './periods.ts'
import { clockedAt, endingAt, lead, type Now, type Unclear } from './points.ts'

/**
 * A time in a message. `point` is an instant, `by` a length to add to what is there, `span` a period
 * that is asked about, `unclear` a time that could mean several and must be asked back.
 */
export type TimeMeaning =
  | {
      readonly kind: 'point'
      readonly ms: number
      /** Where the point is a whole day, the instant at which the day begins; otherwise \`ms\`. */
      readonly fromMs: number
      readonly role: PointRole
    }
  | { readonly kind: 'by'; readonly duration: Duration }
  | { readonly kind: 'span'; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: 'permanent' }
  | { readonly kind: 'unclear'; readonly why: Unclear }

/** `until` ends something; `at` is a bare time, which only some requests can use. */
export type PointRole = 'until' | 'at'

export interface TimeFound {
  readonly start: number
  readonly end: number
  readonly meaning: TimeMeaning
}

const until =
  /\b(?:(?:which |that |and )?(?:expir(?:es|ing|e)|end(?:s|ing)?|valid|lasting|good|lasts)\s+)?(?:until and including|up to and including|until|till|til|through|thru|up to|up until|no later than|not later than)\s+/giy
const expiring =
  /\b(?:(?:which |that |and )?(?:expir(?:es|ing|e)|ending|lasting|(?:expiry|expiration|time limit)(?= of))|(?:which|that) ends)\s+(?:at |on |by |before |in |of )?/giy
const deadline = /\b(?:by|before)\s+/giy
const rest = /\bfor\s+(?=(?:the )?rest of|today|tonight)/giy
const bare = /\b(?:on |at |this coming |coming )?/giy
const lasting =
  /\b(?:(?:valid |lasting |just |only )?(?:for|during|over))\s+(?:just |only |about |the next |the coming |another |a further |a total of )?/giy
const atMost =
  /\b(?:for )?(?:at most|at the most|max\.?|maximum|no longer than|not longer than|no more than|up to)\s+(?=\S)/giy
const after = /\bin\s+/giy
const more = /\b(?:by|another|a further|for another|for a further|by another|for)\s+/giy

/** Times that a message may hold; a longer list is no request, and reading dates costs time. */
const timesPerMessage = 40

/** Every time in the message, in order; what is inside of a masked range is never read. */
export function findTimes(text: string, now: Now, isMasked: (at: number) => boolean): TimeFound[] {
  const found: TimeFound[] = []
  const starts = [...text.matchAll(/(?<![\p{L}\p{N}_.:/@-])[\p{L}\p{N}]/gu)].map(
    (match) => match.index,
  )
  let past = 0
  for (const at of starts) {
    if (found.length >= timesPerMessage) break
    if (at < past || isMasked(at)) continue
    const time = timeAt(text, at, now)
    if (time === null || isMasked(time.end - 1)) continue
    found.push(time)
    past = time.end
  }
  return found
}

function timeAt(text: string, at: number, now: Now): TimeFound | null {
  return (
    periodAt(text, at, now) ??
    pointAfter(text, at, until, 'until', now) ??
    pointAfter(text, at, rest, 'until', now) ??
    lengthAt(text, at, now) ??
    pointAfter(text, at, expiring, 'until', now) ??
    pointAfter(text, at, deadline, 'until', now) ??
    pointAfter(text, at, bare, 'at', now)
  )
}

const moreOf = /(?:for )?(\d{1,4}|[a-z]{1,8}) more (?=\p{L})/iuy

/** `two more days`: a length that is added to what is there. */
function moreAt(text: string, at: number): TimeFound | null {
  moreOf.lastIndex = at
  const match = moreOf.exec(text)
  if (match === null) return null
  const [said, count = ''] = match
  const length = durationAt(`${count} ${text.slice(at + said.length)}`, 0)
  if (length === null) return null
  const end = at + said.length + length.end - count.length - 1
  return { start: at, end, meaning: { kind: 'by', duration: length.duration } }
}

const oneMore =
  /(?:for )?(?:another|a further|one more) (minute|hour|day|week|fortnight|month|year)(?!\p{L})/iuy
const plus = /(?<=\+\s?)(?=\d)/uy
const longer = /(?: |-)(?:longer|more)(?!\p{L}| than)/iuy

/** `another day`, `+2 days`, `three days longer`: lengths that are added to what is there. */
function addedAt(text: string, at: number): TimeFound | null {
  oneMore.lastIndex = at
  const one = oneMore.exec(text)
  if (one !== null) {
    const length = durationAt(`1 ${one[1] ?? ''}`, 0)
    if (length !== null)
      return {
        start: at,
        end: at + one[0].length,
        meaning: { kind: 'by', duration: length.duration },
      }
  }
  const from = lead(text, at, /(?:for )?/iuy) ?? at
  const length = durationAt(text, from)
  if (length === null) return null
  longer.lastIndex = length.end
  const said = longer.exec(text)
  plus.lastIndex = at
  const adds = /\badd(?:ing)?\s$/i.test(text.slice(Math.max(0, at - 8), at))
  if (said === null && !adds && plus.exec(text) === null) return null
  const end = length.end + (said?.[0].length ?? 0)
  return { start: at, end, meaning: { kind: 'by', duration: length.duration } }
}

/** `for two hours` ends that much from now; `by two days` adds to what is there. */
function lengthAt(text: string, at: number, now: Now): TimeFound | null {
  const extra = addedAt(text, at) ?? moreAt(text, at)
  if (extra !== null) return extra
  const adding = lead(text, at, more)
  const added = adding === null ? null : durationAt(text, adding)
  if (added !== null && /^(?:by|.*(?:another|further))\s/i.test(text.slice(at, adding ?? at)))
    return { start: at, end: added.end, meaning: { kind: 'by', duration: added.duration } }
  const bare = /[(,–-]\s*$/u.test(text.slice(Math.max(0, at - 3), at)) ? durationAt(text, at) : null
  if (bare !== null) {
    const ms = addDuration(now.ms, bare.duration, now.timeZone)
    return { start: at, end: bare.end, meaning: { kind: 'point', ms, fromMs: ms, role: 'until' } }
  }
  for (const shape of [lasting, atMost, after, expiring]) {
    const start = lead(text, at, shape)
    const length = start === null ? null : durationAt(text, start)
    if (length === null) continue
    const ms = addDuration(now.ms, length.duration, now.timeZone)
    const role = shape === after ? 'at' : 'until'
    return { start: at, end: length.end, meaning: { kind: 'point', ms, fromMs: ms, role } }
  }
  return null
}

/** What happens before a day ends as the day begins; until or by a day, as it ends. */
function ended(
  lead: string,
  point: { readonly ms: number; readonly fromMs: number },
): { readonly ms: number; readonly fromMs: number } {
  const ms = /\bbefore\s+$/i.test(lead) ? point.fromMs : point.ms
  return { ms, fromMs: Math.min(point.fromMs, ms) }
}

function pointAfter(
  text: string,
  at: number,
  shape: RegExp,
  role: PointRole,
  now: Now,
): TimeFound | null {
  const start = lead(text, at, shape)
  if (start === null) return null
  const point = endingAt(text, start, now) ?? clockedAt(text, start, now)
  if (point === null) return null
  const meaning: TimeMeaning =
    'why' in point
      ? { kind: 'unclear', why: point.why }
      : { kind: 'point', ...ended(text.slice(at, start), point), role }
  return { start: at, end: point.end, meaning }
}
