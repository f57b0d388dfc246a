/**
 * Escape sequences of ECMA-48: CSI (`ESC [ ... final`), the strings that OSC, DCS, SOS, PM and APC
 * open up to their end, and two-character ones; with 7-bit and with 8-bit introducers.
 */
const escapeSequence =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g

/** Controls except line feed and tab, and whatever reorders or hides what stands beside it. */
const invisible = /[^\P{C}\n\t]|[\p{Zl}\p{Zp}]/gu

/**
 * Text from elsewhere, fit for a terminal: escape sequences and controls are gone. Characters that
 * reorder or hide text stay to be seen, as `<U+202E>`, for a person approves what is shown.
 */
export function safeText(text: string): string {
  return text
    .replace(escapeSequence, '')
    .replace(/\r\n?/g, '\n')
    .replace(invisible, (char) => {
      const code = char.codePointAt(0) ?? 0
      return /\p{Cc}/u.test(char) ? '' : `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
    })
}

/** The same on one line: line ends and tabs become spaces. */
export function safeLine(text: string): string {
  return safeText(text)
    .replace(/[\n\t ]+/g, ' ')
    .trim()
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Colours that this program itself has put around text take no place. */
const colour = /\u001b\[[0-9;]*m/g

/** How many columns of a terminal a line takes. */
export function displayWidth(line: string): number {
  const plain = line.replace(colour, '')
  if (/^[\u0000-\u007f]*$/.test(plain)) return plain.length
  let width = 0
  for (const { segment } of segmenter.segment(plain)) width += isWide(segment) ? 2 : 1
  return width
}

function isWide(grapheme: string): boolean {
  return /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u.test(
    grapheme,
  )
}

export function padEnd(line: string, width: number): string {
  return line + ' '.repeat(Math.max(0, width - displayWidth(line)))
}

/**
 * Breaks a line at spaces to a width. A word that is longer than the width stays whole where it has
 * no good place to break: an id that is cut in two is of no use.
 */
export function wrapLine(line: string, width: number): readonly string[] {
  const lines: string[] = []
  let current = ''
  for (const word of line.split(' ')) {
    const longer = current === '' ? word : `${current} ${word}`
    if (current !== '' && displayWidth(longer) > width) {
      lines.push(current)
      current = word
    } else current = longer
  }
  return [...lines, current]
}
