import { setImmediate as afterInput } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Id, ZoneId } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { refuse } from '../kernel/faults.ts'
import { policyOf } from '../policy/authority.ts'
import type { PolicyEngine } from '../policy/load.ts'
import { accessOf, usersOf, type AccessTuple, type Pair, type ZonePolicy } from './pair-access.ts'
import type { ObjectRow } from '../store/objects.ts'
import type { Change, Tx } from '../store/tx.ts'
import { findZone } from '../store/zones.ts'

/** Which access to look at: all of a zone, or what concerns these applications, resources and pairs. */
interface Slice {
  readonly zone: ZoneId
  readonly all: boolean
  readonly applications: ReadonlySet<string>
  readonly resources: ReadonlySet<string>
  /** Those between which a grant has changed: it decides on nothing else. */
  readonly pairs: ReadonlySet<string>
}

function pairKey(application: unknown, resource: unknown): string {
  return `${String(application)} ${String(resource)}`
}

function isInside(
  { all, applications, resources, pairs }: Slice,
  app: string,
  res: string,
): boolean {
  return all || applications.has(app) || resources.has(res) || pairs.has(pairKey(app, res))
}

/** The access that changes can have moved, zone by zone. */
export function affectedBy(changes: readonly Change[]): readonly Slice[] {
  const zones = new Set(changes.map((change) => change.zoneId))
  return [...zones].map((zone) => {
    const own = changes.filter((change) => change.zoneId === zone && change.kind !== 'grant')
    const pairs = changes
      .filter((change) => change.zoneId === zone && change.kind === 'grant')
      .flatMap(({ before, after }) => [before, after])
      .filter((grant) => grant !== null)
      .map((grant) => pairKey(grant.application_id, grant.resource_id))
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
      pairs: new Set(pairs),
    }
  })
}

/**
 * Every tuple that the policy allows, gates or allows at times, within the slices: each pair of a live application
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

interface Loaded extends ZonePolicy {
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
      if (!isInside(slice, application.id, resource.id)) continue
      const grants = loaded.grants.get(pairKey(application.id, resource.id)) ?? []
      if (grants.length === 0 && !Object.hasOwn(loaded.documents.grants, resource.identifier))
        continue
      const pair = pairOf(application, resource, grants)
      for (const user of usersOf(pair))
        tuples.push(...(await accessOf(policy, tx, loaded, pair, user)))
      if (tuples.length > limits.accessTuples)
        refuse('limit_reached', 'There is more access here than one answer holds; filter it.')
    }
  }
  return tuples
}

/** Index: applications_zone, resources_zone, grants_pair, grants_resource. */
async function load(tx: Tx, slice: Slice): Promise<Loaded | null> {
  const zone = await findZone(tx.queries, slice.zone)
  if (zone?.active_policy_set_version_id === undefined || zone.archived_at !== null) return null
  const versionId = zone.active_policy_set_version_id as Id<'policySetVersion'> | null
  const inApplications = filter('application_id', slice.all, slice.applications)
  const inResources = filter('resource_id', slice.all, slice.resources)
  const pairs = [...slice.pairs].map((pair) => pair.split(' '))
  const paired = { applications: pairs.map(([id]) => id), resources: pairs.map(([, id]) => id) }
  const { rows: grants } = await sql<ObjectRow<'grants'>>`
    select * from grants
    where zone_id = ${slice.zone} and archived_at is null
      and (${inApplications} or ${inResources}
        or (application_id, resource_id) in (
          select * from unnest(${paired.applications}::text[], ${paired.resources}::text[])))
    `.execute(tx.queries)
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
    grants: Map.groupBy(grants, (grant) => pairKey(grant.application_id, grant.resource_id)),
  }
}

function pairOf(
  application: ObjectRow<'applications'>,
  resource: ObjectRow<'resources'>,
  grants: readonly ObjectRow<'grants'>[],
): Pair {
  return {
    application: {
      id: application.id as Id<'application'>,
      name: application.name,
      kind: application.kind,
      labels: application.labels,
      expires_at_ms: application.expires_at?.getTime() ?? null,
    },
    resource: { ...resource, id: resource.id as Id<'resource'> },
    grants: grants.map((grant) => ({
      id: grant.id as Id<'grant'>,
      scopes: grant.scopes,
      user: grant.user_id,
      expires_at_ms: grant.expires_at?.getTime() ?? null,
    })),
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

/** How much a verdict gives; no tuple gives nothing. */
const ranks: Readonly<Record<AccessTuple['verdict'], number>> = {
  conditional: 1,
  approval: 2,
  allow: 3,
}

/** Who gains, who loses and who must ask from now on. */
export function accessDiff(
  before: readonly AccessTuple[],
  after: readonly AccessTuple[],
): AccessDiff {
  const [verdictBefore, verdictAfter] = [verdictsOf(before), verdictsOf(after)]
  const rankIn = (verdicts: typeof verdictBefore, tuple: AccessTuple): number => {
    const verdict = verdicts.get(keyOf(tuple))
    return verdict === undefined ? 0 : ranks[verdict]
  }
  return {
    gained: after.filter((tuple) => ranks[tuple.verdict] > rankIn(verdictBefore, tuple)),
    lost: before.filter(
      (tuple) =>
        ranks[tuple.verdict] > rankIn(verdictAfter, tuple) &&
        verdictAfter.get(keyOf(tuple)) !== 'approval',
    ),
    newly_gated: after.filter(
      (tuple) => tuple.verdict === 'approval' && verdictBefore.get(keyOf(tuple)) === 'allow',
    ),
  }
}

function verdictsOf(tuples: readonly AccessTuple[]): ReadonlyMap<string, AccessTuple['verdict']> {
  return new Map(tuples.map((tuple) => [keyOf(tuple), tuple.verdict]))
}

function keyOf(tuple: AccessTuple): string {
  return JSON.stringify([tuple.application_id, tuple.user_id, tuple.resource_id, tuple.scope])
}
