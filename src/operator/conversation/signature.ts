import { z } from 'zod'
import type { Operation } from '../../../tools/operation.ts'

interface Shape {
  readonly type?: string | readonly string[]
  readonly ref?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly items?: Shape
  readonly anyOf?: readonly Shape[]
  readonly oneOf?: readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
}

/**
 * The arguments of an operation on one line, a tenth of its JSON Schema:
 * `grants.delete(grant_id: grant)`.
 */
export function signatureOf(operation: Pick<Operation, 'id' | 'input'>): string {
  const schema = z.toJSONSchema(operation.input, { io: 'input' }) as Shape
  return `${operation.id}(${fieldsOf(schema)})`
}

function fieldsOf({ properties = {}, required = [] }: Shape): string {
  return Object.entries(properties)
    .map(([name, shape]) => {
      const optional = required.includes(name) || shape.default !== undefined ? '' : '?'
      const fallback = shape.default === undefined ? '' : `=${JSON.stringify(shape.default)}`
      return shape.const === undefined
        ? `${name}${optional}: ${typeOf(shape)}${fallback}`
        : `${name}: ${JSON.stringify(shape.const)}`
    })
    .join(', ')
}

/** Types by the keyword that tells them apart; the first that a shape has decides. */
function typeOf(shape: Shape): string {
  const choices = shape.anyOf ?? shape.oneOf
  if (choices !== undefined) return choices.map((choice) => typeOf(choice)).join(' | ')
  if (shape.ref !== undefined) return shape.ref
  if (shape.const !== undefined) return JSON.stringify(shape.const)
  if (shape.enum !== undefined) return shape.enum.map((value) => JSON.stringify(value)).join('|')
  if (shape.format === 'date-time') return 'time'
  if (shape.items !== undefined) return `[${typeOf(shape.items)}]`
  if (shape.properties !== undefined) return `{ ${fieldsOf(shape)} }`
  return Array.isArray(shape.type) ? shape.type.join('|') : String(shape.type ?? 'any')
}
