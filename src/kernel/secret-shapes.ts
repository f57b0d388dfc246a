/** What credentials look like, with the words to call them by. */
interface SecretShape {
  readonly what: string
  /**
   * Every repetition is bounded, or begins where its own characters cannot stand before it: the time
   * is that of the text, whoever wrote it. The first group is what is secret, where there is one.
   */
  readonly shape: RegExp
  /** Whether what was found is one: what stands behind a word may also be a word. */
  readonly isOne?: (found: string) => boolean
}

/** The beginning of a word: inside of one, as of a public key, anything stands by chance. */
const at = '(?<![A-Za-z0-9_-])'

function token(what: string, shape: string): SecretShape {
  return { what, shape: new RegExp(at + shape) }
}

const shapes: readonly SecretShape[] = [
  token('an admin token', 'cat_[A-Za-z0-9_-]{40}'),
  token('a client secret', 'cs_[A-Za-z0-9_-]{40}'),
  token('a refresh token', 'rt_[A-Za-z0-9_-]{40}'),
  token('an authorization code', 'ac_[A-Za-z0-9_-]{40}'),
  token('a signing secret', 'whsec_[A-Za-z0-9+/]{24}'),
  token('an API key', '(?:sk|rk)-[A-Za-z0-9_-]{20}'),
  token('a Stripe key', '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16}'),
  token('an AWS access key', '(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])'),
  token('a Google API key', 'AIza[A-Za-z0-9_-]{35}'),
  token('a Google secret', '(?:GOCSPX-[A-Za-z0-9_-]{20}|ya29\\.[A-Za-z0-9_-]{20})'),
  token('an Azure secret', '[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31}'),
  token('an Azure key', '(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40}'),
  token('a GitHub token', '(?:gh[pousr]_[A-Za-z0-9]{30}|github_pat_[A-Za-z0-9_]{22})'),
  token('a GitLab token', 'gl(?:pat|dt|rt|ptt|cbt|agent)-[A-Za-z0-9_-]{20}'),
  token('a Slack token', '(?:xox[abeprs]-[A-Za-z0-9-]{10}|xapp-[0-9]-[A-Za-z0-9-]{10})'),
  token(
    'a Slack webhook',
    'hooks\\.slack\\.com/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{16}',
  ),
  token('an npm token', 'npm_[A-Za-z0-9]{36}'),
  token('a PyPI token', 'pypi-[A-Za-z0-9_-]{50}'),
  token('a Hugging Face token', 'hf_[A-Za-z0-9]{30}'),
  token('a SendGrid key', 'SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{16}'),
  token('a Vault token', 'hv[sbr]\\.[A-Za-z0-9_-]{24}'),
  token('a DigitalOcean token', 'do[opr]_v1_[a-f0-9]{64}'),
  token('an age key', 'AGE-SECRET-KEY-1[A-Z0-9]{50}'),
  {
    what: 'a signed token',
    shape: /(?<![\w-])eyJ[\w-]{10,4000}\.[\w-]{10,8000}\.[\w-]{10}/,
  },
  { what: 'a private key', shape: /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----/ },
  { what: 'a private key', shape: /["']?\b[dk]["']?\s{0,5}:\s{0,5}["'][\w-]{40}/ },
  {
    what: 'a URL with its password',
    shape: /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/?#]{0,80}:([^\s@/?#]{3,200})@/i,
    isOne: (found) => !isPlaceholder(found),
  },
  {
    what: 'a bearer credential',
    shape: /\b(?:bearer|basic)\s{1,5}([\w.~+/=-]{20,200})/i,
    isOne: isRandom,
  },
  {
    what: 'a password',
    shape:
      /(?:password|passwd|passphrase|\bpwd)["']?\s{0,5}(?::=|[=:]|\bis\b)\s{0,5}["'`]?([^\s"'`,;]{8,200})/i,
    isOne: (found) => isMixed(found) && !isKnownForm(found),
  },
  {
    what: 'a secret',
    shape:
      /(?:secret|token|credential|(?:api|access|account|private|signing|shared)[_ -]?key)["']?\s{0,5}(?::=|[=:]|\bis\b)\s{0,5}["'`]?([^\s"'`,;]{16,200})/i,
    isOne: isRandom,
  },
]

/** What kind of credential a text holds, in words; null where it holds none. */
export function secretIn(text: string): string | null {
  // What shows as nothing would hide one.
  const plain = text.replace(/\p{Cf}/gu, '')
  for (const { what, shape, isOne } of shapes) {
    if (isOne === undefined ? shape.test(plain) : holds(plain, shape, isOne)) return what
  }
  return null
}

function holds(text: string, shape: RegExp, isOne: (found: string) => boolean): boolean {
  for (const match of text.matchAll(new RegExp(shape, `${shape.flags}g`)))
    if (isOne(match[1] ?? match[0])) return true
  return false
}

/** The same for every text in a value, its keys among them, and for private JWKs (RFC 7518). */
export function secretInValue(value: unknown): string | null {
  if (typeof value === 'string') return secretIn(value)
  if (typeof value !== 'object' || value === null) return null
  const { kty, d, k } = value as { kty?: unknown; d?: unknown; k?: unknown }
  if (typeof kty === 'string' && (typeof d === 'string' || typeof k === 'string'))
    return 'a private key'
  for (const [key, inner] of Object.entries(value)) {
    const found = (Array.isArray(value) ? null : secretIn(key)) ?? secretInValue(inner)
    if (found !== null) return found
  }
  return null
}

/** Characters that nobody makes up: letters and digits in no order that a word or a name has. */
function isRandom(text: string): boolean {
  if (!isMixed(text) || isKnownForm(text) || isPlaceholder(text)) return false
  return entropyBits(text) >= 3.3
}

function isMixed(text: string): boolean {
  return /\d/.test(text) && /[a-z]/i.test(text)
}

/** Ids, digests, addresses and dates, and names with a number at their end. */
function isKnownForm(text: string): boolean {
  return (
    /^[a-z]{2,6}_[0-7][0-9a-hjkmnp-tv-z]{25}\b/.test(text) ||
    /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/i.test(text) ||
    /^(?:sha\d{1,3}[:-]|\w{1,20}:\/\/|\d{4}-\d\d-\d\d)/i.test(text) ||
    /^[a-z_]+(?:[.:/-][a-z_]+)*[.:/-]?v?\d{0,4}[.)\]]?$/i.test(text)
  )
}

function isPlaceholder(text: string): boolean {
  return /^(?:<.*>|\$\{?.*|\{\{.*|[*x.]+|(?:your-?)?(?:password|secret|token))$/i.test(text)
}

/** Shannon's entropy of one character of a text. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values())
    bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}
