import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { displayWidth, padEnd, safeLine, safeText, wrapLine } from '../../src/cli/safe-text.ts'

describe('text from elsewhere is fit for a terminal', () => {
  test.each([
    ['a colour', 'a\u001b[31mred\u001b[0m', 'ared'],
    ['moving the cursor', 'ok\u001b[2A\u001b[2Kforged', 'okforged'],
    ['a title, ended by BEL', '\u001b]0;owned\u0007x', 'x'],
    ['a link, ended by ST', '\u001b]8;;https://e.example\u001b\\x\u001b]8;;\u001b\\', 'x'],
    ['a device control string', 'a\u001bP1;2|payload\u001b\\b', 'ab'],
    ['an open string', 'a\u001b]52;c;cGF5bG9hZA==', 'a'],
    ['8-bit introducers', 'a\u009b31mb\u009d0;t\u009cc', 'abc'],
    ['a full reset', 'a\u001bcb', 'ab'],
    ['going back over the line', 'good\rbad', 'good\nbad'],
    ['backspaces', 'good\b\b\b\bbad', 'goodbad'],
    ['reordering', 'user\u202etxt.exe', 'user<U+202E>txt.exe'],
    ['hiding', 'bill\u200bing', 'bill<U+200B>ing'],
    ['a line separator', 'a\u2028b', 'a<U+2028>b'],
    ['an unassigned character', 'a\u0378b', 'a<U+0378>b'],
    ['what people write', 'Grüße, 日本 – “ok”\n\tzwei', 'Grüße, 日本 – “ok”\n\tzwei'],
  ])('%s', (_, text, shown) => {
    expect(safeText(text)).toBe(shown)
  })

  test('nothing that a terminal obeys is left, in any text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\u001b', '[', ']', '31m', '\u0007', '\u009b', '\\', ';', '\u001b\u001b['),
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const shown = safeText(pieces.join(''))
        expect(shown.replace(/[\n\t]/g, '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
        expect(safeText(shown)).toBe(shown)
        expect(safeLine(pieces.join(''))).not.toMatch(/[\n\t]/)
      }),
    )
  })

  // The time limit of the test catches what backtracks: it would take minutes.
  test('a long hostile text is read', { timeout: 10_000 }, () => {
    const text = '\u001b]'.repeat(50_000) + '\u001b['.repeat(50_000)
    expect(safeText(text)).not.toContain('\u001b')
  })
})

describe('laying out', () => {
  test.each([
    ['abc', 3],
    ['é', 1],
    ['日本', 4],
    ['👍🏽', 2],
    ['\u001b[31mred\u001b[39m', 3],
    ['a\u00a0b', 3],
  ])('%j takes %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width)
    expect(displayWidth(padEnd(text, 10))).toBe(10)
  })

  test('wrapping keeps every word whole and in order', () => {
    const words = fc.array(fc.stringMatching(/^[a-z0-9_]{1,30}$/), { minLength: 1 })
    fc.assert(
      fc.property(words, fc.integer({ min: 5, max: 60 }), (list, width) => {
        const lines = wrapLine(list.join(' '), width)
        expect(lines.join(' ')).toBe(list.join(' '))
        for (const line of lines)
          expect(line.length <= width || !line.includes(' '), line).toBe(true)
      }),
    )
  })
})
