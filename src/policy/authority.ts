import { sha256Hex } from '../kernel/canonical.ts'
import type { Id, ZoneId } from '../kernel/ids.ts'
import {
  findAuthority,
  findVersionPolicy,
  type AuthorityRow,
  type AuthoritySubject,
} from '../store/authority.ts'
import type { Queries } from '../store/database.ts'
import { findModule } from '../store/policy-modules.ts'
import { emptyDocuments } from './bundle.ts'
import { noCustomPolicies, type CustomPolicies, type VersionPolicy } from './custom-policies.ts'
import { documentKinds, type Documents } from './document-schemas.ts'
import { labelsOf, localTimes, sliceDocuments, type DecisionInput } from './input.ts'

export interface AuthorityApplication {
  readonly id: Id<'application'>
  readonly name: string
  readonly kind: 'managed' | 'dcr'
  readonly labels: readonly string[]
  readonly archived: boolean
  readonly expiresAtMs: number | null
}

export interface AuthorityGrant {
  readonly id: Id<'grant'>
  readonly scopes: readonly string[]
  /** The only user it counts for; null for the application itself and all of its users. */
  readonly user: string | null
  readonly expiresAtMs: number | null
}

/** The facts of a zone about one application and one resource, before any request is known. */
export interface Authority {
  readonly zone: {
    readonly id: ZoneId
    readonly archived: boolean
    readonly versionId: Id<'policySetVersion'> | null
  }
  readonly documents: Documents
  readonly custom: CustomPolicies
  /** Null: the zone has no such application. */
  readonly application: AuthorityApplication | null
  /** Null: the zone has no such resource. */
  readonly resource: AuthorityRow['resource']
  /** The live grants of the pair; whether they have expired depends on the time of the request. */
  readonly grants: readonly AuthorityGrant[]
}

/** One request about an {@link Authority}. */
export interface AuthorityRequest {
  /** The user that the application acts for; null for the application itself. */
  readonly userId: string | null
  readonly scopes: readonly string[]
  readonly nowMs: number
  /** As `sourceAddress` gives it; null where it is unknown. */
  readonly sourceIp: string | null
  readonly hops: number
  /** Approval tiers released for this request. */
  readonly approved: readonly string[]
}

/**
 * The facts that decide on a pair, as the caller's transaction sees them. A pair that the zone does
 * not have is null; a zone that does not exist throws, for callers name one that they have read.
 */
export async function loadAuthority(
  queries: Queries,
  zone: ZoneId,
  subject: AuthoritySubject,
): Promise<Authority> {
  const row = await findAuthority(queries, zone, subject)
  if (row === undefined) throw new Error(`there is no zone ${zone}`)
  return authorityOf(row, await policyOf(queries, row.version_id))
}

/** What a zone without an active policy set has: nothing, and it decides nothing either. */
export const emptyPolicy: VersionPolicy = { documents: emptyDocuments, custom: noCustomPolicies }

/**
 * What a policy set version says; versions are immutable once committed. Its wasm is read by
 * `modules`, or in the caller's transaction.
 */
export async function policyOf(
  queries: Queries,
  versionId: string | null,
  modules: ModuleReader = (read) => read(queries),
): Promise<VersionPolicy> {
  if (versionId === null) return emptyPolicy
  const stored = await findVersionPolicy(queries, versionId)
  // A kind that is missing must not read as one that restricts nothing.
  if (stored === undefined || !isDocuments(stored.documents))
    throw new Error(`policy set version ${versionId} has no complete documents`)
  return {
    documents: stored.documents,
    custom: {
      modules: stored.modules.map((module) => ({
        policyVersionId: module.policy_version_id,
        digest: module.digest,
        readsContext: module.reads_context,
      })),
      load: (digest) => modules((inZone) => loadModule(inZone, stored.zone_id, digest)),
    },
  }
}

/** Opens the queries that a module is read with, when it is needed. */
type ModuleReader = <T>(read: (queries: Queries) => Promise<T>) => Promise<T>

async function loadModule(queries: Queries, zone: ZoneId, digest: string): Promise<Uint8Array> {
  const wasm = await findModule(queries, zone, digest)
  if (wasm === undefined || `sha256:${sha256Hex(wasm)}` !== digest)
    throw new Error(`the custom policy ${digest} is missing or damaged`)
  return wasm
}

function isDocuments(stored: object): stored is Documents {
  return documentKinds.every((kind) => Object.hasOwn(stored, kind))
}

export function authorityOf(row: AuthorityRow, policy: VersionPolicy): Authority {
  const { application } = row
  return {
    zone: { id: row.zone_id, archived: row.zone_archived, versionId: row.version_id },
    documents: policy.documents,
    custom: policy.custom,
    application: application && {
      id: application.id,
      name: application.name,
      kind: application.kind,
      labels: application.labels,
      archived: application.archived,
      expiresAtMs: application.expires_at_ms,
    },
    resource: row.resource,
    grants: row.grants.map(({ id, scopes, user, expires_at_ms: expiresAtMs }) => ({
      id,
      scopes,
      user,
      expiresAtMs,
    })),
  }
}

/** What the contract decides on. Throws a `TypeError` without an application: nobody asks then. */
export function decisionInput(authority: Authority, request: AuthorityRequest): DecisionInput {
  const { zone, application, resource, documents } = authority
  if (application === null) throw new TypeError('a decision needs an application')
  const { nowMs } = request
  const sliced = sliceDocuments(documents, {
    application: application.id,
    labels: labelsOf(application),
    user: request.userId,
    resource: resource?.identifier ?? null,
    scopes: request.scopes,
  })
  return {
    zone: { id: zone.id, active: zone.versionId !== null && !zone.archived },
    principal: {
      application: application.id,
      kind: application.kind,
      labels: application.labels,
      archived: application.archived,
      expired: hasPassed(application.expiresAtMs, nowMs),
      user: request.userId,
    },
    resource: resource && {
      identifier: resource.identifier,
      scopes: resource.scopes,
      archived: resource.archived,
    },
    scopes: request.scopes,
    grants: authority.grants.map(({ id, scopes, user, expiresAtMs }) => ({
      id,
      scopes,
      user,
      expired: hasPassed(expiresAtMs, nowMs),
    })),
    documents: sliced,
    approved: request.approved,
    context: {
      source_ip: request.sourceIp,
      hops: request.hops,
      local: localTimes(documents.conditions, nowMs),
    },
  }
}

function hasPassed(timeMs: number | null, nowMs: number): boolean {
  return timeMs !== null && timeMs <= nowMs
}
