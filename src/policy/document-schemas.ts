import { isIP } from 'node:net'
import { z } from 'zod'
import { idPattern, type Id } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'

/** Ids, tiers and names that documents give: no colon, so that rule ids stay unambiguous. */
const slug = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be a short name such as business-hours')

const line = z
  .string()
  .min(1)
  .max(limits.nameChars)
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'must be one line of visible characters')

/** A text exactly, or everything that begins with what precedes a final `*`. */
const pattern = line
  .max(255)
  .regex(/^[^*]*\*?$/, 'may hold "*" only at its end, where it means "begins with"')

const text = z.string().min(1).max(limits.descriptionChars)

const applicationId = z
  .string()
  .regex(idPattern('application'), 'must be an application id')
  .transform((id) => id as Id<'application'>)

/** An application id or a key of `app_ids`. */
const applicationReference = line

const patterns = z.array(pattern).max(limits.scopesPerGrant)
const somePatterns = patterns.min(1)

const time = z
  .string()
  .regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/, 'must be a time of day from 00:00 to 23:59')

const timezone = line.refine(isTimezone, 'must be an IANA time zone such as Europe/Paris')

const cidr = line.refine(
  isCidr,
  'must be a network such as 10.0.0.0/8, or !10.0.0.0/8 for everywhere but there',
)

const days = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])

const when = z
  .strictObject({
    applications: z.array(applicationReference).min(1).max(limits.scopesPerGrant),
    labels: somePatterns,
    resources: somePatterns,
    scopes: somePatterns,
    subjects: somePatterns,
    days: z.array(days).min(1).max(7),
    between: z
      .tuple([time, time])
      .refine(
        ([start, end]) => start !== end,
        'must not start when it ends; leave it out for all day',
      ),
    timezone,
    source_cidrs: z.array(cidr).min(1).max(limits.scopesPerGrant),
    max_hops: z.int().min(0),
  })
  .partial()
  .refine((clauses) => clauses.timezone === undefined || Boolean(clauses.days ?? clauses.between), {
    path: ['timezone'],
    message: 'has no effect without days or between',
  })

const condition = z.strictObject({
  id: slug,
  effect: z.enum(['deny', 'approval']),
  when,
  reason: text,
})

const approvalTier = z.strictObject({
  tier: slug,
  approver: line,
  ttl_seconds: z
    .int()
    .min(1)
    .max(limits.planTtlMs / 1000),
  quorum: z.int().min(1).max(10).optional(),
})

const planRule = z
  .strictObject({
    id: slug,
    effect: z.enum(['deny', 'require_approval', 'allow']),
    count: z.int().min(1).max(10).optional(),
    when: z
      .strictObject({
        operations: somePatterns,
        effects: somePatterns,
        risks: z.array(z.enum(['low', 'medium', 'high', 'critical'])).min(1),
        zones: somePatterns,
      })
      .partial(),
    reason: text,
  })
  .refine((rule) => rule.count === undefined || rule.effect === 'require_approval', {
    path: ['count'],
    message: 'is for require_approval only',
  })

/** What each kind of document looks like, once parsed. Strict: an unknown key is a mistake. */
export const documentSchemas = {
  app_ids: z.record(
    slug.refine(
      (key) => !idPattern('application').test(key),
      'must not look like an application id',
    ),
    applicationId,
  ),
  grants: z.record(
    line.max(255),
    z.strictObject({
      application: applicationReference.optional(),
      roles: z.record(line, patterns),
    }),
  ),
  confinement: entries(z.strictObject({ label_prefix: line, scopes: patterns })),
  restrict: entries(line).transform((reasons) => [...new Set(reasons)].sort()),
  risk: entries(
    z.strictObject({
      scope: pattern,
      tier: slug.refine((tier) => tier !== 'none', 'must not be "none": leave the scope out'),
    }),
  ),
  approval_tiers: entries(approvalTier).superRefine(uniqueBy('tier')),
  conditions: entries(condition).superRefine(uniqueBy('id')),
  plan_rules: entries(planRule).superRefine(uniqueBy('id')),
} as const

export type DocumentKind = keyof typeof documentSchemas

/** The documents of a zone, all kinds present; what a policy set's policies merge to. */
export type Documents = {
  readonly [K in DocumentKind]: z.infer<(typeof documentSchemas)[K]>
}

/** What one policy defines: any of the kinds. */
export type DocumentSet = Partial<Documents>

export type Condition = Documents['conditions'][number]
export type PlanRule = Documents['plan_rules'][number]

export const documentKinds = Object.keys(documentSchemas) as readonly DocumentKind[]

export function isDocumentKind(name: string): name is DocumentKind {
  return Object.hasOwn(documentSchemas, name)
}

function entries<T extends z.ZodType>(entry: T): z.ZodArray<T> {
  return z.array(entry).max(limits.documentEntries)
}

function uniqueBy<K extends string>(key: K) {
  return (list: readonly Record<K, string>[], context: z.core.$RefinementCtx): void => {
    const seen = new Set<string>()
    list.forEach((entry, index) => {
      if (seen.has(entry[key])) {
        const message = `"${entry[key]}" is written twice`
        context.addIssue({ code: 'custom', path: [index, key], message })
      }
      seen.add(entry[key])
    })
  }
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

function isCidr(entry: string): boolean {
  const [address = '', bits = '', ...rest] = entry.replace(/^!/, '').split('/')
  const family = address.includes('%') ? 0 : isIP(address)
  if (family === 0 || rest.length > 0 || !/^(?:0|[1-9][0-9]{0,2})$/.test(bits)) return false
  return Number(bits) <= (family === 4 ? 32 : 128)
}
