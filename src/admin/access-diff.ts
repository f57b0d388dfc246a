import { setImmediate as afterInput } from 'node:timers/promises'
import { sql } from 'kysely'
import type { z } from 'zod'
import type { accessTuple } from '../../tools/access.ts'
import type { Id, ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { refuse } from '../kernel/faults.ts'
import { decisionInput, policyOf, type Authority } from '../policy/authority.ts'
import { dependencesOf } from '../policy/dependences.ts'
import type { PolicyEngine } from '../policy/load.ts'
import type { ObjectRow } from '../store/objects.ts'
import type { Change, Tx } from '../store/tx.ts'
import { findZone } from '../store/zones.ts'

export type AccessTuple = z.output<typeof accessTuple>

/** Which access to look at: all of a zone, or what concerns these applications and resources. */
export interface Slice {
  readonly zone: ZoneId
  readonly all: boolean
  readonly applications: ReadonlySet<string>
  readonly resources: ReadonlySet<string>
  /** The only user to look at; absent: the application itself and every user that a grant names. */
  readonly user?: string
}

/** The access that changes can have moved, zone by zone. */
export function affectedBy(changes: readonly Change[]): readonly Slice[] {
  const zones = new Set(changes.map((change) => change.zoneId))
  return [...zones].map((zone) => {
    const own = changes.filter((change) => change.zoneId === zone)
    const ids = (field: string, kind: Change['kind']) =>
      new Set(
        own.flatMap((change) =>
          change.kind === kind
            ? [change.id]
            : [change.before?.[field], change.after?.[field]].filter(
                (id) => typeof id === 'string',
              ),
        ),
      )
    return {
      zone: zone as ZoneId,
      all: own.some((change) => change.kind === 'zone' && change.effect !== 'create'),
      applications: ids('application_id', 'application'),
      resources: ids('resource_id', 'resource'),
    }
  })
}

/**
 * Every tuple that the policy allows or gates, within the slices: each pair of a live application
 * and a live resource that a grant or a role grant connects is decided by the real contract.
 */
export async function effectiveAccess(
  policy: PolicyEngine,
  tx: Tx,
  slices: readonly Slice[],
): Promise<readonly AccessTuple[]> {
  const tuples: AccessTuple[] = []
  for (const slice of slices) tuples.push(...(await accessInZone(policy, tx, slice)))
  return tuples
}

interface Loaded {
  readonly zone: Authority['zone']
  readonly documents: Authority['documents']
  readonly custom: Authority['custom']
  readonly applications: readonly ObjectRow<'applications'>[]
  readonly resources: readonly ObjectRow<'resources'>[]
  readonly grants: ReadonlyMap<string, readonly ObjectRow<'grants'>[]>
}

async function accessInZone(
  policy: PolicyEngine,
  tx: Tx,
  slice: Slice,
): Promise<readonly AccessTuple[]> {
  const loaded = await load(tx, slice)
  if (loaded === null) return []
  const tuples: AccessTuple[] = []
  for (const application of loaded.applications) {
    // Thousands of pairs take a second: what else there is to do comes in between.
    await afterInput()
    for (const resource of loaded.resources) {
      const grants = loaded.grants.get(`${application.id} ${resource.id}`) ?? []
      if (grants.length === 0 && !Object.hasOwn(loaded.documents.grants, resource.identifier))
        continue
      tuples.push(
        ...(await decidePair(policy, tx, loaded, application, resource, grants, slice.user)),
      )
      if (tuples.length > limits.accessTuples)
        refuse('limit_reached', 'There is more access here than one answer holds; filter it.')
    }
  }
  return tuples
}

async function decidePair(
  policy: PolicyEngine,
  tx: Tx,
  loaded: Loaded,
  application: ObjectRow<'applications'>,
  resource: ObjectRow<'resources'>,
  grants: readonly ObjectRow<'grants'>[],
  user: string | undefined,
): Promise<readonly AccessTuple[]> {
  const authority: Authority = {
    zone: loaded.zone,
    documents: loaded.documents,
    custom: loaded.custom,
    application: {
      id: application.id as Id<'application'>,
      name: application.name,
      kind: application.kind,
      labels: application.labels,
      archived: false,
      expiresAtMs: application.expires_at?.getTime() ?? null,
    },
    resource: {
      id: resource.id as Id<'resource'>,
      identifier: resource.identifier,
      scopes: resource.scopes,
      archived: false,
    },
    grants: grants.map((grant) => ({
      id: grant.id as Id<'grant'>,
      scopes: grant.scopes,
      user: grant.user_id,
      expiresAtMs: grant.expires_at?.getTime() ?? null,
    })),
  }
  const users =
    user === undefined
      ? new Set<string | null>([null, ...grants.map((grant) => grant.user_id)])
      : [user]
  const decided = [...users].map(async (userId) => {
    const input = decisionInput(authority, {
      userId,
      scopes: resource.scopes,
      nowMs: tx.nowMs,
      sourceIp: null,
      hops: 0,
      approved: [],
    })
    const decision = await policy.decideWith(authority.custom, input)
    return Object.entries(decision.scopes).flatMap(([scope, { verdict, rules }]) => {
      if (verdict === 'deny') return []
      const depends = dependencesOf(input, authority.custom, scope)
      const tuple: AccessTuple = {
        application_id: application.id,
        application_name: application.name,
        user_id: userId,
        resource_id: resource.id,
        resource_identifier: resource.identifier,
        resource_name: resource.name,
        scope,
        verdict,
        rules: [...rules],
        ...(depends.length > 0 && { depends_on: depends }),
      }
      return [tuple]
    })
  })
  return (await Promise.all(decided)).flat()
}

/** Index: applications_zone, resources_zone, grants_pair, grants_resource. */
async function load(tx: Tx, slice: Slice): Promise<Loaded | null> {
  const zone = await findZone(tx.queries, slice.zone)
  if (zone?.active_policy_set_version_id === undefined || zone.archived_at !== null) return null
  const versionId = zone.active_policy_set_version_id as Id<'policySetVersion'> | null
  const inApplications = filter('application_id', slice.all, slice.applications)
  const inResources = filter('resource_id', slice.all, slice.resources)
  const { rows: grants } = await sql<ObjectRow<'grants'>>`
    select * from grants
    where zone_id = ${slice.zone} and archived_at is null
      and (${inApplications} or ${inResources})`.execute(tx.queries)
  const { documents, custom } = await policyOf(tx.queries, versionId)
  const everyPair = slice.all || Object.keys(documents.grants).length > 0
  const applications = await liveOf<'applications'>(tx, slice.zone, 'applications', everyPair, [
    ...slice.applications,
    ...grants.map((grant) => grant.application_id),
  ])
  const resources = await liveOf<'resources'>(tx, slice.zone, 'resources', everyPair, [
    ...slice.resources,
    ...grants.map((grant) => grant.resource_id),
  ])
  return {
    zone: { id: slice.zone, archived: false, versionId },
    documents,
    custom,
    applications,
    resources,
    grants: Map.groupBy(grants, (grant) => `${grant.application_id} ${grant.resource_id}`),
  }
}

function filter(column: string, all: boolean, ids: ReadonlySet<string>) {
  return all ? sql`true` : sql`${sql.ref(column)} = any(${[...ids]})`
}

async function liveOf<T extends 'applications' | 'resources'>(
  tx: Tx,
  zone: ZoneId,
  table: T,
  all: boolean,
  ids: readonly string[],
): Promise<readonly ObjectRow<T>[]> {
  const { rows } = await sql<ObjectRow<T>>`
    select * from ${sql.table(table)}
    where zone_id = ${zone} and archived_at is null and (${all} or id = any(${[...new Set(ids)]}))
    order by id`.execute(tx.queries)
  return rows
}

export interface AccessDiff {
  readonly gained: AccessTuple[]
  readonly lost: AccessTuple[]
  readonly newly_gated: AccessTuple[]
}

/** Who gains, who loses and who must ask from now on. */
export function accessDiff(
  before: readonly AccessTuple[],
  after: readonly AccessTuple[],
): AccessDiff {
  const verdictBefore = new Map(before.map((tuple) => [keyOf(tuple), tuple.verdict]))
  const stays = new Set(after.map(keyOf))
  return {
    gained: after.filter(
      (tuple) =>
        !verdictBefore.has(keyOf(tuple)) ||
        (tuple.verdict === 'allow' && verdictBefore.get(keyOf(tuple)) === 'approval'),
    ),
    lost: before.filter((tuple) => !stays.has(keyOf(tuple))),
    newly_gated: after.filter(
      (tuple) => tuple.verdict === 'approval' && verdictBefore.get(keyOf(tuple)) === 'allow',
    ),
  }
}

function keyOf(tuple: AccessTuple): string {
  return JSON.stringify([tuple.application_id, tuple.user_id, tuple.resource_id, tuple.scope])
}
