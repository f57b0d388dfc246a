import { readFileSync } from 'node:fs'
import {
  McpServer,
  type CallToolResult,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server'
import type { GateContext } from '../gate/context.ts'
import { perform } from '../gate/perform.ts'
import type { Principal } from '../gate/principal.ts'
import { Fault, isFault } from '../kernel/faults.ts'
import type { ZoneId } from '../kernel/ids.ts'
import { packageFile } from '../kernel/package-root.ts'
import { promptText } from '../operator/conversation/prompt.ts'
import type { JsonSchema } from './json-schema.ts'
import { mcpTools, type McpTool } from './tools.ts'

/** On whose authority a server answers, and for which zone: neither is ever an argument. */
export interface McpServerOptions {
  readonly context: GateContext
  readonly principal: Principal
  readonly zone: ZoneId
  /** The id of the request that a call is part of; asked for at every call. */
  readonly requestId: () => string
  readonly traceId: string | undefined
}

/** What a refused tool call says, as JSON in its text. */
export interface ToolRefusal {
  readonly code: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly request_id: string
}

type Args = Readonly<Record<string, unknown>>

const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
  version: string
}

export const implementation = { name: 'caracal', title: 'Caracal', version } as const

/** An MCP server for one caller, whose every tool call goes through the door. */
export function createMcpServer(options: McpServerOptions): McpServer {
  const server = new McpServer(implementation, {
    capabilities: { tools: { listChanged: false } },
    instructions: promptText('mcp-instructions', { zone: options.zone }),
  })
  for (const tool of mcpTools)
    server.registerTool(
      tool.name,
      {
        description: tool.description,
        inputSchema: uncheckedSchema(tool.inputSchema),
        outputSchema: uncheckedSchema(tool.outputSchema),
        annotations: tool.annotations,
      },
      (args) => callTool(options, tool, args),
    )
  return server
}

/** Listed as it is and checked by the door, so that a malformed call is refused, and recorded, there. */
function uncheckedSchema(schema: JsonSchema): StandardSchemaWithJSON<Args> {
  return {
    '~standard': {
      version: 1,
      vendor: 'caracal',
      validate: (value) => ({ value: value as Args }),
      jsonSchema: { input: () => ({ ...schema }), output: () => ({ ...schema }) },
    },
  }
}

async function callTool(
  options: McpServerOptions,
  tool: McpTool,
  args: Args,
): Promise<CallToolResult> {
  const requestId = options.requestId()
  try {
    const { output } = await perform(options.context, options.principal, {
      operation: tool.operation.id,
      zone: tool.operation.place === 'zone' ? options.zone : null,
      input: args,
      requestId,
      traceId: options.traceId,
      surface: 'mcp',
      refusal: missingField(tool, args),
    })
    return answerOf(options, tool, output)
  } catch (error) {
    return refusalOf(options, faultOf(options, error, requestId), args, requestId)
  }
}

function missingField({ name, requires }: McpTool, args: Args): Fault | undefined {
  const missing = requires.find((field) => args[field] === undefined)
  if (missing === undefined) return undefined
  return new Fault('invalid_body', `${name}: ${missing}: is required`, {
    details: { issues: [{ path: missing, message: 'is required' }] },
  })
}

function answerOf(options: McpServerOptions, tool: McpTool, output: unknown): CallToolResult {
  const value = tool.output.parse(output)
  const withheld = withheldOf(tool, output)
  const notes = [
    approvalNote(options, 'plan' in value ? value.plan : value),
    withheld.length === 0 ? null : promptText('mcp-withheld', { fields: withheld.join(', ') }),
  ]
  return { content: textsOf(value, notes), structuredContent: value }
}

/** The secret fields that an answer has; empty ones are not worth a word. */
function withheldOf(tool: McpTool, output: unknown): readonly string[] {
  const fields = output as Readonly<Record<string, unknown>>
  return tool.withheld.filter((field) => {
    const value = fields[field]
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null
  })
}

/** How and where a person approves a plan that waits for it; null for anything else. */
function approvalNote(options: McpServerOptions, plan: unknown): string | null {
  const { id, digest, state } = plan as { id?: unknown; digest?: unknown; state?: unknown }
  if (state !== 'pending_approval' || typeof id !== 'string' || typeof digest !== 'string')
    return null
  return promptText('mcp-approval', { plan: id, digest, zone: options.zone })
}

function refusalOf(
  options: McpServerOptions,
  fault: Fault,
  args: Args,
  requestId: string,
): CallToolResult {
  const refusal: ToolRefusal = {
    code: fault.code,
    message: fault.message,
    ...(fault.details !== undefined && { details: fault.details }),
    request_id: requestId,
  }
  const waiting =
    fault.code === 'approval_required'
      ? { id: args.plan_id, digest: fault.details?.digest, state: 'pending_approval' }
      : {}
  return { content: textsOf(refusal, [approvalNote(options, waiting)]), isError: true }
}

/** An error that is no refusal says nothing of itself to the caller. */
function faultOf(options: McpServerOptions, error: unknown, requestId: string): Fault {
  if (isFault(error)) return error
  options.context.log.error({ err: error, requestId }, 'a tool call failed')
  return new Fault('internal', 'Something went wrong here; the log has it by the request id.')
}

/** The answer itself comes first and is JSON; what stands beside it is for whoever reads it. */
function textsOf(value: unknown, notes: readonly (string | null)[]): CallToolResult['content'] {
  return [JSON.stringify(value), ...notes.filter((note) => note !== null)].map((text) => ({
    type: 'text',
    text,
  }))
}
