import { z } from 'zod'
import { limits } from '../src/kernel/limits.ts'
import {
  description,
  digest,
  governed,
  includeArchived,
  name,
  nothing,
  page,
  pageOf,
  ref,
} from './fields.ts'
import { operation } from './operation.ts'

export const language = z.enum(['json', 'yaml', 'rego']).meta({
  description: 'JSON, YAML, or Rego: a data document, or custom Rego that only denies or gates',
})

export const source = z
  .string()
  .min(1)
  .max(limits.documentBytes)
  .meta({ description: 'The document' })

const policyVersion = z.object({
  id: ref('policyVersion'),
  policy_id: ref('policy'),
  number: z.int(),
  language,
  source: z.string(),
  documents: z.record(z.string(), z.unknown()),
  digest,
  created_at: z.iso.datetime(),
})

export const policy = z.object({
  ...governed('policy'),
  name: z.string(),
  description: z.string(),
  latest_version: policyVersion,
})

const all = '/v1/zones/:zone_id/policies'
const one = `${all}/:policy_id`
const target = { policy_id: ref('policy') }

const parsed = z.object({
  documents: z.record(z.string(), z.unknown()).meta({ description: 'Value by document kind' }),
  digest,
})

export const policies = [
  operation({
    id: 'policies.validate',
    summary: 'Check a policy document without storing it; errors give line and column',
    effect: 'read',
    place: 'anywhere',
    input: z.strictObject({ language, source }),
    output: parsed,
    route: ['POST', '/v1/policies/validate', 200],
  }),
  operation({
    id: 'policies.templates',
    summary: 'List the policy templates that come with Caracal',
    effect: 'read',
    place: 'anywhere',
    input: z.strictObject({}),
    output: z.object({
      items: z.array(
        z.object({
          id: z.string(),
          title: z.string(),
          description: z.string(),
          language,
          source: z.string(),
        }),
      ),
    }),
    route: ['GET', '/v1/policy-templates', 200],
  }),
  operation({
    id: 'policies.list',
    summary: 'List the policies of the zone, each with its latest version',
    effect: 'read',
    input: z.strictObject({ ...page, include_archived: includeArchived }),
    output: pageOf(policy),
    route: ['GET', all, 200],
  }),
  operation({
    id: 'policies.create',
    summary:
      'Create a policy with its first version; it decides nothing until a set with it is active',
    effect: 'create',
    input: z.strictObject({ name, description: description.default(''), language, source }),
    output: policy,
    route: ['POST', all, 201],
    inverse: 'policies.delete',
  }),
  operation({
    id: 'policies.get',
    summary: 'Read one policy with its latest version',
    effect: 'read',
    input: z.strictObject(target),
    output: policy,
    route: ['GET', one, 200],
  }),
  operation({
    id: 'policies.add_version',
    summary: 'Add an immutable version to a policy',
    effect: 'create',
    input: z.strictObject({ ...target, language, source }),
    output: policyVersion,
    route: ['POST', `${one}/versions`, 201],
    inverse: 'policies.add_version',
  }),
  operation({
    id: 'policies.delete',
    summary: 'Archive a policy that no active policy set uses',
    effect: 'delete',
    risk: 'medium',
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
] as const
