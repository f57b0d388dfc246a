import type { Governed, Json, Timestamp } from './columns.ts'

/** An OpenID provider that a zone believes about users. */
export interface SubjectIssuerRow extends Governed {
  name: string
  name_key: string
  issuer: string
  /** Null: as its discovery document says. */
  jwks_url: string | null
  /** The client id that the zone has at it. */
  audience: string
  algorithms: string[]
  claims: Json<{ subject: string; name: string }>
  sign_in: boolean
  sealed_secret: Buffer | null
}

/** A user that a zone has seen. */
export interface SubjectRow {
  id: string
  zone_id: string
  /** What grants are bound to, and what mandates have as their subject. */
  user_id: string
  /** Null: a person of this installation. */
  issuer_id: string | null
  name: string
  first_seen_at: Timestamp
  last_seen_at: Timestamp
  /** When everything that the user had was last ended. */
  revoked_at: Timestamp | null
}

/** A person on the way to a subject issuer and back. */
export interface SignInRow {
  state_hash: string
  zone_id: string
  /** SHA-256 of what the browser's cookie holds. */
  browser_hash: string
  issuer_id: string
  /** The authorization request that it is for, as it was understood. */
  request: Json<Record<string, string>>
  sealed_verifier: Buffer
  nonce: string
  expires_at: Timestamp
}

/** Who vouched for a user: an issuer, or whoever gave out the admin token. */
interface VoucherColumns {
  issuer_id: string | null
  admin_token_id: string | null
}

export interface AuthorizationCodeRow extends VoucherColumns {
  code_hash: string
  zone_id: string
  application_id: string
  redirect_uri: string
  code_challenge: string
  resource: string | null
  /** Null: whatever the client holds. */
  scopes: string[] | null
  user_id: string
  user_name: string
  /** The session that it was redeemed for; null: it was not. */
  session_id: string | null
  created_at: Timestamp
  expires_at: Timestamp
}

export interface RefreshTokenRow extends VoucherColumns {
  token_hash: string
  zone_id: string
  session_id: string
  application_id: string
  resource: string | null
  scopes: string[] | null
  /** Thumbprint of the key that its user has to prove (RFC 9449 section 5); null: it is not bound. */
  jkt: string | null
  created_at: Timestamp
  expires_at: Timestamp
  used_at: Timestamp | null
}
