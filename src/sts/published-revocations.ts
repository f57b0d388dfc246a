import { hash } from 'node:crypto'
import type { Anchor, RevocationsUpTo } from '../store/revocations.ts'

/** A revocation as resource servers read it. */
export interface PublishedRevocation {
  readonly anchor: Anchor
  /** The id that the anchor's claim has; of a subject its SHA-256 in base64url. */
  readonly value: string
  /** Unix seconds from which on nothing that it concerns is alive. */
  readonly expires_at: number
}

export interface PublishedRevocations {
  /** The number of the zone's changes up to which this is everything. */
  readonly sequence: number
  readonly revocations: readonly PublishedRevocation[]
}

/**
 * How a value is shown, by anchor; null: not at all. The feed is as public as the JWKS, and ids that
 * are made here say nothing. A subject may be the name of a person at an issuer elsewhere; admin
 * tokens stand behind control mandates alone, which no resource server is shown.
 */
const shown: Readonly<Record<Anchor, ((value: string) => string) | null>> = {
  jti: asItIs,
  session: asItIs,
  root_session: asItIs,
  agent_session: asItIs,
  edge: asItIs,
  client: asItIs,
  subject: (value) => hash('sha256', value, 'base64url'),
  requester_token: null,
}

function asItIs(value: string): string {
  return value
}

export function publish({ sequence, revocations }: RevocationsUpTo): PublishedRevocations {
  return {
    sequence,
    revocations: revocations.flatMap(({ anchor, value, expiresAt }) => {
      const show = shown[anchor]
      if (show === null) return []
      return [{ anchor, value: show(value), expires_at: Math.ceil(expiresAt.getTime() / 1_000) }]
    }),
  }
}
