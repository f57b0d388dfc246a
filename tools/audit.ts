import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { page, pageOf, ref, timestamp } from './fields.ts'
import { operation } from './operation.ts'

export const auditEvent = z.object({
  id: z.string(),
  sequence: z.int().nullable().meta({
    description: 'Place in the log of the zone, from 0; null for the moment before it has one',
  }),
  zone_id: z.string(),
  time: z.iso.datetime(),
  type: z.string(),
  outcome: z.enum(['allow', 'deny', 'applied', 'refused', 'failed']),
  actor: z.object({ kind: z.string(), id: z.string(), name: z.string() }),
  on_behalf_of: z.object({ id: z.string(), name: z.string() }).nullable(),
  request_id: z.string(),
  trace_id: z.string().nullable(),
  application_id: z.string().nullable(),
  plan_id: z.string().nullable(),
  approval_ids: z.array(z.string()),
  mandate_jti: z.string().nullable(),
  session_id: z.string().nullable(),
  policy_set_version_id: z.string().nullable(),
  reason: z.string().nullable(),
  rules: z.array(z.string()),
  target: z.object({ kind: z.string(), id: z.string(), name: z.string().nullable() }).nullable(),
  before_digest: z.string().nullable(),
  after_digest: z.string().nullable(),
  facts_digest: z.string().nullable(),
  diagnostics: z.record(z.string(), z.unknown()),
})

/** A node of the tree: SHA-256 in base64. */
const hash = z.string()

const size = z
  .int()
  .min(1)
  .max(Number.MAX_SAFE_INTEGER)
  .meta({ description: 'Events in the log; the newest checkpoint when absent' })

const checkpoint = z.object({
  origin: z.string(),
  size: z.int(),
  root_hash: hash,
  note: z
    .string()
    .meta({ description: 'The signed note (C2SP tlog-checkpoint), cosignatures too' }),
  verifier_key: z
    .string()
    .meta({ description: 'Public key of the log, as C2SP signed-note has it' }),
  created_at: z.iso.datetime(),
})

const all = '/v1/zones/:zone_id/audit'

const fieldFilters = {
  type: z.string().max(80).optional(),
  outcome: z.enum(['allow', 'deny', 'applied', 'refused', 'failed']).optional(),
  actor: z.string().max(80).optional().meta({ description: 'Id of the acting principal' }),
  application_id: z.string().max(80).optional(),
  session_id: z.string().max(80).optional(),
  request_id: z.string().max(80).optional(),
  plan_id: z.string().max(80).optional(),
}

const filters = {
  from: timestamp.optional().meta({ description: 'Events at or after this time' }),
  to: timestamp.optional().meta({ description: 'Events before this time' }),
  ...fieldFilters,
}

export const audit = [
  operation({
    id: 'audit.list',
    summary: 'Search the audit log of the zone, newest first',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({ ...page, ...filters }),
    output: pageOf(auditEvent),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'audit.by_request',
    summary: 'Show the events of one request in order',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({ request_id: z.string().max(80) }),
    output: z.object({ items: z.array(auditEvent) }),
    route: ['GET', `${all}/by-request/:request_id`, 200],
  }),
  operation({
    id: 'audit.explain',
    summary:
      'Explain a recorded decision: what decided it and the smallest change that would allow it',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({ request_id: z.string().max(80) }),
    output: z.object({
      event: auditEvent,
      explanation: z.string(),
      smallest_change: z.string().nullable(),
    }),
    route: ['GET', `${all}/by-request/:request_id/explain`, 200],
  }),
  operation({
    id: 'audit.platform',
    summary: 'Search the audit log of the platform: zones, administrators, the Operator itself',
    effect: 'read',
    capability: 'audit',
    place: 'platform',
    input: z.strictObject({ ...page, ...filters }),
    output: pageOf(auditEvent),
    route: ['GET', '/v1/audit', 200],
  }),
  operation({
    id: 'audit.checkpoint',
    summary: 'Read a signed checkpoint of the log of the zone, the newest one by default',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({ size: size.optional() }),
    output: checkpoint,
    route: ['GET', `${all}/checkpoint`, 200],
  }),
  operation({
    id: 'audit.proof',
    summary: 'Prove that an event is in the log of the zone (RFC 6962)',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({ event_id: ref('event'), size: size.optional() }),
    output: z.object({
      event_id: ref('event'),
      sequence: z.int(),
      entry: z.string().meta({ description: 'The text that the log hashes' }),
      leaf_hash: hash,
      hashes: z.array(hash),
      checkpoint,
    }),
    route: ['GET', `${all}/events/:event_id/proof`, 200],
  }),
  operation({
    id: 'audit.consistency',
    summary: 'Prove that the log of one size begins with the log of a smaller one (RFC 6962)',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({ from: size, to: size.optional() }),
    output: z.object({ from: z.int(), hashes: z.array(hash), checkpoint }),
    route: ['GET', `${all}/consistency`, 200],
  }),
  operation({
    id: 'audit.entries',
    summary: 'Read entries of the log of the zone as they are hashed, in order',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({
      from: z.int().min(0).default(0).meta({ description: 'Place of the first entry' }),
      limit: z.int().min(1).max(limits.auditEntriesRead).default(limits.auditEntriesRead),
    }),
    output: z.object({
      items: z.array(z.object({ sequence: z.int(), entry: z.string() })),
      size: z.int().meta({ description: 'Entries in the log' }),
      pruned: z.int().meta({ description: 'Entries whose text retention has removed: the first' }),
    }),
    route: ['GET', `${all}/entries`, 200],
  }),
  operation({
    id: 'audit.verify',
    summary:
      'Hash the log of the zone again, on the server, and name the first event that is wrong',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({}),
    output: z.object({
      verified: z.boolean(),
      size: z.int(),
      pruned: z.int(),
      root: hash.nullable(),
      findings: z.array(
        z.object({ kind: z.string(), sequence: z.int().nullable(), message: z.string() }),
      ),
    }),
    route: ['GET', `${all}/verify`, 200],
  }),
  operation({
    id: 'audit.export',
    summary: 'Export the events of the zone as JSON lines or CSV, in the order of the log',
    effect: 'read',
    capability: 'audit',
    streams: 'file',
    input: z.strictObject({ format: z.enum(['jsonl', 'csv']).default('jsonl'), ...filters }),
    output: z.object({ until: z.int().meta({ description: 'Place after the last entry' }) }),
    route: ['GET', `${all}/export`, 200],
  }),
  operation({
    id: 'audit.follow',
    summary: 'Follow the log of the zone: events as they get their places, as server-sent events',
    effect: 'read',
    capability: 'audit',
    streams: 'events',
    input: z.strictObject({
      after: z.int().min(-1).optional().meta({
        description: 'Place of the last event seen; Last-Event-ID wins; absent: from now on',
      }),
      ...fieldFilters,
    }),
    output: z.object({ after: z.int() }),
    route: ['GET', `${all}/feed`, 200],
  }),
] as const
