import { sha256Hex } from '../kernel/canonical.ts'
import { newId, type ZoneId } from '../kernel/ids.ts'
import type { AuditEvent } from './event.ts'

/** The most bytes that an entry has: an entry bundle counts them in 16 bits (C2SP tlog-tiles). */
const entryBytesMax = 65_535

/** An event as it is kept: its entry is the very text that the log hashes. */
export interface Entry {
  readonly id: string
  readonly zone: ZoneId
  /** JSON, at most {@link entryBytesMax} bytes of UTF-8. */
  readonly text: string
  /** JSON of what a decision was made on; the entry has its digest. */
  readonly facts: string | null
}

/** Gives an event its id and time and puts it into words. */
export function entryOf(event: AuditEvent, nowMs: number): Entry {
  const id = newId('event', nowMs)
  const facts = 'facts' in event && event.facts !== undefined ? jsonOf(event.facts) : null
  const fields = fieldsOf(event, id, nowMs, facts)
  const text = jsonOf(fields)
  if (Buffer.byteLength(text) <= entryBytesMax) return { id, zone: event.zone, text, facts }
  return { id, zone: event.zone, text: jsonOf(shortened(fields)), facts }
}

/** In the words of the API (tools/audit.ts). */
function fieldsOf(event: AuditEvent, id: string, nowMs: number, facts: string | null) {
  const { policySetVersionId = null, rules = [] } = event as Partial<
    Extract<AuditEvent, { rules?: unknown }>
  >
  const { beforeDigest = null, afterDigest = null } = event as Partial<
    Extract<AuditEvent, { beforeDigest?: unknown }>
  >
  return {
    id,
    zone_id: event.zone,
    time: new Date(nowMs).toISOString(),
    type: event.type,
    outcome: event.outcome,
    actor: event.actor,
    on_behalf_of: event.onBehalfOf ?? null,
    request_id: event.requestId,
    trace_id: event.traceId ?? null,
    application_id: event.applicationId ?? null,
    session_id: event.sessionId ?? null,
    plan_id: event.planId ?? null,
    approval_ids: event.approvalIds ?? [],
    mandate_jti: event.mandateJti ?? null,
    policy_set_version_id: policySetVersionId,
    reason: event.reason ?? null,
    rules,
    target: event.target ?? null,
    before_digest: beforeDigest,
    after_digest: afterDigest,
    facts_digest: facts === null ? null : digestOfText(facts),
    diagnostics: event.diagnostics ?? {},
  }
}

function digestOfText(text: string): string {
  return `sha256:${sha256Hex(text)}`
}

/** Lists are all that can grow; their digest stays. */
function shortened(fields: ReturnType<typeof fieldsOf>) {
  const { rules, diagnostics } = fields
  const text = jsonOf({ rules, diagnostics })
  return {
    ...fields,
    rules: [],
    diagnostics: { omitted_bytes: Buffer.byteLength(text), omitted_digest: digestOfText(text) },
  }
}

/** JSON that PostgreSQL can take apart: it has no NUL and no half of a surrogate pair. */
function jsonOf(value: unknown): string {
  const text = JSON.stringify(value)
  return /\\u(?:0000|d[89a-f])/.test(text) ? JSON.stringify(value, withoutUnstorable) : text
}

function withoutUnstorable(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return storable(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [storable(key), one]))
}

function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\ufffd')
}
