/** A table of GitHub's Markdown; cells are text in Markdown, made safe for a cell. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cellText).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** A `|` would end the cell, code spans included; outside of them a `<` would open a tag. */
function cellText(text: string): string {
  return text
    .replace(/\s*\n\s*/g, ' ')
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll('<', '&lt;')))
    .join('')
    .replaceAll('|', '\\|')
}

export function code(text: string): string {
  return `\`${text}\``
}

/** What stands at the top of a file that nobody edits. */
export const generatedNotice =
  '<!-- Made by `npm run generate`. Edit its source, not this file. -->'
