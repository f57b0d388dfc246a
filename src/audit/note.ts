import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'

/** The kinds of signatures of a note that are understood here, by their identifier byte. */
export const signatureTypes = {
  /** Of the text itself (C2SP signed-note). */
  ed25519: 1,
  /** Of the text and the time, by a witness (C2SP tlog-cosignature). */
  cosignature: 4,
} as const

type SignatureType = (typeof signatureTypes)[keyof typeof signatureTypes]

/** A key that signatures of notes are checked with. */
export interface VerifierKey {
  readonly name: string
  readonly type: SignatureType
  /** Ed25519, 32 bytes. */
  readonly publicKey: Buffer
}

/** A note whose signatures have not been checked. */
export interface Note {
  /** Up to and with its last newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

export interface NoteSignature {
  readonly name: string
  readonly keyId: number
  readonly signature: Buffer
  /** The whole line, without its newline. */
  readonly line: string
}

/** What signs the notes of one log. */
export interface NoteSigner {
  readonly name: string
  readonly privateKey: KeyObject
  readonly publicKey: Buffer
}

const noteBytesMax = 65_536
const signaturesMax = 64
/** No space, no plus and no control character (C2SP signed-note). */
const keyName = /^[^\s+\p{Cc}]+$/u

/** A new Ed25519 key; the private one as PKCS #8. */
export function generateNoteKey(): { readonly publicKey: Buffer; readonly privateDer: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32),
    privateDer: privateKey.export({ type: 'pkcs8', format: 'der' }),
  }
}

export function noteSigner(name: string, publicKey: Buffer, privateDer: Buffer): NoteSigner {
  const privateKey = createPrivateKey({ key: privateDer, format: 'der', type: 'pkcs8' })
  return { name, privateKey, publicKey }
}

/** The signed note of a text that ends in a newline. */
export function signNote(text: string, signer: NoteSigner): string {
  const { name, publicKey } = signer
  const id = keyIdOf({ name, publicKey, type: signatureTypes.ed25519 })
  const signature = sign(null, Buffer.from(text), signer.privateKey)
  return `${text}\n${signatureLine(name, id, signature)}\n`
}

export function signatureLine(name: string, keyId: number, signature: Buffer): string {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keyId)
  return `— ${name} ${Buffer.concat([id, signature]).toString('base64')}`
}

/** Reads a note; null where it is none. No signature has been checked then. */
export function parseNote(note: string): Note | null {
  const end = note.lastIndexOf('\n\n')
  if (Buffer.byteLength(note) > noteBytesMax || end < 1 || !note.endsWith('\n')) return null
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note) || !note.isWellFormed()) return null
  const lines = note.slice(end + 2, -1).split('\n')
  const signatures = lines.map(parseSignature).filter((one) => one !== null)
  if (signatures.length !== lines.length || lines.length > signaturesMax) return null
  return { text: note.slice(0, end + 1), signatures }
}

function parseSignature(line: string): NoteSignature | null {
  const [, name = '', base64 = ''] = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? []
  const bytes = Buffer.from(base64, 'base64')
  if (!keyName.test(name) || bytes.length < 5 || bytes.toString('base64') !== base64) return null
  return { name, keyId: bytes.readUInt32BE(), signature: bytes.subarray(4), line }
}

/** The first four bytes of SHA-256 over name, newline, type and key. */
export function keyIdOf({ name, type, publicKey }: VerifierKey): number {
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey])
  return hash('sha256', named, 'buffer').readUInt32BE()
}

/** A key as one line of text: `name+hex id+base64 of type and key` (vkey). */
export function encodeVerifierKey(key: VerifierKey): string {
  const id = keyIdOf(key).toString(16).padStart(8, '0')
  const material = Buffer.concat([Buffer.of(key.type), key.publicKey]).toString('base64')
  return `${key.name}+${id}+${material}`
}

/** Reads what {@link encodeVerifierKey} makes; null for anything else, and where the id is another's. */
export function parseVerifierKey(text: string): VerifierKey | null {
  const [, name = '', id = '', base64 = ''] =
    /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text) ?? []
  const material = Buffer.from(base64, 'base64')
  const type = Object.values(signatureTypes).find((one) => one === material[0])
  if (!keyName.test(name) || material.length !== 33 || type === undefined) return null
  const key = { name, type, publicKey: material.subarray(1) }
  return keyIdOf(key) === Number.parseInt(id, 16) ? key : null
}

/** What the signature lines of a note say of one key. */
export type Verdict =
  | { readonly signed: true; readonly line: string }
  | { readonly signed: false; readonly forged: boolean }

/**
 * Checks the signature that a key has made under a note. Lines of other keys are passed over; `forged`
 * is a line in this key's name that this key has not made.
 */
export function verifyNote(note: Note, key: VerifierKey): Verdict {
  const id = keyIdOf(key)
  const own = note.signatures.filter((one) => one.name === key.name && one.keyId === id)
  const good = own.find(({ signature }) => isSignedBy(note.text, signature, key))
  return good === undefined
    ? { signed: false, forged: own.length > 0 }
    : { signed: true, line: good.line }
}

function isSignedBy(text: string, signature: Buffer, key: VerifierKey): boolean {
  const publicKey = publicKeyOf(key.publicKey)
  if (key.type === signatureTypes.ed25519)
    return signature.length === 64 && verify(null, Buffer.from(text), publicKey, signature)
  if (signature.length !== 72) return false
  const time = signature.readBigUInt64BE()
  const signed = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`)
  return verify(null, signed, publicKey, signature.subarray(8))
}

function publicKeyOf(raw: Buffer): KeyObject {
  const x = raw.toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
