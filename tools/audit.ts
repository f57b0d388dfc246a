import { z } from 'zod'
import { page, pageOf, timestamp } from './fields.ts'
import { operation } from './operation.ts'

export const auditEvent = z.object({
  id: z.string(),
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
  diagnostics: z.record(z.string(), z.unknown()),
})

const filters = {
  from: timestamp.optional().meta({ description: 'Events at or after this time' }),
  to: timestamp.optional().meta({ description: 'Events before this time' }),
  type: z.string().max(80).optional(),
  outcome: z.enum(['allow', 'deny', 'applied', 'refused', 'failed']).optional(),
  actor: z.string().max(80).optional().meta({ description: 'Id of the acting principal' }),
  application_id: z.string().max(80).optional(),
  session_id: z.string().max(80).optional(),
  request_id: z.string().max(80).optional(),
  plan_id: z.string().max(80).optional(),
}

export const audit = [
  operation({
    id: 'audit.list',
    summary: 'Search the audit log of the zone, newest first',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({ ...page, ...filters }),
    output: pageOf(auditEvent),
    route: ['GET', '/v1/zones/:zone_id/audit', 200],
  }),
  operation({
    id: 'audit.by_request',
    summary: 'Show the events of one request in order',
    effect: 'read',
    capability: 'audit',
    input: z.strictObject({ request_id: z.string().max(80) }),
    output: z.object({ items: z.array(auditEvent) }),
    route: ['GET', '/v1/zones/:zone_id/audit/by-request/:request_id', 200],
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
    route: ['GET', '/v1/zones/:zone_id/audit/by-request/:request_id/explain', 200],
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
] as const
