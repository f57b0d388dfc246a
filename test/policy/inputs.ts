import fc from 'fast-check'
import type { Id, ZoneId } from '../../src/kernel/ids.ts'
import { emptyDocuments } from '../../src/policy/bundle.ts'
import type { Documents } from '../../src/policy/document-schemas.ts'
import type { DecisionGrant, DecisionInput } from '../../src/policy/input.ts'

export const billing = 'app_01jd3x5t9kf0r8v2m7qw4y6z1a' as Id<'application'>
export const reports = 'app_01jd3x5t9kf0r8v2m7qw4y6z1b' as Id<'application'>

/** A request that is allowed by one grant; what tests vary. */
export const allowedInput: DecisionInput = {
  zone: { id: 'zone_01jd3x5t9kf0r8v2m7qw4y6z1c' as ZoneId, active: true },
  principal: {
    application: billing,
    kind: 'managed',
    labels: ['team:billing'],
    archived: false,
    expired: false,
    user: null,
  },
  resource: {
    identifier: 'invoices',
    scopes: ['invoices:read', 'invoices:write'],
    archived: false,
  },
  scopes: ['invoices:read'],
  grants: [grant(1, ['invoices:read'])],
  documents: emptyDocuments,
  approved: [],
  context: { source_ip: '10.1.2.3', hops: 0, local: {} },
}

export function grant(serial: number, scopes: readonly string[]): DecisionGrant {
  const id = `grt_01jd3x5t9kf0r8v2m7qw4y6z${serial}d` as Id<'grant'>
  return { id, scopes, user: null, expired: false }
}

// A small world, so that random requests and documents often meet.
const scopeNames = ['a:read', 'a:write', 'b:read', 'c'] as const
const labelNames = ['team:x', 'team:y', 'reader', 'kind:dcr'] as const
const resourceNames = ['a', 'b'] as const
const userNames = ['ada', 'eve'] as const
const tierNames = ['low', 'high', 'sox'] as const

const scope = fc.constantFrom(...scopeNames)
const label = fc.constantFrom(...labelNames)
const pattern = fc.constantFrom(...scopeNames, 'a:*', 'b:*', '*')
const patterns = fc.uniqueArray(pattern, { maxLength: 3 })
const application = fc.constantFrom('billing', 'reports', billing, reports)
const timezone = fc.constantFrom('UTC', 'Asia/Tokyo', 'America/New_York')
const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const day = fc.constantFrom(...dayNames)
const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'))

const windowOfDay = fc.tuple(time, time).filter(([start, end]) => start !== end)

const clauseNames = [
  'applications',
  'labels',
  'resources',
  'scopes',
  'subjects',
  'days',
  'between',
  'source_cidrs',
  'max_hops',
] as const

const clauses = fc.record({
  applications: fc.uniqueArray(application, { minLength: 1, maxLength: 2 }),
  labels: fc.uniqueArray(fc.constantFrom(...labelNames, 'team:*'), { minLength: 1, maxLength: 2 }),
  resources: fc.uniqueArray(fc.constantFrom(...resourceNames, '*'), { minLength: 1 }),
  scopes: fc.uniqueArray(pattern, { minLength: 1, maxLength: 2 }),
  subjects: fc.uniqueArray(fc.constantFrom(...userNames, '*'), { minLength: 1 }),
  days: fc.uniqueArray(day, { minLength: 1 }),
  between: windowOfDay,
  source_cidrs: fc.uniqueArray(
    fc.constantFrom('10.0.0.0/8', '192.168.0.0/16', '!10.1.0.0/16', '2001:db8::/32'),
    { minLength: 1, maxLength: 2 },
  ),
  max_hops: fc.integer({ min: 0, max: 3 }),
})

/** At most two clauses: with more, a random condition hardly ever applies. */
const when: fc.Arbitrary<Documents['conditions'][number]['when']> = fc
  .tuple(clauses, fc.subarray([...clauseNames], { maxLength: 2 }))
  .map(([all, chosen]) => pick(all, chosen))

function pick<T extends object>(whole: T, keys: readonly (keyof T)[]): Partial<T> {
  const part: Partial<T> = {}
  for (const key of keys) part[key] = whole[key]
  return part
}

const restriction = fc.constantFrom('incident', 'audit "1"', 'back\\slash')

