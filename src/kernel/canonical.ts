import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'

/** The RFC 8785 form of a JSON value: what is shown, hashed, approved and put in evidence. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('value has no JSON form')
  return text
}

/** `sha256:` and the hex SHA-256 of the RFC 8785 form of a JSON value. */
export function digestOf(value: unknown): string {
  return `sha256:${sha256Hex(canonicalJson(value))}`
}

export function sha256Hex(data: string | Buffer): string {
  return hash('sha256', data, 'hex')
}
