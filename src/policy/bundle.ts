import { canonicalJson } from '../kernel/canonical.ts'
import { refuse } from '../kernel/faults.ts'
import { isId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import type { DocumentSet, Documents } from './document-schemas.ts'

/** A set of documents in which nothing is said: grants alone decide. */
export const emptyDocuments: Documents = {
  app_ids: {},
  grants: {},
  confinement: [],
  restrict: [],
  risk: [],
  approval_tiers: [],
  conditions: [],
  plan_rules: [],
}

/** The built-in policy set that a new zone may start with. */
export const baseline = {
  name: 'baseline',
  description: 'Grants decide, nothing else: no roles, confinement, conditions or step-up.',
  documents: emptyDocuments,
} as const

interface MergeIssue {
  readonly path: string
  readonly message: string
}

/**
 * What the policies of a set say together. Maps are merged key by key, lists are concatenated with
 * equal entries once, restrictions are united. The order of the policies decides nothing but the
 * order of list entries: two that say different things under one name are refused with
 * `invalid_document`, as is a name of an application that `app_ids` does not explain.
 */
export function mergeDocuments(sets: readonly DocumentSet[]): Documents {
  const issues: MergeIssue[] = []
  const merged: Documents = {
    app_ids: mergeMaps('app_ids', all(sets, 'app_ids'), issues),
    grants: mergeGrants(all(sets, 'grants'), issues),
    confinement: distinct(all(sets, 'confinement').flat()),
    restrict: [...new Set(all(sets, 'restrict').flat())].sort(),
    risk: distinct(all(sets, 'risk').flat()),
    approval_tiers: mergeNamed(
      'approval_tiers',
      'tier',
      all(sets, 'approval_tiers').flat(),
      issues,
    ),
    conditions: mergeNamed('conditions', 'id', all(sets, 'conditions').flat(), issues),
    plan_rules: mergeNamed('plan_rules', 'id', all(sets, 'plan_rules').flat(), issues),
  }
  issues.push(...tooLong(merged), ...unknownApplications(merged))
  const [first] = issues
  if (first !== undefined) {
    refuse(
      'invalid_document',
      `the policies do not fit together: ${first.path}: ${first.message}`,
      {
        details: { issues },
      },
    )
  }
  return merged
}

function all<K extends keyof Documents>(sets: readonly DocumentSet[], kind: K): Documents[K][] {
  return sets.flatMap((set) => {
    const value = set[kind]
    return value === undefined ? [] : [value]
  })
}

function mergeMaps<T>(
  path: string,
  maps: readonly Readonly<Record<string, T>>[],
  issues: MergeIssue[],
): Record<string, T> {
  const merged = new Map<string, T>()
  for (const [key, value] of maps.flatMap((map) => Object.entries(map))) {
    const present = merged.get(key)
    if (present === undefined) merged.set(key, value)
    else if (!same(present, value)) issues.push(conflict(`${path}.${key}`))
  }
  return Object.fromEntries(merged)
}

/**
 * Role grants on one resource merge role by role, but only under the same application: an entry for
 * one application and an entry for any would otherwise change each other's meaning.
 */
function mergeGrants(
  maps: readonly Documents['grants'][],
  issues: MergeIssue[],
): Documents['grants'] {
  const merged = new Map<string, Documents['grants'][string]>()
  for (const [resource, entry] of maps.flatMap((map) => Object.entries(map))) {
    const present = merged.get(resource)
    if (present === undefined) merged.set(resource, entry)
    else if (present.application !== entry.application) issues.push(conflict(`grants.${resource}`))
    else {
      const roles = mergeMaps(`grants.${resource}.roles`, [present.roles, entry.roles], issues)
      merged.set(resource, { ...present, roles })
    }
  }
  return Object.fromEntries(merged)
}

function mergeNamed<K extends string, T extends Readonly<Record<K, string>>>(
  path: string,
  key: K,
  entries: readonly T[],
  issues: MergeIssue[],
): T[] {
  const merged = new Map<string, T>()
  for (const entry of entries) {
    const present = merged.get(entry[key])
    if (present === undefined) merged.set(entry[key], entry)
    else if (!same(present, entry)) issues.push(conflict(`${path}.${entry[key]}`))
  }
  return [...merged.values()]
}

function distinct<T>(entries: readonly T[]): T[] {
  return [...new Map(entries.map((entry) => [canonicalJson(entry), entry])).values()]
}

function same(one: unknown, other: unknown): boolean {
  return canonicalJson(one) === canonicalJson(other)
}

function conflict(path: string): MergeIssue {
  const message = 'two policies of the set say different things; change or remove one of them'
  return { path, message }
}

function tooLong(documents: Documents): MergeIssue[] {
  return Object.entries(documents).flatMap(([path, value]) => {
    if (!Array.isArray(value) || value.length <= limits.documentEntries) return []
    const message = `${value.length} entries; the limit of a set is ${limits.documentEntries}`
    return [{ path, message }]
  })
}

/** A restriction on an application that nobody has explained would silently never apply. */
function unknownApplications(documents: Documents): MergeIssue[] {
  const references = [
    ...Object.entries(documents.grants).map(
      ([resource, { application }]) => [`grants.${resource}.application`, application] as const,
    ),
    ...documents.conditions.flatMap(({ id, when }) =>
      (when.applications ?? []).map((key) => [`conditions.${id}.when.applications`, key] as const),
    ),
  ]
  return references.flatMap(([path, reference]) => {
    if (reference === undefined || isId('application', reference)) return []
    if (Object.hasOwn(documents.app_ids, reference)) return []
    return [{ path, message: `"${reference}" is neither an application id nor a key of app_ids` }]
  })
}
