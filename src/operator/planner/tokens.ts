/**
 * Words of a message with their places in it. Quoted text, addresses, ids and fenced documents are
 * kept whole, so that nothing inside of them is ever read as a command.
 */
export type TokenKind = 'word' | 'quoted' | 'url' | 'email' | 'id' | 'code' | 'punct'

export interface Token {
  readonly kind: TokenKind
  /** As the person wrote it, without quotes or fences. */
  readonly text: string
  /** Compatibility-normalized and lower case: what tables are asked with. */
  readonly fold: string
  /** Offsets in the message, in UTF-16 units; the quotes are inside. */
  readonly start: number
  readonly end: number
}

/** Every alternative is bounded or consumes a class once, so the scan is linear in the message. */
const shapes: readonly (readonly [TokenKind, RegExp])[] = [
  ['code', /```(?:json|yaml|yml|rego)?[ \t]*\n?([\s\S]*?)```/y],
  ['quoted', /["“”„«]([^"“”„«»\n]{1,200})["“”»]/y],
  ['quoted', /`([^`\n]{1,200})`/y],
  ['quoted', /(?<![\p{L}\p{N}])['‘]([^'’\n]{1,200})['’](?![\p{L}\p{N}])/uy],
  ['url', /([a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'<>`]{1,2000})/iy],
  ['url', /(urn:[^\s"'<>`]{1,500})/iy],
  ['email', /([\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})/y],
  ['id', /((?:zone|app|res|prov|grt|polv|pol|psetv|pset|plan|evt|req|adm)_[0-7][0-9a-z]{25})/y],
  // What belongs to a name in quotes or an address: `"Night Owl"'s secret`.
  ['word', /(?<=["”`\p{L}\p{N}])(['’]s)(?![\p{L}\p{N}])/uy],
  // `support-bot: -write`: what is to go; a mark by itself that is no part of a word.
  ['word', /(?<=:[ \t]{0,2})([-–])(?=[ \t]?\p{L})/uy],
  // A line of a mail that somebody else wrote.
  ['word', /(?<=(?:^|\n)[ \t]{0,4})(>)(?=[ \t]?\S)/y],
  ['punct', /(->|=>|[→,;.!?:()&+=\n])/y],
  ['word', /([\p{L}\p{N}_][\p{L}\p{N}\p{M}_.:/@*-]*(?:['’]\p{L}+)*)/uy],
]

const ids = /^(?:zone|app|res|prov|grt|polv|pol|psetv|pset|plan|evt|req|adm)_[0-7][0-9a-z]{25}$/

/** What a word may be closed with in a sentence without its being part of the word. */
const closing = /[.:/@*-]+$/
const urlClosing = /[.,;:!?)\]]+$/

/** What stands after an apostrophe, as a word of its own. */
const contractions: Readonly<Record<string, string>> = {
  re: 'are',
  m: 'am',
  d: 'would',
  ll: 'will',
  ve: 'have',
}
const negated: Readonly<Record<string, string>> = { ca: 'can', wo: 'will', sha: 'shall' }

export function foldText(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

export function tokenize(message: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < message.length) {
    const found = tokenAt(message, at)
    if (found === null) {
      at += 1
      continue
    }
    tokens.push(...(found.kind === 'word' ? apart(found) : [found]))
    at = found.end
  }
  return tokens
}

function tokenAt(message: string, at: number): Token | null {
  for (const [kind, shape] of shapes) {
    shape.lastIndex = at
    const match = shape.exec(message)
    if (match === null) continue
    const raw = match[1] ?? ''
    const text =
      kind === 'word'
        ? raw.replace(closing, '') || raw
        : kind === 'url'
          ? raw.replace(urlClosing, '')
          : raw
    if (text.trim() === '' && kind !== 'punct') continue
    const whole = match[0]
    const end = at + (kind === 'word' || kind === 'url' ? text.length : whole.length)
    // An id in quotes is an id: nothing can have it for a name.
    const shaped = kind === 'quoted' && ids.test(text) ? 'id' : kind
    return { kind: shaped, text, fold: foldText(text), start: at, end }
  }
  return null
}

/** `don't` as `do` and `not`, `billing-agent's` as the name and `'s`, `read/write` as both words. */
function apart(token: Token): readonly Token[] {
  if (/^['’]s$/u.test(token.text)) return [piece("'s", token.start, token.end)]
  const match = /^(.+?)['’](\p{L}+)$/u.exec(token.text)
  if (match === null) return slashed(token)
  const head = match[1] ?? ''
  const tail = foldText(match[2] ?? '')
  const cut = token.start + head.length
  if (tail === 't' && /n$/i.test(head)) {
    const stem = head.slice(0, -1)
    const known = negated[foldText(stem)]
    return [piece(known ?? stem, token.start, cut - 1), piece('not', cut - 1, token.end)]
  }
  if (tail === 's') return [...slashed(piece(head, token.start, cut)), piece("'s", cut, token.end)]
  const known = contractions[tail]
  return known === undefined
    ? [token]
    : [piece(head, token.start, cut), piece(known, cut, token.end)]
}

const halves = /^(read|write|view|edit|and|r)\/(write|read|edit|or|w)$/

function slashed(token: Token): readonly Token[] {
  const match = halves.exec(token.fold)
  if (match === null || token.fold === 'r/w') return [token]
  const cut = token.start + (match[1] ?? '').length
  return [
    piece(match[1] ?? '', token.start, cut),
    piece('and', cut, cut + 1),
    piece(match[2] ?? '', cut + 1, token.end),
  ]
}

function piece(text: string, start: number, end: number): Token {
  return { kind: 'word', text, fold: foldText(text), start, end }
}
