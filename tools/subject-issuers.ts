import { z } from 'zod'
import { governed, includeArchived, name, nothing, page, pageOf, ref } from './fields.ts'
import { operation } from './operation.ts'

/** Signature algorithms of id_tokens that can be allowed; every one is asymmetric (RFC 8725 3.1). */
const idTokenAlgorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
] as const

/** OpenID Connect Discovery 1.0 section 3: https, with neither query nor fragment. */
const issuerUrl = z
  .url({ protocol: /^https$/ })
  .max(1_024)
  .refine((text) => !/[?#@]/.test(text), 'must have no query, no fragment and no user')
  .meta({ description: 'The issuer, exactly as its id_tokens say it in iss' })

const jwksUrl = z
  .url({ protocol: /^https$/ })
  .max(2_048)
  .refine((text) => !/[#@]/.test(text), 'must have no fragment and no user')
  .meta({ description: 'Where its keys are; null: as its discovery document says' })

const audience = z
  .string()
  .regex(/^[\u0021-\u007e]{1,255}$/, 'must be the client id that the issuer has given')
  .meta({ description: 'What aud must be: the client id that this zone has at the issuer' })

const algorithms = z
  .array(z.enum(idTokenAlgorithms))
  .min(1)
  .max(idTokenAlgorithms.length)
  .refine((list) => new Set(list).size === list.length, 'must not repeat an algorithm')
  .meta({ description: 'Signature algorithms that its id_tokens may have' })

const claimName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'must be the name of a claim')

const claims = z
  .strictObject({
    subject: claimName
      .default('sub')
      .meta({ description: 'The claim that says who a user is; it must never change its owner' }),
    name: claimName.default('name').meta({ description: 'The claim that people read; no more' }),
  })
  .meta({ description: 'Which claims of an id_token say who a user is' })

const signIn = z
  .boolean()
  .meta({ description: 'Whether people sign in with it at the authorization endpoint' })

const subjectIssuer = z.object({
  ...governed('subjectIssuer'),
  name: z.string(),
  issuer: z.string(),
  jwks_url: z.string().nullable(),
  audience: z.string(),
  algorithms: z.array(z.string()),
  claims: z.object({ subject: z.string(), name: z.string() }),
  sign_in: z.boolean(),
  has_secret: z.boolean(),
})

const all = '/v1/zones/:zone_id/subject-issuers'
const one = `${all}/:subject_issuer_id`
const target = { subject_issuer_id: ref('subjectIssuer') }

/**
 * Whoever holds the keys of a subject issuer can be every user of the zone: it is a root of trust,
 * like an admin token. An owner sets it by hand, so none of these is a step of a plan.
 */
const byHand = { capability: 'owner', risk: 'critical', plannable: false } as const

export const subjectIssuers = [
  operation({
    id: 'subject_issuers.list',
    summary: 'List the subject issuers of the zone: whose id_tokens it believes about users',
    effect: 'read',
    input: z.strictObject({ ...page, include_archived: includeArchived }),
    output: pageOf(subjectIssuer),
    route: ['GET', all, 200],
  }),
  operation({
    ...byHand,
    id: 'subject_issuers.create',
    summary: 'Trust an OpenID provider to say who the users of the zone are',
    effect: 'create',
    input: z.strictObject({
      name,
      issuer: issuerUrl,
      jwks_url: jwksUrl.nullable().default(null),
      audience,
      algorithms: algorithms.default(['RS256', 'ES256']),
      claims: claims.default({ subject: 'sub', name: 'name' }),
      sign_in: signIn.default(false),
    }),
    output: subjectIssuer,
    route: ['POST', all, 201],
  }),
  operation({
    id: 'subject_issuers.get',
    summary: 'Read one subject issuer, without its client secret',
    effect: 'read',
    input: z.strictObject(target),
    output: subjectIssuer,
    route: ['GET', one, 200],
  }),
  operation({
    ...byHand,
    id: 'subject_issuers.patch',
    summary: 'Change a subject issuer; who it is and which claim names a user stay as they are',
    effect: 'update',
    input: z.strictObject({
      ...target,
      name: name.optional(),
      jwks_url: jwksUrl.nullable().optional(),
      audience: audience.optional(),
      algorithms: algorithms.optional(),
      sign_in: signIn.optional(),
    }),
    output: subjectIssuer,
    route: ['PATCH', one, 200],
  }),
  operation({
    ...byHand,
    id: 'subject_issuers.set_secret',
    summary: 'Store the client secret that this zone has at a subject issuer, sealed',
    effect: 'update',
    input: z.strictObject({
      ...target,
      secret: z.string().min(1).max(4_096).meta({ secret: true, description: 'The secret' }),
    }),
    output: subjectIssuer,
    route: ['POST', `${one}/secret`, 200],
  }),
  operation({
    ...byHand,
    id: 'subject_issuers.delete',
    summary: 'Archive a subject issuer: nobody signs in with it any more',
    effect: 'delete',
    input: z.strictObject(target),
    output: nothing,
    route: ['DELETE', one, 204],
  }),
] as const
