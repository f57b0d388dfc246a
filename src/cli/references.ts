import { z } from 'zod'
import { metaOf, type RefKind } from '../../tools/fields.ts'
import type { Operation } from '../../tools/operation.ts'
import type { AdminClient } from '../client/admin-client.ts'
import { idPattern } from '../kernel/ids.ts'
import { foldName } from '../kernel/names.ts'
import { CliError, exitCodes } from './exit-codes.ts'

interface Candidate {
  readonly id: string
  /** Everything that the object can be called by. */
  readonly names: readonly (string | null)[]
}

type Find = (client: AdminClient, zone: string, name: string) => AsyncIterable<Candidate>

interface Named {
  readonly words: string
  readonly find: Find
  /** The command that lists what there is. */
  readonly list: string
}

/** How objects are found by the names that people use; kinds that are not here have ids alone. */
const finders: Partial<Record<RefKind, Named>> = {
  zone: {
    words: 'zone',
    list: 'zone list',
    find: (client) =>
      candidates(client.zones.list.all(), ({ id, name, slug }) => ({ id, names: [slug, name] })),
  },
  application: {
    words: 'application',
    list: 'application list',
    find: (client, zone, name) =>
      candidates(client.applications.list.all(zone, { name }), ({ id, name: own }) => ({
        id,
        names: [own],
      })),
  },
  resource: {
    words: 'resource',
    list: 'resource list',
    find: (client, zone) =>
      candidates(client.resources.list.all(zone), ({ id, name, identifier }) => ({
        id,
        names: [name, identifier],
      })),
  },
  provider: {
    words: 'provider',
    list: 'provider list',
    find: (client, zone) =>
      candidates(client.providers.list.all(zone), ({ id, name }) => ({ id, names: [name] })),
  },
  subjectIssuer: {
    words: 'subject issuer',
    list: 'subject-issuer list',
    find: (client, zone) =>
      candidates(client.subjectIssuers.list.all(zone), ({ id, name, issuer }) => ({
        id,
        names: [name, issuer],
      })),
  },
  witness: {
    words: 'witness',
    list: 'witness list',
    find: (client, zone) =>
      candidates(client.witnesses.list.all(zone), ({ id, name }) => ({ id, names: [name] })),
  },
  webhook: {
    words: 'webhook',
    list: 'webhook list',
    find: (client, zone) =>
      candidates(client.webhooks.list.all(zone), ({ id, name }) => ({ id, names: [name] })),
  },
  policy: {
    words: 'policy',
    list: 'policy list',
    find: (client, zone) =>
      candidates(client.policies.list.all(zone), ({ id, name }) => ({ id, names: [name] })),
  },
  policyVersion: {
    words: 'policy (for its latest version)',
    list: 'policy list',
    find: (client, zone) =>
      candidates(client.policies.list.all(zone), ({ name, latest_version }) => ({
        id: latest_version.id,
        names: [name],
      })),
  },
  policySet: {
    words: 'policy set',
    list: 'policy-set list',
    find: (client, zone) =>
      candidates(client.policySets.list.all(zone), ({ id, name }) => ({ id, names: [name] })),
  },
  policySetVersion: {
    words: 'policy set with a version (the latest is meant)',
    list: 'policy-set list',
    find: (client, zone) =>
      candidates(client.policySets.list.all(zone), ({ name, latest_version }) =>
        latest_version === null ? null : { id: latest_version.id, names: [name] },
      ),
  },
  adminToken: {
    words: 'token of anybody',
    list: 'token list',
    find: (client) =>
      candidates(client.adminTokens.list.all(), ({ id, principal_name, revoked_at }) =>
        revoked_at === null ? { id, names: [principal_name] } : null,
      ),
  },
}

/** The input with the names of objects replaced by their ids, wherever the schema wants ids. */
export async function resolveNames(
  client: AdminClient,
  zone: string,
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const seen = new Map<string, Promise<string>>()
  const resolve = (kind: RefKind, name: string): Promise<string> => {
    const key = `${kind} ${name}`
    const known = seen.get(key) ?? idOf(client, zone, kind, name)
    seen.set(key, known)
    return known
  }
  return (await walk(operation.input, input, resolve)) as Record<string, unknown>
}

type Resolve = (kind: RefKind, name: string) => Promise<string>

async function walk(schema: z.ZodType, value: unknown, resolve: Resolve): Promise<unknown> {
  const inner = unwrap(schema)
  if (Array.isArray(value)) {
    if (!(inner instanceof z.ZodArray)) return value
    const element = inner.element as z.ZodType
    return Promise.all(value.map((item) => walk(element, item, resolve)))
  }
  if (inner instanceof z.ZodObject) {
    if (typeof value !== 'object' || value === null) return value
    const shape = inner.shape as Readonly<Record<string, z.ZodType | undefined>>
    const entries = Object.entries(value).map(async ([name, item]) => {
      const field = Object.hasOwn(shape, name) ? shape[name] : undefined
      return [name, field === undefined ? item : await walk(field, item, resolve)] as const
    })
    return Object.fromEntries(await Promise.all(entries))
  }
  const { ref } = metaOf(inner)
  return ref === undefined || typeof value !== 'string' ? value : resolve(ref, value)
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema
}

/**
 * The id of the one object of a kind that a name stands for, compared as the service compares names.
 * A value that is an id already, or is of a kind without names, stays as it is.
 */
export async function idOf(
  client: AdminClient,
  zone: string,
  kind: RefKind,
  value: string,
): Promise<string> {
  const named = finders[kind]
  if (named === undefined || idPattern(kind).test(value)) return value
  const found: Candidate[] = []
  for await (const candidate of named.find(client, zone, value))
    if (candidate.names.some((name) => name !== null && foldName(name) === foldName(value)))
      found.push(candidate)
  const [first, ...others] = found
  if (first === undefined) throw unknown(named, zone, value)
  if (others.length > 0) throw ambiguous(named, value, found)
  return first.id
}

async function* candidates<T>(
  list: AsyncIterable<T>,
  read: (item: T) => Candidate | null,
): AsyncGenerator<Candidate, void, undefined> {
  for await (const item of list) {
    const candidate = read(item)
    if (candidate !== null) yield candidate
  }
}

function unknown(named: Named, zone: string, value: string): CliError {
  const where =
    named.words.startsWith('zone') || named.words.startsWith('token') ? '' : ` in zone ${zone}`
  const message = `There is no ${named.words} called ${JSON.stringify(value)}${where}.`
  return new CliError(exitCodes.failure, 'not_found', message, {
    hint: `See what there is: caracal ${named.list}`,
  })
}

function ambiguous(named: Named, value: string, found: readonly Candidate[]): CliError {
  const ids = found.map(({ id }) => id)
  const message = `Several could be meant by ${named.words} ${JSON.stringify(value)}: ${ids.join(', ')}.`
  return new CliError(exitCodes.question, 'ambiguous_reference', message, {
    hint: 'Say it again with the id.',
    details: { ids },
  })
}
