import type { z } from 'zod'
import { metaOf } from '../../tools/fields.ts'
import type { Operation } from '../../tools/operation.ts'
import { refuse } from '../kernel/faults.ts'
import { secretInValue } from '../kernel/secret-shapes.ts'

/**
 * Refuses a call that holds a credential in a field that is for none: messages, plans, names, reasons,
 * documents. Nothing has seen or kept it then. What is only read is kept nowhere.
 */
export function refuseSecrets(
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
): void {
  if (operation.effect === 'read') return
  const shape: Readonly<Record<string, z.ZodType>> = operation.input.shape
  for (const [name, value] of Object.entries(input)) {
    const field = shape[name]
    const found = field === undefined || metaOf(field).secret !== true ? secretInValue(value) : null
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
