/**
 * Names are compared after NFKC and case folding (admin-api.md), so that two that a person cannot
 * tell apart cannot both exist. JavaScript has no full case folding; lower-casing the upper-cased
 * form covers the cases where they differ (ß, final sigma). Each may undo what the other has made,
 * so it goes on until nothing changes, which takes three rounds at the most.
 */
export function foldName(name: string): string {
  let folded = name
  for (let round = 0; round < foldRounds; round += 1)
    folded = folded.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKC')
  return folded.trim().replace(/\s+/gu, ' ')
}

const foldRounds = 3

/**
 * Letters that look like those of `caracal.sys/` and `caracal-sys`, by the letter that they imitate:
 * the confusables of Unicode TR39 for these letters alone, as NFKC and lower-casing leave them.
 */
const lookalikes: Readonly<Record<string, string>> = {
  c: 'сϲᴄⲥꮯ𐐽¢𐊢𐌂🝌ƈɕ',
  a: 'аɑα⍺ꭺᗅꓮ𐊠𖽀ᴀ∀ⲁӑ',
  r: 'гꭇꭈᴦⲅꮁꭱꮢʀᖇꓣɼɾ𖼵ᚱ',
  l: 'ӏıɩιǀ|1iіاߊ∣ן١۱ⵏᛁꓲ𐌠𐊊❘ʟⅼꮮⳑꓡᒪłƖƚɭ',
  s: 'ѕꜱƽꮪտꮥꓢ𐑈𐊖𖼺ʂ',
  y: 'уүγɣʏυყᶌỿꭚⲩꭹꮍꓬұƴʎ𑣜',
  '.': '․٠۰·。∙⋅•‧ꓸ𐩐܁܂｡',
  '-': '‐‑‒–—―−⁃﹘_˗⸺➖ー﹣─━ⲻ',
}

const skeletonOf = new Map(
  Object.entries(lookalikes).flatMap(([letter, forms]) =>
    [...forms].map((form) => [form, letter] as const),
  ),
)

/**
 * The namespace, alone or with something behind it that does not go on with the word; a space
 * between two of its letters does not make it another.
 */
const reserved = /^[^\p{L}\p{N}]*c ?a ?r ?a ?c ?a ?l[. -]*s ?y ?s(?![a-z0-9])/u

/**
 * Whether a name, slug, identifier or label claims the reserved namespace: `caracal.sys` or
 * `caracal-sys`, alone or as a prefix, whatever the case, Unicode form or homoglyph, and whatever
 * that cannot be seen stands between the letters.
 */
export function isReserved(name: string): boolean {
  // Imitations are looked up before normalizing too, which makes another letter of some.
  const letters = imitated(name.toLowerCase()).normalize('NFKD').replace(invisible, '')
  const skeleton = imitated(letters.toLowerCase().normalize('NFKC'))
  return reserved.test(skeleton.replace(/[\s\u2800]+/gu, ' '))
}

/** Marks, controls, and what fonts do not draw; spaces are not among them. */
const invisible = /[\p{M}\p{Cf}\p{DI}]|(?!\s)\p{Cc}/gu

function imitated(text: string): string {
  return [...text].map((char) => skeletonOf.get(char) ?? char).join('')
}

/** The slug of the reserved zone, which the platform alone changes. */
export const reservedSlug = 'caracal-sys'

/** A URL-safe short name made from a display name: `Billing Team` gives `billing-team`. */
export function slugOf(name: string): string {
  return foldName(name)
    .replace(/[^a-z0-9]+/gu, '-')
    .replace(/^-+|-+$/gu, '')
    .slice(0, 63)
}
