/** What the reference model knows of a session. */
export interface ModelSession {
  readonly id: string
  readonly parent: ModelSession | null
  readonly runner: number
  readonly leaseSeconds: number | null
  endsAtMs: number
  suspendedAtMs: number | null
  ended: boolean
}

export interface ModelEdge {
  readonly id: string
  readonly parent: ModelEdge | null
  readonly source: ModelSession
  readonly target: ModelSession
  /** Any agent of the target's application may use it. */
  readonly toAll: boolean
  readonly scopes: readonly string[]
  readonly maxHops: number
  readonly expiresAtMs: number
  revoked: boolean
}

export interface ModelMandate {
  readonly token: string
  readonly expiresAtMs: number
  readonly agent: ModelSession
  readonly edge: ModelEdge | null
}

/** The rules of authority.md, said once more over plain objects, without a database. */
export interface Model {
  readonly sessions: ModelSession[]
  readonly edges: ModelEdge[]
  readonly mandates: ModelMandate[]
}

function lineOf(session: ModelSession): readonly ModelSession[] {
  return session.parent === null ? [session] : [session, ...lineOf(session.parent)]
}

export function pathOf(edge: ModelEdge): readonly ModelEdge[] {
  return edge.parent === null ? [edge] : [...pathOf(edge.parent), edge]
}

export function canAct(session: ModelSession, nowMs: number): boolean {
  return lineOf(session).every(
    (one) => !one.ended && one.suspendedAtMs === null && one.endsAtMs > nowMs,
  )
}

export function mayUse(edge: ModelEdge, session: ModelSession): boolean {
  return edge.toAll ? edge.target.runner === session.runner : edge.target === session
}

export function lends(edge: ModelEdge, nowMs: number): boolean {
  return pathOf(edge).every(
    (hop) => !hop.revoked && hop.expiresAtMs > nowMs && canAct(hop.source, nowMs),
  )
}

/** The scopes that an agent gets by an edge, of those that the lender who began it is granted. */
export function scopesBy(edge: ModelEdge, granted: readonly (readonly string[])[]): string[] {
  const path = pathOf(edge)
  const held = granted[path[0]?.source.runner ?? -1] ?? []
  return held.filter((scope) => path.every(({ scopes }) => scopes.includes(scope)))
}

/** Whether a mandate is believed: unexpired, and nothing that it rests upon is held or ended. */
export function isBelieved({ expiresAtMs, agent, edge }: ModelMandate, nowMs: number): boolean {
  const path = edge === null ? [] : pathOf(edge)
  const sessions = [agent, ...path.map(({ source }) => source)].flatMap(lineOf)
  return (
    expiresAtMs > nowMs &&
    path.every(({ revoked }) => !revoked) &&
    sessions.every(({ ended, suspendedAtMs }) => !ended && suspendedAtMs === null)
  )
}

export function terminate(model: Model, session: ModelSession): void {
  for (const below of model.sessions)
    if (lineOf(below).includes(session)) {
      below.ended = true
      for (const edge of model.edges)
        if (edge.source === below || (edge.target === below && !edge.toAll)) revoke(model, edge)
    }
}

export function revoke(model: Model, edge: ModelEdge): void {
  for (const below of model.edges) if (pathOf(below).includes(edge)) below.revoked = true
}

/**
 * Services whose leases ran when the suspension began get new ones, unless another holds them, and
 * none that goes beyond a task above.
 */
export function resume(model: Model, session: ModelSession, nowMs: number): void {
  const since = session.suspendedAtMs ?? nowMs
  session.suspendedAtMs = null
  for (const below of model.sessions) {
    const line = lineOf(below)
    if (!line.includes(session) || below.ended || below.leaseSeconds === null) continue
    if (line.some(({ suspendedAtMs }) => suspendedAtMs !== null)) continue
    const lease = nowMs + below.leaseSeconds * 1_000
    const renewed = below.parent === null ? lease : endOf(below.parent, lease)
    if (below.endsAtMs > since) below.endsAtMs = Math.max(below.endsAtMs, renewed)
  }
}

/** A service outlives no task that it runs under. */
export function endOf(parent: ModelSession, endsAtMs: number): number {
  const fixed = lineOf(parent).filter(({ leaseSeconds }) => leaseSeconds === null)
  return Math.min(endsAtMs, ...fixed.map((one) => one.endsAtMs))
}
