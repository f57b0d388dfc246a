import { isIP } from 'node:net'
import type { Id, ZoneId } from '../kernel/ids.ts'
import type { Condition, Documents, PlanRule } from './document-schemas.ts'

/** The documents that the decision contract reads: all kinds but those about plans. */
export type DecisionDocuments = Omit<Documents, 'plan_rules'>

export type Day = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun'

export interface LocalTime {
  readonly day: Day
  /** Minutes since local midnight, 0 to 1439. */
  readonly minute: number
}

export interface DecisionGrant {
  readonly id: Id<'grant'>
  readonly scopes: readonly string[]
  /** The only user it counts for; null for the application itself and all of its users. */
  readonly user: string | null
  readonly expired: boolean
}

/** Everything that one decision depends on (policies/decision.rego). */
export interface DecisionInput {
  readonly zone: { readonly id: ZoneId; /** Has an active policy set. */ readonly active: boolean }
  readonly principal: {
    readonly application: Id<'application'>
    readonly kind: 'managed' | 'dcr'
    readonly labels: readonly string[]
    readonly archived: boolean
    readonly expired: boolean
    readonly user: string | null
  }
  /** Null: the zone has no such resource. */
  readonly resource: {
    readonly identifier: string
    readonly scopes: readonly string[]
    readonly archived: boolean
  } | null
  readonly scopes: readonly string[]
  /** This application's grants on this resource. */
  readonly grants: readonly DecisionGrant[]
  readonly documents: DecisionDocuments
  /** Tiers whose approval is released for this request. */
  readonly approved: readonly string[]
  readonly context: {
    readonly source_ip: string | null
    readonly hops: number
    readonly local: Readonly<Record<string, LocalTime>>
  }
}

export type Verdict = 'allow' | 'deny' | 'approval'

export interface ScopeDecision {
  readonly verdict: Verdict
  readonly reason: string
  /** Ids of what determined it, such as `grant:grt_...` or `condition:business-hours`. */
  readonly rules: readonly string[]
}

export interface Obligation {
  readonly tier: string
  readonly approver: string
  readonly ttl_seconds: number
  readonly quorum: number
  readonly scopes: readonly string[]
}

export interface Decision {
  readonly allow: boolean
  /** `ok`, or the first precise reason in the order of the gates. */
  readonly reason: string
  readonly scopes: Readonly<Record<string, ScopeDecision>>
  readonly missing: readonly string[]
  readonly rules: readonly string[]
  /** The highest tier among the requested scopes, or `none`. */
  readonly risk: string
  readonly obligations: readonly Obligation[]
}

export interface PlanApproval {
  readonly id: Id<'approval'>
  readonly digest: string
  readonly approver: string
  readonly approver_can_approve: boolean
  readonly expired: boolean
  readonly consumed: boolean
  readonly kind: 'person' | 'autopilot'
  /** Of an approval by autopilot: whether the switch and its person still stand behind it. */
  readonly autopilot?: { readonly switched_on: boolean; readonly opted_in: boolean }
}

/** A request for a mandate by one of the Operator's applications (policies/operator.rego). */
export interface MandateInput {
  /** `operator`, `operator-executor`, or whatever else asked. */
  readonly client: string
  readonly use: 'read' | 'plan'
  /** Null: the platform. */
  readonly zone: {
    readonly id: ZoneId
    readonly system: boolean
    readonly archived: boolean
  } | null
  readonly requester: {
    readonly id: string
    readonly kind: 'person' | 'automation'
    readonly capabilities: readonly string[]
    readonly scopes: readonly string[]
    readonly global: boolean
  }
  readonly operator_grants: readonly string[]
  readonly requested: readonly string[]
  readonly read_scopes: readonly string[]
  readonly plan: {
    readonly id: Id<'plan'>
    readonly state: string
    readonly digest: string
    readonly expired: boolean
    readonly requester: string
    readonly zone: ZoneId | null
    readonly write_scopes: readonly string[]
    readonly approvals: readonly PlanApproval[]
    readonly approvals_required: number
    readonly risk: Risk
    /** Count of access tuples that its preview gains. */
    readonly gained: number
    /** The requester's own approval does not count; false when absent. */
    readonly second_person?: boolean
  } | null
}

export interface MandateDecision {
  readonly allow: boolean
  readonly reason: string
  readonly scopes: readonly string[]
}

export type Risk = 'low' | 'medium' | 'high' | 'critical'

/** A previewed plan (policies/operator.rego). */
export interface PlanInput {
  readonly steps: readonly {
    readonly operation: string
    readonly effect: string
    readonly risk: Risk
    readonly reversible: boolean
    /** Id or slug; null: the zone of the plan. */
    readonly zone: string | null
  }[]
  readonly risk: Risk
  readonly zone: { readonly id: ZoneId; readonly slug: string; readonly system: boolean } | null
  readonly requester: { readonly id: string; readonly kind: 'person' | 'automation' }
  /** Counts of access tuples that the outcome gains, loses and newly gates. */
  readonly access: { readonly gained: number; readonly lost: number; readonly newly_gated: number }
  /** Other than the requester. */
  readonly persons_who_can_approve: number
  readonly rules: readonly PlanRule[]
}

