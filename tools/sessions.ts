import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import { name, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

const instant = z.iso.datetime()

const session = z.object({
  id: ref('session'),
  zone_id: ref('zone'),
  kind: z.enum(['subject', 'agent']),
  application_id: ref('application'),
  subject: z.string().meta({ description: 'For whom it runs: a user, or the application itself' }),
  sub_type: z.enum(['application', 'user']),
  issuer_id: z.string().nullable(),
  parent_id: ref('session').nullable(),
  root_id: ref('session'),
  name: z.string().nullable(),
  lifecycle: z.enum(['task', 'service']).nullable(),
  state: z
    .enum(['active', 'suspended', 'terminated', 'expired'])
    .meta({ description: 'Of the session by itself; it acts only while all above it are active' }),
  lease_seconds: z.int().nullable(),
  heartbeat_at: instant.nullable(),
  created_at: instant,
  expires_at: instant.nullable().meta({ description: 'When it ends by itself' }),
  ended_at: instant.nullable(),
  end_reason: z.string().nullable(),
})

const all = '/v1/zones/:zone_id/sessions'
const one = `${all}/:session_id`
const target = { session_id: ref('session') }

export const sessions = [
  operation({
    id: 'sessions.list',
    summary: 'List the sessions of the zone, newest first',
    effect: 'read',
    input: z.strictObject({
      ...page,
      state: session.shape.state.optional(),
      kind: session.shape.kind.optional(),
      application_id: ref('application').optional(),
      subject: z.string().min(1).max(255).optional(),
    }),
    output: pageOf(session),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'sessions.start',
    summary: 'Start an agent session below the session that calls',
    effect: 'act',
    callers: 'agents',
    versioned: false,
    input: z.strictObject({
      name: name.optional(),
      lifecycle: z.enum(['task', 'service']).default('task').meta({
        description: 'A task ends with its ttl; a service lives while its heartbeats come',
      }),
      ttl_seconds: z.int().min(1).max(limits.taskTtlSeconds).optional().meta({
        description: 'Of a task; an hour when absent',
      }),
      lease_seconds: z.int().min(5).max(limits.leaseSeconds).optional().meta({
        description: 'Of a service: how long it outlives its last heartbeat; a minute when absent',
      }),
    }),
    output: session,
    route: ['POST', all, 201],
  }),
  operation({
    id: 'sessions.get',
    summary: 'Read one session',
    effect: 'read',
    callers: 'both',
    input: z.strictObject(target),
    output: session,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'sessions.heartbeat',
    summary: 'Renew the lease of a service',
    effect: 'act',
    callers: 'agents',
    versioned: false,
    input: z.strictObject(target),
    output: session,
    route: ['POST', `${one}/heartbeat`, 200],
  }),
  operation({
    id: 'sessions.suspend',
    summary: 'Suspend a session: it and all below it are refused until it is resumed',
    effect: 'act',
    risk: 'medium',
    versioned: false,
    input: z.strictObject(target),
    output: session,
    route: ['POST', `${one}/suspend`, 200],
  }),
  operation({
    id: 'sessions.resume',
    summary: 'Resume a suspended session and all that it held',
    effect: 'act',
    risk: 'medium',
    versioned: false,
    input: z.strictObject(target),
    output: session,
    route: ['POST', `${one}/resume`, 200],
  }),
  operation({
    id: 'sessions.terminate',
    summary: 'End a session and all sessions and delegations below it, for good',
    effect: 'act',
    risk: 'high',
    callers: 'both',
    versioned: false,
    input: z.strictObject(target),
    output: session,
    route: ['POST', `${one}/terminate`, 200],
  }),
] as const
