import { describe, expect, test } from 'vitest'
import type { DecisionInput, MandateInput, PlanInput } from '../../src/policy/input.ts'
import { loadPolicyEngine } from '../../src/policy/load.ts'

const engine = await loadPolicyEngine()

// Inputs in which everything that a contract reads is present, so that nothing escapes the sweep.
const decision = {
  zone: { id: 'zone_a', active: true },
  principal: {
    application: 'app_a',
    kind: 'managed',
    labels: ['team:x'],
    archived: false,
    expired: false,
    user: 'ada',
  },
  resource: { identifier: 'r', scopes: ['r:read'], archived: false },
  scopes: ['r:read'],
  grants: [{ id: 'grt_1', scopes: ['r:read'], user: 'ada', expired: false }],
  documents: {
    app_ids: {},
    grants: {},
    confinement: [{ label_prefix: 'team:', scopes: ['r:*'] }],
    restrict: [],
    risk: [{ scope: 'r:read', tier: 'high' }],
    approval_tiers: [{ tier: 'high', approver: 'finance', ttl_seconds: 60 }],
    conditions: [
      { id: 'c', effect: 'deny', when: { days: ['sun'], timezone: 'UTC' } },
      { id: 'd', effect: 'deny', when: { max_hops: 3 } },
    ],
  },
  approved: ['high'],
  context: { source_ip: '10.0.0.1', hops: 0, local: { UTC: { day: 'mon', minute: 1 } } },
}

const mandate = {
  client: 'operator-executor',
  use: 'plan',
  zone: { id: 'zone_a', system: false, archived: false },
  requester: { id: 'prn_a', kind: 'person', scopes: ['s'], global: false },
  operator_grants: ['s'],
  requested: ['s'],
  read_scopes: ['t'],
  plan: {
    id: 'plan_a',
    state: 'approved',
    digest: 'd',
    expired: false,
    requester: 'prn_a',
    zone: 'zone_a',
    write_scopes: ['s'],
    second_person: true,
    approvals_required: 1,
    risk: 'low',
    gained: 0,
    approvals: [
      {
        id: 'apr_a',
        digest: 'd',
        approver: 'prn_b',
        approver_can_approve: true,
        expired: false,
        consumed: false,
        kind: 'autopilot',
        autopilot: { switched_on: true, opted_in: true },
      },
    ],
  },
}

const plan = {
  steps: [{ operation: 'o', effect: 'create', risk: 'low', zone: 'zone_a' }],
  risk: 'low',
  zone: { id: 'zone_a', slug: 'a', system: false },
  access: { gained: 0 },
  persons_who_can_approve: 1,
  rules: [{ id: 'a', effect: 'allow', when: { operations: ['o'] } }],
}

type Path = readonly (string | number)[]

const sweeps: readonly {
  readonly name: string
  readonly whole: object
  readonly allowed: (input: unknown) => boolean
  /** What may be absent: optional facts, entries of lists, and facts that are unknown then. */
  readonly optional: RegExp
}[] = [
  {
    name: 'decision',
    whole: decision,
    allowed: (input) => engine.decide(input as DecisionInput).allow,
    optional:
      /^(principal\.labels\.0|documents\.(confinement|risk|approval_tiers)\.0|documents\.conditions\.[01]|documents\.conditions\.0\.when\.timezone)$/,
  },
  {
    name: 'mandate',
    whole: mandate,
    allowed: (input) => engine.operatorMandate(input as MandateInput).allow,
    optional: /^(plan\.second_person|read_scopes\.0)$/,
  },
  {
    name: 'plan',
    whole: plan,
    allowed: (input) => engine.operatorPlan(input as PlanInput).decision === 'allow',
    optional: /^rules\.0\.when\.operations$/,
  },
]

describe.each(sweeps)('a malformed input of $name', ({ whole, allowed, optional }) => {
  test('is not the one that the sweep begins with', () => {
    expect(allowed(whole)).toBe(true)
  })

  const paths = pathsOf(whole)

  test.each(
    paths
      .filter((path) => !optional.test(path.join('.')))
      .map((path) => [path.join('.'), path] as const),
  )('without %s is refused', (_name, path) => {
    const input = structuredClone(whole)
    const [parent, last] = parentOf(input, path)
    Reflect.deleteProperty(parent, last)
    if (Array.isArray(parent)) parent.length = 0
    expect(allowed(input)).toBe(false)
  })

  test.each(paths.map((path) => [path.join('.'), path] as const))(
    'with %s of another type is refused',
    (_name, path) => {
      const [original, name] = parentOf(whole, path)
      for (const other of [7, 'text', true, {}, { a: ['r:read'] }, ['text', 7], [[]]]) {
        if (shapeOf(other) === shapeOf(Reflect.get(original, name) as unknown)) continue
        const input = structuredClone(whole)
        const [parent, last] = parentOf(input, path)
        Reflect.set(parent, last, other)
        expect(allowed(input), JSON.stringify(other)).toBe(false)
      }
    },
  )
})

function shapeOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value
}

function pathsOf(value: unknown, under: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [under]
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
  const inner = keys.flatMap((key) => pathsOf(Reflect.get(value, key) as unknown, [...under, key]))
  return under.length === 0 ? inner : [under, ...inner]
}

function parentOf(whole: object, path: Path): [object, string | number] {
  let parent = whole
  for (const step of path.slice(0, -1)) parent = Reflect.get(parent, step) as object
  return [parent, path.at(-1) ?? '']
}
