import { z } from 'zod'
import { objectOf, pathFields, type Operation } from '../tools/operation.ts'
import { inputFields, type InputField } from './input-fields.ts'
import { code, generatedNotice, markdownTable } from './markdown.ts'

const introduction = `# Operations

Everything that may be asked for, from the declarations in \`tools/\`. The Admin API, the MCP server,
the command line, the typed client and the steps of a plan all offer these and take the same input.

- **effect**: \`read\` changes nothing; \`act\` changes something that is not a governed object.
- **risk** is the least that a step with this operation has; a preview may raise it.
- **capability** is what an admin token needs, **scope** what a mandate needs.
- **plan**: whether a plan may have it as a step.
- An operation sees one zone alone unless it says that it needs global scope.`

/** The reference page of the catalogue: an overview, then every operation with its input. */
export function operationsPage(catalogue: readonly Operation[]): string {
  const byObject = Object.groupBy(catalogue, objectOf)
  const chapters = Object.entries(byObject).map(([object, operations = []]) =>
    [`## ${object}`, ...operations.map(section)].join('\n\n'),
  )
  return `${[generatedNotice, introduction, overview(catalogue), ...chapters].join('\n\n')}\n`
}

function overview(catalogue: readonly Operation[]): string {
  return markdownTable(
    ['operation', 'effect', 'risk', 'capability', 'scope', 'plan'],
    catalogue.map((operation) => [
      `[${code(operation.id)}](#${anchorOf(operation)})`,
      operation.effect,
      operation.risk,
      operation.capability,
      code(operation.scope),
      operation.plannable ? 'yes' : 'no',
    ]),
  )
}

/** GitHub's anchor of a heading that is one word in code. */
function anchorOf(operation: Operation): string {
  return operation.id.replaceAll('.', '')
}

function section(operation: Operation): string {
  const { id, summary, effect, risk, capability, place, scope, route, inverse } = operation
  const facts = [
    `${code(`${route.method} ${route.path}`)} answers ${route.status}`,
    `effect ${effect}`,
    `risk ${risk}`,
    `capability ${capability}`,
    `scope ${code(scope)}`,
    ...(place === 'platform' ? ['needs global scope'] : []),
    ...(operation.streams === 'events' ? ['goes on as server-sent events'] : []),
    ...(operation.streams === 'file' ? ['answers with a file'] : []),
    ...(inverse === null ? [] : [`undone by ${code(inverse)}`]),
  ]
  return [`### ${code(id)}`, `${summary}.`, facts.join(' · '), inputTable(operation)].join('\n\n')
}

function inputTable(operation: Operation): string {
  const schema = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' })
  const fields = inputFields(schema)
  if (fields.length === 0) return 'It takes no input.'
  return markdownTable(
    ['field', 'in', 'type', 'required', 'meaning'],
    fields.map((field) => [
      code(field.path),
      placeOf(operation, field),
      field.type,
      field.required ? 'yes' : field.fallback === undefined ? 'no' : `no: ${code(field.fallback)}`,
      field.meaning,
    ]),
  )
}

function placeOf(operation: Operation, { path }: InputField): 'path' | 'query' | 'body' {
  if (pathFields(operation).includes(path)) return 'path'
  return operation.route.method === 'GET' || operation.route.method === 'DELETE' ? 'query' : 'body'
}
