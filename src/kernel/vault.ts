import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const version = 1
const ivBytes = 12
const tagBytes = 16
const keyBytes = 32

/** Seals secrets at rest: each under a key of its own, that key under the master key (AES-256-GCM). */
export interface Vault {
  /** `purpose` is bound to the sealed bytes: they open for the same purpose alone. */
  seal(plain: Buffer | string, purpose: string): Buffer
  /** Throws when the bytes were altered, sealed for another purpose or under another key. */
  open(sealed: Buffer, purpose: string): Buffer
}

export function openVault(masterKey: Buffer): Vault {
  if (masterKey.length !== keyBytes) throw new RangeError('the master key must be 32 bytes')
  return {
    seal(plain, purpose) {
      const dataKey = randomBytes(keyBytes)
      return Buffer.concat([
        Buffer.of(version),
        encrypt(masterKey, dataKey, purpose),
        encrypt(dataKey, Buffer.from(plain), purpose),
      ])
    },
    open(sealed, purpose) {
      if (sealed[0] !== version) throw new Error('sealed with an unknown version')
      const wrapped = ivBytes + keyBytes + tagBytes
      const dataKey = decrypt(masterKey, sealed.subarray(1, 1 + wrapped), purpose)
      return decrypt(dataKey, sealed.subarray(1 + wrapped), purpose)
    },
  }
}

function encrypt(key: Buffer, plain: Buffer, purpose: string): Buffer {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(purpose))
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: Buffer, sealed: Buffer, purpose: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  })
    .setAAD(Buffer.from(purpose))
    .setAuthTag(sealed.subarray(-tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()])
}