export interface PlanDecision {
  readonly decision: 'deny' | 'require_approval' | 'allow'
  readonly approvals: number
  readonly second_person: boolean
  readonly break_glass: boolean
  readonly reason: string
  readonly rules: readonly string[]
}

/** What of the documents can matter to one request. */
export interface DocumentSlice {
  readonly application: Id<'application'>
  /** Those that the contract goes by: {@link labelsOf}. */
  readonly labels: readonly string[]
  /** Null: the application acts for itself. */
  readonly user: string | null
  /** Null: unknown. */
  readonly resource: string | null
  readonly scopes: readonly string[]
}

/** The labels that an administrator gave, and the one that the kind of application implies. */
export function labelsOf(principal: {
  readonly kind: string
  readonly labels: readonly string[]
}): readonly string[] {
  return [...principal.labels, `kind:${principal.kind}`]
}

/**
 * The documents with only those entries that can match: marshalling them is the cost of a decision,
 * and those that may be large name what they are about. The decision is the same (tested).
 */
export function sliceDocuments(documents: Documents, slice: DocumentSlice): DecisionDocuments {
  const { application, resource, scopes } = slice
  const { app_ids, grants, confinement, restrict, risk, approval_tiers, conditions } = documents
  const entry = resource !== null && Object.hasOwn(grants, resource) ? grants[resource] : undefined
  const named = Object.entries(app_ids).filter(([, id]) => id === application)
  return {
    app_ids: Object.fromEntries(named),
    grants: resource === null || entry === undefined ? {} : { [resource]: entry },
    confinement: confinement.filter(({ label_prefix: prefix }) =>
      slice.labels.some((label) => label.startsWith(prefix)),
    ),
    restrict,
    risk: risk.filter((item) => scopes.some((scope) => matchesPattern(item.scope, scope))),
    approval_tiers,
    conditions: conditions.filter(({ when }) => canApply(when, slice, named)),
  }
}

/** Whether the clauses that name objects leave it open that a condition applies. */
function canApply(
  when: Condition['when'],
  { application, labels, user, resource, scopes }: DocumentSlice,
  named: readonly (readonly [string, string])[],
): boolean {
  const about = (patterns: readonly string[] | undefined, names: readonly string[]): boolean =>
    patterns === undefined ||
    patterns.some((pattern) => names.some((name) => matchesPattern(pattern, name)))
  const references = [application, ...named.map(([key]) => key)]
  return (
    about(when.resources, resource === null ? [] : [resource]) &&
    about(when.scopes, scopes) &&
    about(when.labels, labels) &&
    about(when.subjects, user === null ? [] : [user]) &&
    (when.applications?.some((reference) => references.includes(reference)) ?? true)
  )
}

/** The contract's patterns: exact, or a prefix before a final `*`. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (pattern === text) return true
  return pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1))
}

/**
 * The local day and minute in each time zone that a condition asks for. One that the platform does
 * not know is left out, which makes the conditions that need it apply.
 */
export function localTimes(
  conditions: readonly Condition[],
  nowMs: number,
): Record<string, LocalTime> {
  const times = new Map<string, LocalTime>()
  for (const { when } of conditions) {
    if (when.days === undefined && when.between === undefined) continue
    const timezone = when.timezone ?? 'UTC'
    const time = times.get(timezone) ?? localTime(timezone, nowMs)
    if (time !== null) times.set(timezone, time)
  }
  return Object.fromEntries(times)
}

interface Clockface {
  readonly format: Intl.DateTimeFormat
  /** Local time is constant within a minute of Unix time, so the last answer is kept. */
  minuteOfEpoch: number
  time: LocalTime
}

const clockfaces = new Map<string, Clockface>()
const clockfacesMax = 512

function localTime(timezone: string, nowMs: number): LocalTime | null {
  const minuteOfEpoch = Math.floor(nowMs / 60_000)
  const known = clockfaces.get(timezone)
  if (known?.minuteOfEpoch === minuteOfEpoch) return known.time
  const format = known?.format ?? clockFormat(timezone)
  if (format === null) return null
  const time = readClock(format, nowMs)
  if (clockfaces.size >= clockfacesMax) clockfaces.clear()
  clockfaces.set(timezone, { format, minuteOfEpoch, time })
  return time
}

function clockFormat(timezone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  } catch {
    return null
  }
}

function readClock(format: Intl.DateTimeFormat, nowMs: number): LocalTime {
  const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]))
  const day = (parts.get('weekday') ?? '').toLowerCase() as Day
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) }
}

/**
 * The address of a peer in the form that conditions compare: IPv4 in its own form even when it came
 * over an IPv6 socket, without a zone index. Null where there is no address that can be compared.
 */
export function sourceAddress(peer: string | undefined): string | null {
  const address = (peer ?? '').replace(/%.*$/, '').toLowerCase()
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  if (isIP(mapped) === 4) return mapped
  return isIP(address) === 6 ? address : null
}
