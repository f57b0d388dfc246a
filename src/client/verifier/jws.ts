type JsonObject = Readonly<Record<string, unknown>>

/** A compact JWS (RFC 7515 section 7.1) taken apart, and not believed. */
export interface UnverifiedJws {
  readonly header: JsonObject
  readonly claims: JsonObject
}

/** Longer than any mandate or proof: what is larger is not even parsed. */
const tokenChars = 8_192
const compact = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+$/

/** Null for what is no compact JWS of two JSON objects. */
export function readJws(token: string): UnverifiedJws | null {
  if (token.length > tokenChars) return null
  const [, header, claims] = compact.exec(token)?.map(decoded) ?? []
  return header && claims ? { header, claims } : null
}

function decoded(part: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : null
  } catch {
    return null
  }
}
