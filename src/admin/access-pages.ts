import type { InputOf } from '../../tools/catalogue.ts'
import type { Id } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { policyOf } from '../policy/authority.ts'
import type { Documents } from '../policy/document-schemas.ts'
import type { PolicyEngine } from '../policy/load.ts'
import { findAccessPairs, type AccessPair, type RoleOfResource } from '../store/access-pairs.ts'
import { decodeCursor, encodeCursor, refuseCursor } from '../store/pages.ts'
import type { Tx } from '../store/tx.ts'
import { findZone } from '../store/zones.ts'
import { accessOf, usersOf, type AccessTuple, type ZonePolicy } from './pair-access.ts'

/** What a page comes after: one tuple, or (scope null) all that a pair may do for a user. */
interface Place {
  readonly application: string
  readonly resource: string
  readonly user: string | null
  readonly scope: string | null
}

type Asked = InputOf<'access.list'>

const pairsOfQuery = 100

/**
 * A page of effective access, by application id, resource id, user (the application itself first)
 * and scope. Only what the page shows is decided. Where little of what is asked for is allowed, a
 * page ends after `accessDecisionsPerPage` decisions, and its cursor goes on from there.
 */
export async function accessPage(
  policy: PolicyEngine,
  tx: Tx,
  asked: Asked,
): Promise<{ items: AccessTuple[]; next_cursor: string | null }> {
  const begin = placeOf(asked.cursor)
  const zone = await zonePolicy(tx)
  if (zone === null) return { items: [], next_cursor: null }
  const items: AccessTuple[] = []
  let decisions = 0
  let last: Place | null = null
  for await (const { pair, user } of subjectsFrom(tx, zone, asked, begin)) {
    if (decisions === limits.accessDecisionsPerPage) return { items, next_cursor: cursorOf(last) }
    decisions += 1
    const { application, resource } = pair
    for (const tuple of await accessOf(policy, tx, zone, pair, user)) {
      const { scope } = tuple
      if ((asked.scope ?? scope) !== scope || !isAfter(begin, pair, user, scope)) continue
      if (items.length === asked.limit) return { items, next_cursor: cursorOf(last) }
      items.push(tuple)
      last = { application: application.id, resource: resource.id, user, scope }
    }
    if (items.length < asked.limit)
      last = { application: application.id, resource: resource.id, user, scope: null }
  }
  return { items, next_cursor: null }
}

async function zonePolicy(tx: Tx): Promise<ZonePolicy | null> {
  const zone = await findZone(tx.queries, tx.zone)
  if (zone?.archived_at !== null) return null
  const versionId = zone.active_policy_set_version_id as Id<'policySetVersion'> | null
  if (versionId === null) return null
  const { documents, custom } = await policyOf(tx.queries, versionId)
  // Nobody has access in a frozen zone; deciding every pair would only say so again.
  if (documents.restrict.length > 0) return null
  return { zone: { id: tx.zone, archived: false, versionId }, documents, custom }
}

/** Each application, resource and user that may have access, in the order of the list. */
async function* subjectsFrom(
  tx: Tx,
  { documents }: ZonePolicy,
  asked: Asked,
  begin: Place | null,
): AsyncGenerator<{ readonly pair: AccessPair; readonly user: string | null }> {
  const roles = rolesOf(documents)
  let from: readonly [string, string] | null = begin && [begin.application, begin.resource]
  for (;;) {
    const pairs = await findAccessPairs(tx.queries, tx.zone, {
      ...{ from, roles, limit: pairsOfQuery },
      applicationId: asked.application_id,
      resourceId: asked.resource_id,
      scope: asked.scope,
    })
    const last = pairs.at(-1)
    // A query begins with the pair that the one before ended with.
    const more = pairs.length === pairsOfQuery
    for (const pair of more ? pairs.slice(0, -1) : pairs)
      for (const user of asked.user_id === undefined ? usersOf(pair) : [asked.user_id])
        if (isAfter(begin, pair, user, null)) yield { pair, user }
    if (!more || last === undefined) return
    from = [last.application.id, last.resource.id]
  }
}

function rolesOf({ grants, app_ids }: Documents): readonly RoleOfResource[] {
  return Object.entries(grants).flatMap(([identifier, { application, roles }]) =>
    Object.keys(roles).map((label) => ({
      identifier,
      application:
        application === undefined
          ? null
          : Object.hasOwn(app_ids, application)
            ? (app_ids[application] ?? null)
            : application,
      label,
    })),
  )
}

/** Whether a tuple comes after a place; with a null scope whether any of the user's may. */
function isAfter(
  place: Place | null,
  { application, resource }: AccessPair,
  user: string | null,
  scope: string | null,
): boolean {
  if (place?.application !== application.id || place.resource !== resource.id) return true
  if (place.user !== user) return user !== null && (place.user === null || user > place.user)
  return place.scope !== null && (scope === null || scope > place.scope)
}

function cursorOf(place: Place | null): string | null {
  return (
    place && encodeCursor('access', [place.application, place.resource, place.user, place.scope])
  )
}

function placeOf(cursor: string | undefined): Place | null {
  if (cursor === undefined) return null
  const place = decodeCursor('access', cursor)
  if (!Array.isArray(place) || place.length !== 4) return refuseCursor()
  const [application, resource, user, scope] = place as readonly unknown[]
  if (!isId(application, 'app') || !isId(resource, 'res')) return refuseCursor()
  if (!isTextOrNull(user) || !isTextOrNull(scope)) return refuseCursor()
  return { application, resource, user, scope }
}

function isId(value: unknown, prefix: string): value is string {
  return typeof value === 'string' && new RegExp(`^${prefix}_[0-9a-z]{26}$`).test(value)
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}
