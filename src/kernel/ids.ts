import { randomBytes } from 'node:crypto'

/** What each kind of object's id begins with. Ids follow TypeID 0.3: prefix, '_', base32 UUIDv7. */
export const idPrefix = {
  zone: 'zone',
  application: 'app',
  resource: 'res',
  provider: 'prov',
  grant: 'grt',
  subjectIssuer: 'sis',
  subject: 'sub',
  policy: 'pol',
  policyVersion: 'polv',
  policySet: 'pset',
  policySetVersion: 'psetv',
  session: 'ses',
  edge: 'edge',
  approval: 'apr',
  decision: 'dec',
  plan: 'plan',
  principal: 'prn',
  adminToken: 'adm',
  event: 'evt',
  conversation: 'conv',
  message: 'msg',
  modelCall: 'mdc',
  request: 'req',
  mandate: 'mdt',
  key: 'key',
  webhook: 'whk',
  witness: 'wit',
  delivery: 'dlv',
} as const

export type IdKind = keyof typeof idPrefix
export type Id<K extends IdKind> = `${(typeof idPrefix)[K]}_${string}` & { readonly __kind: K }
export type ZoneId = Id<'zone'>

/** Crockford's base32 in lower case, as TypeID has it. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** A fresh id whose leading 48 bits are the time (RFC 9562 section 5.7), so ids sort by age. */
export function newId<K extends IdKind>(kind: K, nowMs: number): Id<K> {
  const bytes = chance()
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f)
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f)
  return `${idPrefix[kind]}_${base32(bytes)}` as Id<K>
}

/** Random bytes are drawn for many ids at a time: each call of the system costs more than an id. */
const idBytes = 16
const pool = { bytes: Buffer.alloc(0), used: 0 }

function chance(): Buffer {
  if (pool.used === pool.bytes.length) {
    pool.bytes = randomBytes(idBytes * 256)
    pool.used = 0
  }
  pool.used += idBytes
  return pool.bytes.subarray(pool.used - idBytes, pool.used)
}

/** 130 bits in 26 digits, the first two of them 0 (TypeID 0.3). */
function base32(bytes: Buffer): string {
  let text = ''
  let rest = 0
  let restBits = 2
  for (const byte of bytes) {
    rest = (rest << 8) | byte
    restBits += 8
    while (restBits >= 5) {
      restBits -= 5
      text += alphabet.charAt((rest >>> restBits) & 31)
    }
    rest &= (1 << restBits) - 1
  }
  return text
}

const patterns = Object.fromEntries(
  Object.entries(idPrefix).map(([kind, prefix]) => [
    kind,
    new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`),
  ]),
) as Readonly<Record<IdKind, RegExp>>

/** The pattern that every id of a kind matches; what the catalogue's schemas use. */
export function idPattern(kind: IdKind): RegExp {
  return patterns[kind]
}

export function isId<K extends IdKind>(kind: K, value: unknown): value is Id<K> {
  return typeof value === 'string' && idPattern(kind).test(value)
}

const kindByPrefix: ReadonlyMap<string, IdKind> = new Map(
  (Object.entries(idPrefix) as [IdKind, string][]).map(([kind, prefix]) => [prefix, kind]),
)

/** The kind of object that a value is the id of; null for anything else. */
export function idKindOf(value: string): IdKind | null {
  const kind = kindByPrefix.get(value.slice(0, value.indexOf('_')))
  return kind !== undefined && isId(kind, value) ? kind : null
}
