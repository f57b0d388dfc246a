import type { ConfigEntry } from '../src/config.ts'
import { code, markdownTable } from './markdown.ts'

const start = '<!-- config:start -->'
const end = '<!-- config:end -->'

/**
 * The README with the table between its two markers made anew from the configuration's own table.
 * Throws where the markers are missing, repeated or in the wrong order.
 */
export function withConfigTable(readme: string, entries: readonly ConfigEntry[]): string {
  const [before = '', ...afterStart] = readme.split(start)
  const [, ...afterEnd] = (afterStart[0] ?? '').split(end)
  if (afterStart.length !== 1 || afterEnd.length !== 1)
    throw new Error(`the configuration table goes between one ${start} and one ${end}`)
  return `${before}${start}\n\n${configTable(entries)}\n\n${end}${afterEnd.join('')}`
}

function configTable(entries: readonly ConfigEntry[]): string {
  return markdownTable(
    ['variable', 'what it is', 'when unset'],
    entries.map(({ env, purpose, fallback, secret }) => [
      code(env),
      secret ? `${purpose} (secret)` : purpose,
      fallback,
    ]),
  )
}
