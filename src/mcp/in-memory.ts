import {
  Client,
  InMemoryTransport,
  type ClientOptions,
  type JsonSchemaValidatorResult,
} from '@modelcontextprotocol/client'
import type { GateContext } from '../gate/context.ts'
import type { ControlPrincipal } from '../gate/principal.ts'
import type { ToolAnswer, ToolSpec } from '../operator/model/model.ts'
import type { OpenToolSession } from '../operator/conversation/tool-session.ts'
import { createMcpServer, implementation, type ToolRefusal } from './server.ts'
import { mcpTools, type McpTool } from './tools.ts'

/**
 * Connects the Operator to the MCP server in memory. The server offers what it offers to everybody;
 * the model is told only of the tools that its mandate could use at all.
 */
export function openToolSession(context: GateContext): OpenToolSession {
  let listing: Promise<readonly ToolSpec[]> | undefined
  return async ({ principal, zone, requestId, traceId }) => {
    await using begun = new AsyncDisposableStack()
    const server = createMcpServer({
      context,
      principal,
      zone,
      requestId: () => requestId,
      traceId,
    })
    const client = new Client(implementation, { jsonSchemaValidator: trustingValidator })
    const [near, far] = InMemoryTransport.createLinkedPair()
    begun.defer(() => client.close())
    await Promise.all([server.connect(far), client.connect(near)])
    // What there is does not depend on who asks, and reading the list takes longer than a call.
    const listed = await (listing ??= listTools(client))
    const usable = new Set(
      mcpTools.filter((tool) => canUse(principal, tool)).map(({ name }) => name),
    )
    const stack = begun.move()
    return {
      tools: listed.filter(({ name }) => usable.has(name)),
      call: (name, args) => callTool(client, name, args),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  }
}

async function listTools(client: Client): Promise<readonly ToolSpec[]> {
  const { tools } = await client.listTools()
  return tools.map(({ name, description = '', inputSchema }) => ({
    name,
    description,
    inputSchema,
  }))
}

/** Whether the door could ever let this mandate through; what else it asks of a call, it says then. */
function canUse({ scopes, target }: ControlPrincipal, { operation }: McpTool): boolean {
  return scopes.has(operation.scope) && (operation.place !== 'platform' || target === 'platform')
}

/** Calls by name; a name that the server does not have is a refusal as well, which a model can read. */
async function callTool(
  client: Client,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<ToolAnswer> {
  if (!mcpTools.some((tool) => tool.name === name))
    return { ok: false, code: 'unknown_operation', message: `There is no tool ${name}.` }
  const { content, structuredContent, isError } = await client.callTool({
    name,
    arguments: { ...args },
  })
  if (isError !== true && structuredContent !== undefined)
    return { ok: true, value: structuredContent as Readonly<Record<string, unknown>> }
  const [first] = content
  const { code, message } = JSON.parse(first?.type === 'text' ? first.text : '{}') as ToolRefusal
  return { ok: false, code, message }
}

/** The server in the same process has parsed its answers; compiling 30 schemas a turn says no more. */
const trustingValidator: NonNullable<ClientOptions['jsonSchemaValidator']> = {
  getValidator<T>() {
    return (value): JsonSchemaValidatorResult<T> => ({
      valid: true,
      data: value as T,
      errorMessage: undefined,
    })
  },
}
