import type { Operation } from '../../tools/operation.ts'
import { refuse } from '../kernel/faults.ts'
import { limits } from '../kernel/limits.ts'

/** Names that reach a prototype when code is careless; no field of ours is called so. */
const prototypeKeys = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Reads a call's input by the operation's schema: undeclared fields, wrong types and values out of
 * range are refused, each with its path. No value is repeated in the refusal.
 */
export function parseInput(
  operation: Operation,
  input: unknown,
): Readonly<Record<string, unknown>> {
  refuseHostile(input, '', 0)
  const parsed = operation.input.safeParse(input ?? {})
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.slice(0, 20).map((issue) => ({
    path: issue.path.join('.'),
    message: issue.code === 'unrecognized_keys' ? undeclared(issue.keys) : issue.message,
  }))
  const [first] = issues
  refuse(
    operation.route.method === 'GET' ? 'invalid_query' : 'invalid_body',
    `${operation.id}: ${first?.path === '' ? '' : `${first?.path ?? ''}: `}${first?.message ?? 'is not valid'}`,
    { details: { issues } },
  )
}

function undeclared(keys: readonly string[]): string {
  return `has no field ${keys.map((key) => JSON.stringify(key.slice(0, 80))).join(', ')}`
}

function refuseHostile(value: unknown, path: string, depth: number): void {
  if (depth > limits.jsonDepth)
    refuse('invalid_body', `The input is nested deeper than ${limits.jsonDepth} levels.`)
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    if (prototypeKeys.has(key))
      refuse('invalid_body', `A field may not be called ${key}.`, {
        details: { issues: [{ path, message: `has no field ${key}` }] },
      })
    refuseHostile((value as Record<string, unknown>)[key], `${path}${key}.`, depth + 1)
  }
}
