/**
 * Names are compared after NFKC and case folding (admin-api.md), so that two that a person cannot
 * tell apart cannot both exist. JavaScript has no full case folding; lower-casing the upper-cased
 * form covers the cases where they differ (ß, final sigma).
 */
export function foldName(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().trim().replace(/\s+/gu, ' ')
}

/**
 * Letters that look like those of `caracal.sys/` and `caracal-sys` (Unicode TR39 confusables of
 * these letters alone), by the letter they imitate.
 */
const lookalikes: Readonly<Record<string, string>> = {
  c: 'сϲᴄⅽⲥꮯ¢ç',
  a: 'аɑα⍺ạąàáâãäå',
  r: 'гꭇꭈᴦⲅꮁгʀṛ',
  l: 'ⅼӏıƖǀ|1iіΙlІ׀ߊ∣',
  s: 'ѕꜱƽꮪṣş',
  y: 'уүγᶌỿỵýÿყ',
  '.': '․۰٠·。．∙⋅•',
  '/': '⁄∕╱⟋⧸／ノ〳\\',
  '-': '‐‑‒–—―−⁃﹘－_˗⸺',
}

const skeletonOf = new Map(
  Object.entries(lookalikes).flatMap(([letter, forms]) =>
    [...forms].map((form) => [form, letter] as const),
  ),
)

/**
 * Whether a name, slug, identifier or label claims the reserved namespace: `caracal.sys` or
 * `caracal-sys`, alone or as a prefix, whatever the case, Unicode form or homoglyph.
 */
export function isReserved(name: string): boolean {
  const visible = name.normalize('NFKD').replace(/[\p{M}\p{Cf}\p{Cc}\s]/gu, '')
  const skeleton = [...visible.toLowerCase().normalize('NFKC')]
    .map((char) => skeletonOf.get(char) ?? char)
    .join('')
  return /^[./-]*caraca[l][.-]*sys(?![a-z0-9])/u.test(skeleton)
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
