/** Texts as they are planted, and as a model that looks through every disguise reads them. */

const tagBase = 0xe0000

type Disguise = (text: string) => string

const disguises: Readonly<Record<string, Disguise>> = {
  // Tag characters show as nothing at all, and models read them (Unicode 16 section 23.9).
  tags: (text) => [...text].map((c) => String.fromCodePoint(tagBase + c.charCodeAt(0))).join(''),
  base64: (text) => Buffer.from(text).toString('base64'),
  flood: (text) => text.repeat(Math.floor(1_900 / text.length)),
  long: (text) => text.repeat(Math.ceil(30_000 / text.length)),
}

/** Puts ids in the place of `$NAMES`, then what stands between `@disguise:` and `@` in its disguise. */
export function dressed(text: string, ids: Readonly<Record<string, string>>): string {
  let out = text.replace(/\$([A-Z]+)/g, (word, name: string) => ids[name] ?? word)
  for (let before = ''; before !== out;) {
    before = out
    out = out.replace(/@([a-z0-9]+):([^@]*)@/g, (whole, name: string, inner: string) => {
      const disguise = disguises[name]
      return disguise === undefined ? whole : disguise(inner)
    })
  }
  return out
}

/** What a text could be read as. */
export function readings(text: string): readonly string[] {
  const plain = text.normalize('NFKC').replace(/\p{Cf}/gu, '')
  const tags = [...text]
    .map((character) => character.codePointAt(0) ?? 0)
    .filter((code) => code > tagBase && code < tagBase + 0x80)
    .map((code) => String.fromCharCode(code - tagBase))
    .join('')
  const decoded = [...plain.matchAll(/[A-Za-z0-9+/]{16,}={0,2}/g)]
    .map(([word]) => Buffer.from(word, 'base64').toString('utf8'))
    .filter((inner) => /^[\x20-\x7e]+$/.test(inner))
  const unescaped = plain.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
  const backwards = [...plain].reverse().join('')
  const inner = decoded.flatMap((one) => readings(one))
  return [...new Set([plain, unescaped, tags, backwards, ...inner])]
}
