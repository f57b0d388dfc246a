import { z } from 'zod'
import { page, pageOf, ref, userId } from './fields.ts'
import { operation } from './operation.ts'

const subject = z.object({
  id: ref('subject'),
  zone_id: ref('zone'),
  user_id: z.string().meta({ description: 'What grants are bound to' }),
  issuer_id: ref('subjectIssuer')
    .nullable()
    .meta({ description: 'Who vouches for the user; null: a person of this installation' }),
  name: z.string(),
  first_seen_at: z.iso.datetime(),
  last_seen_at: z.iso.datetime(),
  revoked_at: z.iso.datetime().nullable(),
  live_sessions: z.int(),
})

const all = '/v1/zones/:zone_id/subjects'

export const subjects = [
  operation({
    id: 'subjects.list',
    summary: 'List the users that the zone has seen, with how many live sessions each has',
    effect: 'read',
    input: z.strictObject({ ...page, user_id: userId.optional() }),
    output: pageOf(subject),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'subjects.revoke',
    summary: 'End every session and mandate of a user at once; signing in anew is not barred',
    effect: 'act',
    risk: 'high',
    versioned: false,
    input: z.strictObject({ user_id: userId }),
    output: subject.extend({
      ended_sessions: z.int().meta({ description: 'With those of agents below them' }),
      ended_delegations: z.int(),
    }),
    route: ['POST', `${all}/revoke`, 200],
  }),
] as const
