import { z } from 'zod'
import { metaOf } from '../../tools/fields.ts'
import { pathFields, type Operation } from '../../tools/operation.ts'
import { newId, type IdKind } from '../../src/kernel/ids.ts'

/** Fields of the path with ids that fit their kinds and name nothing that exists. */
export function absentIds(operation: Operation): Record<string, string> {
  return Object.fromEntries(
    pathFields(operation).map((field) => [field, absentId(operation.input.shape[field])]),
  )
}

function absentId(schema: unknown): string {
  const kind = schema instanceof z.ZodType ? metaOf(schema).ref : undefined
  return kind === undefined ? 'absent' : newId(kind as IdKind, 0)
}
