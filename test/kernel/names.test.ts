import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldName, isReserved, slugOf } from '../../src/kernel/names.ts'

describe('names are compared as people see them', () => {
  test.each([
    ['Invoices', 'invoices', 'case'],
    ['Straße', 'STRASSE', 'sharp s'],
    ['ΟΔΟΣ', 'οδος', 'final sigma'],
    ['ﬁnance', 'finance', 'a ligature'],
    ['Ｉｎｖｏｉｃｅｓ', 'invoices', 'full width'],
    ['cafe\u0301', 'café', 'composed and not'],
    ['①', '1', 'circled digits'],
    ['team  a', 'team a', 'two spaces'],
    ['team\u00a0a', 'team a', 'a no-break space'],
    [' team a ', 'team a', 'spaces around'],
    ['\u212bngstrom', 'ångstrom', 'the sign of a unit'],
  ])('%s and %s are the same: %s', (left, right) => {
    expect(foldName(left)).toBe(foldName(right))
  })

  test.each([
    ['invoices', 'invoice'],
    ['a b', 'ab'],
    ['résumé', 'resume'],
    ['team-a', 'team a'],
  ])('%s and %s are different', (left, right) => {
    expect(foldName(left)).not.toBe(foldName(right))
  })

  test('folding is idempotent, and blind to case and form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (name) => {
        const folded = foldName(name)
        expect(foldName(folded)).toBe(folded)
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const)
          expect(foldName(name.normalize(form))).toBe(folded)
      }),
    )
  })

  test.each(['abc', 'ABC', 'Team-7', 'a b c'])('ASCII %s folds by case alone', (name) => {
    expect(foldName(name.toUpperCase())).toBe(name.toLowerCase())
  })
})

describe('slugs', () => {
  test.each([
    ['Billing Team', 'billing-team'],
    ['  --Billing__Team!  ', 'billing-team'],
    ['Ｉｎｖｏｉｃｅｓ', 'invoices'],
    ['日本', ''],
    ['x'.repeat(100), 'x'.repeat(63)],
  ])('of %j is %j', (name, slug) => {
    expect(slugOf(name)).toBe(slug)
  })

  test('are what the catalogue accepts as a slug, or nothing', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 120 }), (name) => {
        expect(slugOf(name)).toMatch(/^$|^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
      }),
    )
  })
})

/** What a hurried reader takes for the letter: from TR39, in both cases. */
const imitations: Readonly<Record<string, string>> = {
  c: 'сСϲϹᴄⅽⅭⲥⲤꮯᏟ𐐽𐐕𐊢𐌂ｃＣℂℭ𝐜𝒞𝖈',
  a: 'аАɑαΑ⍺ꭺᎪᗅꓮ𐊠ａＡ𝐚𝒜áàâäåāă',
  r: 'гᴦⲅꭇꭈꮁᎡꭱᏒꮢʀƦᖇꓣｒＲℛ𝐫𝓡',
  l: '1Iiі|ӏӀǀıΙιا١۱ןⵏᛁꓲⅼⅬℓᏞꓡᒪⳐＬｌ𝐥𝓛',
  s: 'ѕЅꜱƽꮪᏚՏꓢ𐑈𐐠𐊖ｓＳ𝐬𝒮şšś',
  y: 'уУүҮγΥʏɣყᶌỿꭚⲨꮍᎽꓬｙＹ𝐲𝒴ýÿ',
  '.': '․۰٠·。∙⋅•．｡ꓸ‧',
  '-': '‐‑‒–—―−⁃﹘－_˗➖ー',
}

describe('the reserved namespace', () => {
  test.each([
    'caracal.sys',
    'caracal-sys',
    'Caracal.SYS/x',
    'CARACAL-SYS',
    'caracal.sys/operator',
    'caracal.sys:operator',
    'caracal.sys operator',
    'caracal-sys team',
    'caracal-sys-team',
    'caracal_sys',
    'caracal--sys',
    'caracal..sys',
    'caracalsys',
    'caracal sys',
    ' caracal.sys',
    '/caracal.sys',
    './caracal.sys',
    '@caracal.sys/operator',
    '"caracal.sys"',
    'c a r a c a l . s y s',
    'caracal\t.\nsys',
    'cara\u200bcal.sys',
    'caracal\u2060.sys',
    '\ufeffcaracal.sys',
    'caracal\u00ad.sys',
    'caracal\u3164.sys',
    'caracal\u115f-sys',
    'caracal\u2800.sys',
    'c\u0301aracal.sys',
    'caracal.sy\ufe0fs',
    '\u202ecaracal.sys',
    'caracal\u{e0020}.sys',
    'ｃａｒａｃａｌ．ｓｙｓ',
    '𝐜𝐚𝐫𝐚𝐜𝐚𝐥.𝐬𝐲𝐬',
    'ⓒⓐⓡⓐⓒⓐⓛ.ⓢⓨⓢ',
    'cаracal.sys',
    'сагасаӏ․ѕуѕ',
    'CARACAI.SYS',
    'caraca1-sys',
  ])('%j is under it', (name) => {
    expect(isReserved(name)).toBe(true)
  })

  test.each(
    ['caracal.sys', 'caracal-sys'].flatMap((name) =>
      [...name].flatMap((letter, at) =>
        [...(imitations[letter] ?? '')].map(
          (form) => [name.slice(0, at) + form + name.slice(at + 1), form.codePointAt(0)] as const,
        ),
      ),
    ),
  )('%s, with U+%i in the place of a letter, is under it', (name) => {
    expect(isReserved(name)).toBe(true)
  })

  test.each([
    '',
    'sys',
    'caracal',
    'Caracal Inc.',
    'caracal system team',
    'caracal-system',
    'caracal.system',
    'caracal.sysadmin',
    'caracal-sys2',
    'caracals',
    'caracal.sy',
    'my-caracal.sys',
    'team caracal.sys',
    'invoices',
    'carousel-sys',
    'caramel.sys',
    'caracal/sys',
  ])('%j is not', (name) => {
    expect(isReserved(name)).toBe(false)
  })

  test('no name is that lacks a letter of it', () => {
    const words = fc.array(fc.constantFrom('c', 'a', 'r', 'l', '.', '-', ' ', 'm', 'team'), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(words, (parts) => {
        expect(isReserved(parts.join(''))).toBe(false)
      }),
    )
  })

  test('mixing case, spaces and unseen characters in does not help', () => {
    const unseen = fc.constantFrom(
      '',
      ' ',
      '\u200b',
      '\u200d',
      '\u2060',
      '\u3164',
      '\u0301',
      '\ufe0f',
    )
    const tail = fc.constantFrom('', '/', '/operator', '.x', ' team', '-1')
    const letters = fc.tuple(
      ...Array.from('caracal.sys', (letter) =>
        fc.tuple(
          fc.constantFrom(letter, letter.toUpperCase(), ...Array.from(imitations[letter] ?? '')),
          unseen,
        ),
      ),
    )
    fc.assert(
      fc.property(letters, tail, (pairs, end) => {
        expect(isReserved(pairs.map(([letter, gap]) => letter + gap).join('') + end)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
