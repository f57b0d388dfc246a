import type { z } from 'zod'
import { metaOf, type RefKind } from '../../tools/fields.ts'
import type { Operation } from '../../tools/operation.ts'
import { refuse } from '../kernel/faults.ts'
import { isId, type IdKind, type ZoneId } from '../kernel/ids.ts'
import { foldName } from '../kernel/names.ts'
import type { Queries } from '../store/database.ts'
import { findByName, type GovernedTable } from '../store/objects.ts'

/** `{{steps.app.output.id}}`: a field of the output of an earlier step. */
const reference =
  /^\{\{\s*steps\.([a-z][a-z0-9_]{0,39})\.output\.([a-z0-9_]+(?:\.[a-z0-9_]+){0,4})\s*\}\}$/

/** The ids of the steps that a value refers to, wherever in it they stand. */
export function referencesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') {
    const step = reference.exec(value)?.[1]
    return step === undefined ? [] : [step]
  }
  return typeof value === 'object' && value !== null
    ? Object.values(value).flatMap((inner) => referencesIn(inner))
    : []
}

/** Puts outputs of earlier steps in the place of the references to them. */
export function resolveReferences(value: unknown, outputs: ReadonlyMap<string, unknown>): unknown {
  if (typeof value === 'string') return resolveText(value, outputs)
  if (Array.isArray(value)) return value.map((inner) => resolveReferences(inner, outputs))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, resolveReferences(inner, outputs)]),
  )
}

function resolveText(text: string, outputs: ReadonlyMap<string, unknown>): unknown {
  const [, step, path] = reference.exec(text) ?? []
  if (step === undefined || path === undefined) return text
  let value: unknown = outputs.get(step)
  for (const key of path.split('.'))
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined
  return value ?? refuse('unknown_reference', `${text} names nothing that step ${step} gives.`)
}

const tableOf: Partial<Record<RefKind, GovernedTable>> = {
  application: 'applications',
  resource: 'resources',
  provider: 'providers',
  subjectIssuer: 'subject_issuers',
  policy: 'policies',
  policySet: 'policy_sets',
}

/**
 * Puts ids in the place of names in the fields of an operation that refer to objects. A plan may
 * name things as people do; what is approved names them by id.
 */
export async function resolveNames(
  queries: Queries,
  zone: ZoneId,
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const resolved: Record<string, unknown> = { ...input }
  for (const [field, schema] of Object.entries(operation.input.shape)) {
    const kind = metaOf(schema as z.ZodType).ref
    const value = input[field]
    if (kind === undefined || typeof value !== 'string' || isId(kind as IdKind, value)) continue
    resolved[field] = await idOf(queries, zone, kind, value)
  }
  return resolved
}

async function idOf(queries: Queries, zone: ZoneId, kind: RefKind, name: string): Promise<string> {
  const table = tableOf[kind]
  if (table === undefined) return name
  const [found] = await findByName(queries, zone, table, foldName(name))
  return (
    found?.id ??
    refuse('unknown_reference', `There is no ${kind} called ${JSON.stringify(name)} in the zone.`, {
      details: { kind, name },
    })
  )
}
