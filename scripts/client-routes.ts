import { format, resolveConfig } from 'prettier'
import { z } from 'zod'
import type { Operation } from '../tools/operation.ts'

const head = `/**
 * Where the client finds each operation, by object and verb in camelCase. Made from the catalogue in
 * tools/, by \`npm run generate\`, so that the client carries no schemas.
 *
 * \`page\`: the answer is a page of a list. \`stream\`: it goes on as server-sent events. \`file\`: a file. \`reads\`: the
 * call changes nothing, whatever its method, so it may be sent again.
 */
`

/** The text of src/client/routes-table.ts for a catalogue. */
export async function clientRoutes(catalogue: readonly Operation[]): Promise<string> {
  const byObject = Map.groupBy(catalogue, ({ id }) => id.slice(0, id.indexOf('.')))
  const objects = [...byObject].map(([object, operations]) => {
    const rows = operations.map((operation) => `${camel(verbOf(operation))}: ${row(operation)},`)
    return `${camel(object)}: {\n${rows.join('\n')}\n},`
  })
  const text = `${head}export const routes = {\n${objects.join('\n')}\n} as const\n`
  const path = new URL('../src/client/routes-table.ts', import.meta.url)
  return format(text, { ...(await resolveConfig(path)), parser: 'typescript' })
}

export function camel(snake: string): string {
  return snake.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

export function verbOf({ id }: Pick<Operation, 'id'>): string {
  return id.slice(id.indexOf('.') + 1)
}

function row(operation: Operation): string {
  const { method, path } = operation.route
  const reads = operation.effect === 'read'
  return `{ method: '${method}', path: '${path}', answer: '${answerOf(operation)}', reads: ${reads} }`
}

function answerOf({ streams, output }: Operation): 'object' | 'page' | 'stream' | 'file' {
  if (streams !== null) return streams === 'events' ? 'stream' : 'file'
  return output instanceof z.ZodObject && 'next_cursor' in output.shape ? 'page' : 'object'
}
