import type { z } from 'zod'
import type { application } from '../../tools/applications.ts'
import type { grant } from '../../tools/grants.ts'
import type { policy } from '../../tools/policies.ts'
import type { policySet } from '../../tools/policy-sets.ts'
import type { provider } from '../../tools/providers.ts'
import type { resource } from '../../tools/resources.ts'
import type { zone } from '../../tools/zones.ts'
import type { AdminClient } from './admin-client.ts'
import { CaracalError } from './caracal-error.ts'

/** What it took to bring one object to what was wanted, and the object as it is then. */
export interface Ensured<T> {
  readonly outcome: 'created' | 'updated' | 'unchanged'
  readonly object: T
}

type Zone = z.output<typeof zone>
type Application = z.output<typeof application>
type Resource = z.output<typeof resource>
type Provider = z.output<typeof provider>
type Grant = z.output<typeof grant>
type Policy = z.output<typeof policy>
type PolicySet = z.output<typeof policySet>

type InZone = 'applications' | 'resources' | 'providers' | 'grants' | 'policies' | 'policySets'
type Wish<O extends InZone> = Parameters<AdminClient[O]['create']>[1]
type ZoneWish = NonNullable<Parameters<AdminClient['zones']['create']>[0]>
/** A new application comes with its secret, which is shown this once. */
type HeldApplication = Application & { readonly client_secret?: string | null }

type Fields = Readonly<Record<string, unknown>>

/** How one kind of object is found, compared and changed. */
interface Kind<T> {
  /** The live object that the wish is about. */
  readonly find: () => Promise<T | undefined>
  readonly create: () => Promise<T>
  readonly patch: (object: T, fields: Fields) => Promise<T>
  readonly wish: Fields
  /** Fields that a new object alone can be given and that must then be as wanted. */
  readonly fixed?: readonly string[]
  /** Fields that say how to make the object and are not kept in it. */
  readonly unkept?: readonly string[]
}

/** Brings the zone with this slug, or else this name, to what is wanted. */
export async function ensureZone(client: AdminClient, wish: ZoneWish): Promise<Ensured<Zone>> {
  return converge({
    wish,
    unkept: ['baseline'],
    find: () =>
      first(client.zones.list.all(), (zone) =>
        wish.slug === undefined ? sameName(zone, wish) : zone.slug === wish.slug,
      ),
    create: () => client.zones.create(wish),
    patch: (zone, fields) => client.zones.patch(zone.id, fields, atRevision(zone)),
  })
}

/** Brings the application of this name to what is wanted; how it authenticates cannot change. */
export async function ensureApplication(
  client: AdminClient,
  zone: string,
  wish: Wish<'applications'>,
): Promise<Ensured<HeldApplication>> {
  const { applications } = client
  return converge<HeldApplication>({
    wish,
    fixed: ['auth_method'],
    find: () => first(applications.list.all(zone, { name: wish.name }), isLive),
    create: () => applications.create(zone, wish),
    patch: (held, fields) =>
      applications.patch(zone, { application_id: held.id, ...fields }, atRevision(held)),
  })
}

/** Brings the resource with this identifier, or else this name, to what is wanted. */
export async function ensureResource(
  client: AdminClient,
  zone: string,
  wish: Wish<'resources'>,
): Promise<Ensured<Resource>> {
  const { resources } = client
  const { name, identifier } = wish
  return converge<Resource>({
    wish,
    fixed: ['identifier'],
    find: () =>
      first(resources.list.all(zone, identifier === undefined ? { name } : { identifier }), isLive),
    create: () => resources.create(zone, wish),
    patch: (held, fields) =>
      resources.patch(zone, { resource_id: held.id, ...fields }, atRevision(held)),
  })
}

/** Brings the credential provider of this name to what is wanted. Its secret is set apart. */
export async function ensureProvider(
  client: AdminClient,
  zone: string,
  wish: Wish<'providers'>,
): Promise<Ensured<Provider>> {
  const { providers } = client
  return converge<Provider>({
    wish,
    find: () => first(providers.list.all(zone), (held) => sameName(held, wish)),
    create: () => providers.create(zone, wish),
    patch: (held, fields) =>
      providers.patch(zone, { provider_id: held.id, ...fields }, atRevision(held)),
  })
}

/**
 * Brings the grant of this application, resource and user to what is wanted. A grant without end
 * and one that ends are two grants, so that access for a time ends alone: each wish looks only at
 * grants of its own sort, and refuses with `ambiguous_reference` where there are several of them.
 */
export async function ensureGrant(
  client: AdminClient,
  zone: string,
  wish: Wish<'grants'>,
): Promise<Ensured<Grant>> {
  const { application_id, resource_id, user_id } = wish
  const filter = { application_id, resource_id, ...(user_id === undefined ? {} : { user_id }) }
  const sameSort = (held: Grant): boolean =>
    held.user_id === (user_id ?? null) &&
    (held.expires_at === null) === (wish.expires_at === undefined)
  return converge<Grant>({
    wish,
    find: async () => {
      const found: Grant[] = []
      for await (const held of client.grants.list.all(zone, filter))
        if (sameSort(held)) found.push(held)
      const exact = found.find((held) => differing(held, wish).length === 0)
      if (exact === undefined && found.length > 1) throw ambiguous(found)
      return exact ?? found[0]
    },
    create: () => client.grants.create(zone, wish),
    patch: (held, fields) =>
      client.grants.patch(zone, { grant_id: held.id, ...fields }, atRevision(held)),
  })
}

