/** Whom a mandate is for, besides the client. */
export interface Subject {
  readonly userId: string | null
  /** The session that it continues; null: it begins one of its own. */
  readonly sessionId: string | null
  readonly hops: number
}
