import type { Operation } from '../../tools/operation.ts'
import { refuse, type FaultCode } from '../kernel/faults.ts'
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
  const code = operation.route.method === 'GET' ? 'invalid_query' : 'invalid_body'
  refuseHostile(code, input, '', 0)
  const parsed = operation.input.safeParse(input ?? {})
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.slice(0, 20).map((issue) => ({
    path: issue.path.join('.'),
    message: issue.code === 'unrecognized_keys' ? undeclared(issue.keys) : issue.message,
  }))
  const [first] = issues
  refuse(
    code,
    `${operation.id}: ${first?.path === '' ? '' : `${first?.path ?? ''}: `}${first?.message ?? 'is not valid'}`,
    { details: { issues } },
  )
}

function undeclared(keys: readonly string[]): string {
  const named = keys.slice(0, 5).map((key) => JSON.stringify(key.slice(0, 80)))
  const more = keys.length > named.length ? ` and ${keys.length - named.length} more` : ''
  return `has no field ${named.join(', ')}${more}`
}

/** What is no call of anybody's: bottomless nesting, keys of prototypes, text that is not Unicode. */
function refuseHostile(code: FaultCode, value: unknown, path: string, depth: number): void {
  if (depth > limits.jsonDepth)
    refuse(code, `The input is nested deeper than ${limits.jsonDepth} levels.`)
  if (typeof value === 'string') refuseUnstorable(code, value, path)
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    refuseUnstorable(code, key, path)
    if (prototypeKeys.has(key))
      refuse(code, `A field may not be called ${key}.`, {
        details: { issues: [{ path, message: `has no field ${key}` }] },
      })
    refuseHostile(
      code,
      (value as Record<string, unknown>)[key],
      path === '' ? key : `${path}.${key}`,
      depth + 1,
    )
  }
}

/** PostgreSQL stores neither NUL nor half of a surrogate pair, and no digest could be taken. */
function refuseUnstorable(code: FaultCode, text: string, path: string): void {
  if (text.isWellFormed() && !text.includes('\0')) return
  const message = 'holds a character that cannot be stored'
  refuse(code, `${path}: ${message}.`, { details: { issues: [{ path, message }] } })
}