/** Brings the policy of this name to a latest version with this document. */
export async function ensurePolicy(
  client: AdminClient,
  zone: string,
  wish: Wish<'policies'>,
): Promise<Ensured<Policy>> {
  const { policies } = client
  const { language, source } = wish
  const latest = (held: Policy): boolean =>
    held.latest_version.source === source && held.latest_version.language === language
  return converge<Policy>(
    {
      wish: {},
      find: async () => first(policies.list.all(zone), (held) => sameName(held, wish)),
      create: () => policies.create(zone, wish),
      patch: async (held) => {
        await policies.addVersion(zone, { policy_id: held.id, language, source })
        return policies.get(zone, { policy_id: held.id })
      },
    },
    latest,
  )
}

/** Brings the policy set of this name to a latest version with these policy versions, in order. */
export async function ensurePolicySet(
  client: AdminClient,
  zone: string,
  wish: Wish<'policySets'> & { readonly policy_version_ids: readonly string[] },
): Promise<Ensured<PolicySet>> {
  const { policySets } = client
  const { policy_version_ids: wanted, ...fields } = wish
  const manifest = wanted.map((policy_version_id) => ({ policy_version_id }))
  const addVersion = async (policy_set_id: string): Promise<PolicySet> => {
    await policySets.addVersion(zone, { policy_set_id, manifest })
    return policySets.get(zone, { policy_set_id })
  }
  const latest = (held: PolicySet): boolean =>
    equal(
      held.latest_version?.manifest.map((entry) => entry.policy_version_id),
      wanted,
    )
  return converge<PolicySet>(
    {
      wish: {},
      find: async () => first(policySets.list.all(zone), (held) => sameName(held, wish)),
      create: async () => addVersion((await policySets.create(zone, fields)).id),
      patch: (held) => addVersion(held.id),
    },
    latest,
  )
}

/** `isAsWanted` judges what the wish's fields do not say. */
async function converge<T extends object>(
  kind: Kind<T>,
  isAsWanted: (object: T) => boolean = () => true,
): Promise<Ensured<T>> {
  const found = await kind.find()
  if (found !== undefined) return adjust(kind, found, isAsWanted)
  try {
    return { outcome: 'created', object: await kind.create() }
  } catch (error) {
    if (!(error instanceof CaracalError && error.code.endsWith('_taken'))) throw error
    // Somebody made it between the look and the act, or it is there under another spelling.
    const rival = await kind.find()
    if (rival === undefined) throw error
    return adjust(kind, rival, isAsWanted)
  }
}

async function adjust<T extends object>(
  kind: Kind<T>,
  object: T,
  isAsWanted: (object: T) => boolean,
): Promise<Ensured<T>> {
  const fields = differing(object, kind.wish).filter(
    ([name]) => kind.unkept?.includes(name) !== true,
  )
  const stuck = fields.find(([name]) => kind.fixed?.includes(name) === true)
  if (stuck !== undefined) throw cannotChange(stuck[0])
  if (fields.length === 0 && isAsWanted(object)) return { outcome: 'unchanged', object }
  return { outcome: 'updated', object: await kind.patch(object, Object.fromEntries(fields)) }
}

/** The wanted fields that an object has otherwise. */
function differing(object: object, wish: Fields): readonly (readonly [string, unknown])[] {
  const held = object as Fields
  return Object.entries(wish).filter(
    ([name, value]) => value !== undefined && !sameField(name, held[name], value),
  )
}

/** Lists of scopes and labels are sets, and times may be written in any offset. */
function sameField(name: string, held: unknown, wanted: unknown): boolean {
  if (name === 'name' && typeof held === 'string' && typeof wanted === 'string')
    return held === wanted.trim()
  if (name.endsWith('_at') && typeof held === 'string' && typeof wanted === 'string')
    return Date.parse(held) === Date.parse(wanted)
  if (name === 'scopes' || name === 'labels') return equal(sorted(held), sorted(wanted))
  return equal(held, wanted)
}

function sorted(list: unknown): unknown {
  return Array.isArray(list) ? [...(list as unknown[])].sort() : list
}

/** Whether two JSON values are the same, whatever the order of their fields; absent is absent. */
function equal(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return left === right
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const names = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...names].every((name) => equal((left as Fields)[name], (right as Fields)[name]))
}

async function first<T>(
  list: AsyncIterable<T>,
  isWanted: (item: T) => boolean,
): Promise<T | undefined> {
  for await (const item of list) if (isWanted(item)) return item
  return undefined
}

function isLive(item: { readonly archived_at: string | null }): boolean {
  return item.archived_at === null
}

function sameName(held: { readonly name: string }, wish: { readonly name: string }): boolean {
  return fold(held.name) === fold(wish.name)
}

/** As the service compares names (admin-api.md, Conventions). */
function fold(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().trim().replace(/\s+/gu, ' ')
}

function atRevision(object: { readonly revision: number }): { readonly ifMatch: number } {
  return { ifMatch: object.revision }
}

function cannotChange(field: string): CaracalError {
  const message = `The object exists with another ${field}, which cannot be changed.`
  return new CaracalError({ status: 0, code: 'conflict', message, details: { field } })
}

function ambiguous(grants: readonly { readonly id: string }[]): CaracalError {
  const ids = grants.map((grant) => grant.id)
  const message = `Several grants could be meant: ${ids.join(', ')}. Change one by its id.`
  return new CaracalError({ status: 0, code: 'ambiguous_reference', message, details: { ids } })
}
