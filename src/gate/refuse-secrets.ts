import type { z } from 'zod'
import { findOperation } from '../../tools/catalogue.ts'
import { metaOf } from '../../tools/fields.ts'
import type { Operation } from '../../tools/operation.ts'
import { refuse } from '../kernel/faults.ts'
import { secretInValue } from '../kernel/secret-shapes.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Refuses a call that holds a credential in a field that is for none: messages, plans, names, reasons,
 * documents. Nothing has seen or kept it then. What is only read is kept nowhere.
 */
export function refuseSecrets(operation: Operation, input: Fields): void {
  if (operation.effect === 'read') return
  for (const [name, value] of Object.entries(input)) {
    if (isSecret(operation, name)) continue
    const found = secretOfStep(value) ?? secretInValue(value)
    if (found !== null)
      refuse(
        'secret_in_message',
        `${name}: this looks like ${found}, and nothing of it was kept. Leave it out. ${where}`,
        { details: { issues: [{ path: name, message: `looks like ${found}` }] } },
      )
  }
}

const where =
  'The secret of a provider or a subject issuer is given to set-secret in the command line, or to its route; a plan takes none.'

function isSecret({ input }: Operation, name: string): boolean {
  const shape: Readonly<Record<string, z.ZodType>> = input.shape
  const field = Object.hasOwn(shape, name) ? shape[name] : undefined
  return field !== undefined && metaOf(field).secret === true
}

/** A step of an operation that takes a secret is kept with its plan even where it is blocked. */
function secretOfStep(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null
  const { operation: id, input } = value as { operation?: unknown; input?: unknown }
  const operation = typeof id === 'string' ? findOperation(id) : undefined
  if (operation !== undefined && typeof input === 'object' && input !== null)
    for (const name of Object.keys(input))
      if (isSecret(operation, name)) return `the ${name} of ${operation.id}`
  for (const inner of Object.values(value)) {
    const found = secretOfStep(inner)
    if (found !== null) return found
  }
  return null
}
