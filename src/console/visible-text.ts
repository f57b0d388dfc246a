/** Controls except line feed and tab, and whatever reorders or hides what stands beside it. */
const hidden = /[^\P{C}\n\t]|[\p{Zl}\p{Zp}]/gu

/**
 * Stored text as a person can judge it: a character that reorders or hides text stays to be seen,
 * as `<U+202E>`, for a person approves what is shown.
 */
export function visible(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(hidden, (char) => {
    const code = char.codePointAt(0) ?? 0
    return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
  })
}

/** A name of a field or state in words: `created_at` is `created at`. */
export function labelOf(name: string): string {
  return visible(name).replaceAll('_', ' ')
}

/** A kind of object in words: `policySet` is `policy set`. */
export function kindOf(kind: string): string {
  return visible(kind).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/

export function isTimestamp(value: unknown): value is string {
  return typeof value === 'string' && timestamp.test(value)
}

/** A value that is no text of several lines, in a line: lists with commas, objects as JSON. */
export function lineOf(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'string') return value === '' ? '""' : visible(value)
  if (isScalars(value)) return value.length === 0 ? '(none)' : value.map(lineOf).join(', ')
  return visible(JSON.stringify(value))
}

export function isScalars(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null)
}
