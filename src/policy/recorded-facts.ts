import { z } from 'zod'
import { isId, type Id, type ZoneId } from '../kernel/ids.ts'
import { decisionInput } from './authority.ts'
import type { VersionPolicy } from './custom-policies.ts'
import type { Decision, DecisionInput } from './input.ts'

/**
 * What a request asked for: the scopes it names, whatever it holds of them all, or a session, which
 * names no resource and which the contract admits by getting as far as that.
 */
export const kindsOfAsking = ['scopes', 'held', 'session'] as const

export type Asking = (typeof kindsOfAsking)[number]

const texts = z.array(z.string())
const indexes = z.array(z.int().min(0))

/**
 * The facts that one decision was made on, as its event keeps them: what is absent is false, empty
 * or null. Scopes of grants are indexes of `scopes`; those that were not asked for are left out,
 * and so is a grant without any other. They hold no secret.
 */
const recordedFacts = z.object({
  asking: z.enum(kindsOfAsking),
  /** Unix milliseconds. */
  at: z.int(),
  /** What came of it: the reason, absent for ok, and of what is held the scopes that were given. */
  reason: z.string().optional(),
  given: indexes.optional(),
  kind: z.enum(['managed', 'dcr']),
  labels: texts.optional(),
  archived: z.literal(true).optional(),
  expired: z.literal(true).optional(),
  user: z.string().optional(),
  resource: z.string().optional(),
  resource_archived: z.literal(true).optional(),
  scopes: texts.optional(),
  /** The scopes that the resource does not have. */
  unknown: indexes.optional(),
  grants: z
    .array(
      z.object({
        id: z.string(),
        scopes: indexes,
        user: z.string().optional(),
        expired: z.literal(true).optional(),
      }),
    )
    .optional(),
  source_ip: z.string().optional(),
  hops: z.int().optional(),
  approved: texts.optional(),
})

export type RecordedFacts = z.output<typeof recordedFacts>

/** A decision and its input as its event keeps them: a few hundred bytes. */
export function recordFacts(
  input: DecisionInput,
  decision: Decision,
  asking: Asking,
  nowMs: number,
): RecordedFacts {
  const { principal, resource, scopes, context } = input
  const placesOf = (some: readonly string[]): number[] =>
    scopes.flatMap((scope, index) => (some.includes(scope) ? [index] : []))
  const given = scopes.filter((scope) => decision.scopes[scope]?.verdict === 'allow')
  const grants = input.grants.flatMap((grant) => {
    const places = placesOf(grant.scopes)
    if (places.length === 0) return []
    return [
      {
        id: grant.id,
        scopes: places,
        ...(grant.user === null ? {} : { user: grant.user }),
        ...flag('expired', grant.expired),
      },
    ]
  })
  const unknown =
    resource === null
      ? []
      : scopes.flatMap((scope, index) => (resource.scopes.includes(scope) ? [] : [index]))
  return {
    asking,
    at: nowMs,
    ...(decision.reason === 'ok' ? {} : { reason: decision.reason }),
    ...(asking === 'held' ? { given: placesOf(given) } : {}),
    kind: principal.kind,
    ...filled('labels', principal.labels),
    ...flag('archived', principal.archived),
    ...flag('expired', principal.expired),
    ...(principal.user === null ? {} : { user: principal.user }),
    ...(resource === null ? {} : { resource: resource.identifier }),
    ...flag('resource_archived', resource?.archived === true),
    ...filled('scopes', scopes),
    ...filled('unknown', unknown),
    ...filled('grants', grants),
    ...(context.source_ip === null ? {} : { source_ip: context.source_ip }),
    ...(context.hops === 0 ? {} : { hops: context.hops }),
    ...filled('approved', input.approved),
  }
}

function flag<K extends string>(key: K, value: boolean): Partial<Record<K, true>> {
  return value ? ({ [key]: true } as Record<K, true>) : {}
}

function filled<K extends string, T>(key: K, list: readonly T[]): Partial<Record<K, T[]>> {
  return list.length === 0 ? {} : ({ [key]: [...list] } as Record<K, T[]>)
}

/** The facts that an event has kept; null where it has none that can be read. */
export function readFacts(kept: unknown): RecordedFacts | null {
  return recordedFacts.safeParse(kept).data ?? null
}

/** The input that the facts were taken of, with what another policy says in the place of its own. */
export function inputOfFacts(
  facts: RecordedFacts,
  of: { readonly zone: ZoneId; readonly application: string; readonly versionId: string },
  policy: VersionPolicy,
): DecisionInput {
  const scopes = facts.scopes ?? []
  const named = (places: readonly number[]): string[] => places.map((place) => scopes[place] ?? '')
  const unknown = new Set(named(facts.unknown ?? []))
  return decisionInput(
    {
      zone: { id: of.zone, archived: false, versionId: of.versionId as Id<'policySetVersion'> },
      ...policy,
      application: {
        id: of.application as Id<'application'>,
        name: '',
        kind: facts.kind,
        labels: facts.labels ?? [],
        archived: facts.archived === true,
        expiresAtMs: facts.expired === true ? facts.at : null,
      },
      resource:
        facts.resource === undefined
          ? null
          : {
              id: '' as Id<'resource'>,
              identifier: facts.resource,
              scopes: scopes.filter((scope) => !unknown.has(scope)),
              archived: facts.resource_archived === true,
            },
      grants: (facts.grants ?? []).map((grant) => ({
        id: grant.id as Id<'grant'>,
        scopes: named(grant.scopes),
        user: grant.user ?? null,
        expiresAtMs: grant.expired === true ? facts.at : null,
      })),
    },
    {
      userId: facts.user ?? null,
      scopes,
      nowMs: facts.at,
      sourceIp: facts.source_ip ?? null,
      hops: facts.hops ?? 0,
      approved: facts.approved ?? [],
    },
  )
}

/** The scopes that an event says were given: none where the request was refused. */
export function givenOf(facts: RecordedFacts): readonly string[] {
  const scopes = facts.scopes ?? []
  if (facts.asking === 'held') return (facts.given ?? []).map((place) => scopes[place] ?? '')
  return facts.reason === undefined ? scopes : []
}

/** Whether a request of that kind is granted by a decision. */
export function isGranted(asking: Asking, reason: string, given: readonly string[]): boolean {
  if (asking === 'session') return reason === 'resource_unknown'
  return asking === 'held' ? given.length > 0 : reason === 'ok'
}

export function isApplicationId(id: string | null): id is Id<'application'> {
  return id !== null && isId('application', id)
}