export const condition = fc.record({
  id: fc.constantFrom('one', 'two', 'three', 'four'),
  effect: fc.constantFrom('deny' as const, 'approval' as const),
  when: fc
    .tuple(when, timezone)
    .map(([chosen, zone]) =>
      chosen.days === undefined && chosen.between === undefined
        ? chosen
        : { ...chosen, timezone: zone },
    ),
  reason: fc.string({ minLength: 1, maxLength: 12 }),
})

export const confinement = fc.record({
  label_prefix: fc.constantFrom('team:', 'team:x', 'read', 'kind:'),
  scopes: patterns,
})

const planRule = fc.record({
  id: fc.constantFrom('one', 'two'),
  effect: fc.constantFrom('deny' as const, 'allow' as const),
  when: fc.record({ operations: fc.constant<string[]>(['grants.*']) }, { requiredKeys: [] }),
  reason: fc.constant('because'),
})

export const documents: fc.Arbitrary<Documents> = fc.record({
  app_ids: fc.constant({ billing, reports }),
  grants: fc.dictionary(
    fc.constantFrom(...resourceNames),
    fc.record(
      { application, roles: fc.dictionary(label, patterns, { noNullPrototype: true }) },
      { requiredKeys: ['roles'] },
    ),
    { noNullPrototype: true },
  ),
  confinement: fc.array(confinement, { maxLength: 2 }),
  restrict: fc.oneof(
    { weight: 19, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: restriction.map((reason) => [reason]) },
  ),
  risk: fc.array(fc.record({ scope: pattern, tier: fc.constantFrom(...tierNames) }), {
    maxLength: 3,
  }),
  approval_tiers: fc.uniqueArray(
    fc.record({
      tier: fc.constantFrom(...tierNames),
      approver: fc.constantFrom('approve', 'finance'),
      ttl_seconds: fc.integer({ min: 1, max: 600 }),
    }),
    { selector: ({ tier }) => tier, maxLength: 2 },
  ),
  conditions: fc.uniqueArray(condition, { selector: ({ id }) => id, maxLength: 3 }),
  plan_rules: fc.uniqueArray(planRule, { selector: ({ id }) => id, maxLength: 2 }),
})

export const grants: fc.Arbitrary<DecisionGrant[]> = fc
  .array(
    fc.record({
      scopes: fc.uniqueArray(scope, { minLength: 2 }),
      user: fc.constantFrom(null, null, ...userNames),
      expired: fc.boolean(),
    }),
    { maxLength: 3 },
  )
  .map((list) => list.map((fields, index) => ({ ...grant(index, fields.scopes), ...fields })))

function mostly(usual: boolean): fc.Arbitrary<boolean> {
  return fc.oneof(
    { weight: 19, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constant(!usual) },
  )
}

/** Any well-formed request, over all documents of a zone, not sliced. */
export const decisionInput: fc.Arbitrary<DecisionInput> = fc.record({
  zone: fc.record({ id: fc.constant(allowedInput.zone.id), active: mostly(true) }),
  principal: fc.record({
    application: fc.constantFrom(billing, reports),
    kind: fc.constantFrom('managed' as const, 'dcr' as const),
    labels: fc.uniqueArray(label, { maxLength: 3 }),
    archived: mostly(false),
    expired: mostly(false),
    user: fc.constantFrom(null, ...userNames),
  }),
  resource: fc.option(
    fc.record({
      identifier: fc.constantFrom(...resourceNames),
      scopes: fc.uniqueArray(scope, { minLength: 3 }),
      archived: mostly(false),
    }),
    { freq: 10 },
  ),
  scopes: fc.array(scope, { minLength: 1, maxLength: 3 }),
  grants,
  documents,
  approved: fc.uniqueArray(fc.constantFrom(...tierNames, 'condition:one'), { maxLength: 2 }),
  context: fc.record({
    source_ip: fc.constantFrom(null, '10.1.2.3', '10.2.0.1', '192.168.3.4', '2001:db8::7', 'bogus'),
    hops: fc.integer({ min: 0, max: 5 }),
    local: fc.dictionary(timezone, fc.record({ day, minute: fc.integer({ min: 0, max: 1439 }) }), {
      noNullPrototype: true,
    }),
  }),
})
