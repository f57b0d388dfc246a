import { safeLine, safeText } from './safe-text.ts'

/** A value of an answer in a line: lists with commas, objects as JSON, nothing as a dash. */
export function inline(value: unknown): string {
  if (value === null || value === undefined) return '-'
  if (typeof value === 'string') return value === '' ? '""' : localTimeOr(safeLine(value))
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null))
    return value.length === 0 ? '(none)' : value.map(inline).join(', ')
  return safeLine(JSON.stringify(value))
}

/** A value as several lines where it is a text or a structure that needs them. */
export function multiline(value: unknown): string {
  if (typeof value === 'string')
    return value.includes('\n') ? safeText(value.trimEnd()) : inline(value)
  const flat = inline(value)
  const nested = typeof value === 'object' && value !== null && flat.length > 60
  const scalars = Array.isArray(value) && value.every((item) => typeof item !== 'object')
  return nested && !scalars ? safeText(JSON.stringify(value, null, 2)) : flat
}

/** An RFC 3339 time in UTC as people here read it; any other text as it is. */
function localTimeOr(text: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(text) ? localTime(text) : text
}

/** `2026-11-27 23:59`, with seconds where there are some, in the time zone of the machine. */
export function localTime(timestamp: string): string {
  const time = new Date(timestamp)
  if (Number.isNaN(time.getTime())) return safeLine(timestamp)
  const two = (number: number): string => String(number).padStart(2, '0')
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const seconds = time.getSeconds() === 0 ? '' : `:${two(time.getSeconds())}`
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}${seconds}`
}

/** A name of a field in words: `created_at` is `created at`. */
export function labelOf(field: string): string {
  return field.replaceAll('_', ' ')
}
