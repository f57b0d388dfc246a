import { z } from 'zod'
import { catalogue, findOperation } from '../../tools/catalogue.ts'
import { metaOf } from '../../tools/fields.ts'
import { hiddenObjects, hiddenReads, planTools, platformReads } from '../../tools/mcp.ts'
import { objectOf, type Operation } from '../../tools/operation.ts'
import { inputSchemaOf, outputSchemaOf, type JsonSchema } from './json-schema.ts'

/** What a tool does, in the words of the MCP specification (server/tools, ToolAnnotations). */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean
  readonly destructiveHint: boolean
  readonly idempotentHint: boolean
  readonly openWorldHint: boolean
}

/** A tool of the MCP server: one operation of the catalogue under a name. */
export interface McpTool {
  readonly name: string
  readonly description: string
  readonly operation: Operation
  /** Fields without which the tool is not called, beyond those that the operation requires. */
  readonly requires: readonly string[]
  /** What an answer may hold: the operation's output without the fields that are secret. */
  readonly output: z.ZodObject
  /** The fields that are left out of the answer. */
  readonly withheld: readonly string[]
  readonly inputSchema: JsonSchema
  readonly outputSchema: JsonSchema
  readonly annotations: ToolAnnotations
}

/** Every tool, sorted by name. Which ones there are does not depend on who asks. */
export const mcpTools: readonly McpTool[] = [...planToolsOfCatalogue(), ...reads()].sort((a, b) =>
  a.name < b.name ? -1 : 1,
)

function planToolsOfCatalogue(): McpTool[] {
  return planTools.map(({ name, operation: id, requires, answersLike }) => {
    const operation = findOperation(id)
    if (operation === undefined) throw new Error(`${name} stands for no operation`)
    return tool(name, operation, requires, answersLike === undefined ? 'whole' : 'outline')
  })
}

/** Every read that says nothing of other zones, and the few of the platform that are named. */
function reads(): McpTool[] {
  const named = new Set<string>(planTools.map(({ operation }) => operation))
  return catalogue
    .filter(({ effect, id }) => effect === 'read' && !named.has(id) && !hiddenReads.includes(id))
    .filter((operation) => !hiddenObjects.includes(objectOf(operation)))
    .filter(({ id, place }) => place !== 'platform' || platformReads.includes(id))
    .map((operation) => tool(operation.id.replace('.', '_'), operation, []))
}

function tool(
  name: string,
  operation: Operation,
  requires: readonly string[],
  answer: 'whole' | 'outline' = 'whole',
): McpTool {
  const { output, withheld } = withoutSecrets(operation)
  const read = operation.effect === 'read'
  return {
    name,
    description: operation.summary,
    operation,
    requires,
    output,
    withheld,
    inputSchema: inputSchemaOf(operation.input, requires),
    outputSchema: outputSchemaOf(output, answer),
    annotations: {
      readOnlyHint: read,
      // Applying may delete; a proposal only ever adds a draft.
      destructiveHint: !read && operation.risk === 'high',
      // What insists on a digest is done once for it, however often it is asked for.
      idempotentHint: read || requires.includes('digest'),
      openWorldHint: false,
    },
  }
}

/** Secrets never travel over MCP: what a model has seen is no secret. */
function withoutSecrets(operation: Operation): Pick<McpTool, 'output' | 'withheld'> {
  if (!(operation.output instanceof z.ZodObject))
    throw new Error(`${operation.id} cannot be a tool: its output is not an object`)
  const shape: Readonly<Record<string, z.ZodType>> = operation.output.shape
  const fields = Object.entries(shape)
  const isSecret = (field: z.ZodType): boolean => metaOf(field).secret === true
  return {
    output: z.object(Object.fromEntries(fields.filter(([, field]) => !isSecret(field)))),
    withheld: fields.filter(([, field]) => isSecret(field)).map(([name]) => name),
  }
}
