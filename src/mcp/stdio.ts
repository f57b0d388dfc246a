import type { Readable, Writable } from 'node:stream'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { McpServer, type RequestMethod } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio as serve } from '@modelcontextprotocol/server/stdio'
import { StartupError } from '../kernel/startup-error.ts'
import { implementation } from './server.ts'

export interface StdioOptions {
  /** Base URL of the service. */
  readonly apiUrl: string
  /** Admin token or control mandate. */
  readonly token: string
  /** Zone by id or slug; null for that of the token. */
  readonly zone: string | null
  readonly input?: Readable
  readonly output?: Writable
  /** Where a line about what went wrong goes; never the output, which is the protocol's. */
  readonly log?: (line: string) => void
}

/** What is handed on, by the capability that the service has. */
const forwarded = {
  tools: ['tools/list', 'tools/call'],
  resources: ['resources/list', 'resources/templates/list', 'resources/read'],
  prompts: ['prompts/list', 'prompts/get'],
  completions: ['completion/complete'],
} as const satisfies Record<string, readonly RequestMethod[]>

type Capability = keyof typeof forwarded

/**
 * Serves MCP on stdin and stdout for a program on this machine, and hands everything on to the
 * service's endpoint: there is one server, and this is a way to it. Resolves when stdin ends. Throws
 * {@link StartupError} where the service cannot be reached or does not accept the token.
 */
export async function serveStdio(options: StdioOptions): Promise<void> {
  await using begun = new AsyncDisposableStack()
  const log = options.log ?? ((line) => process.stderr.write(`${line}\n`))
  const client = await connect(options)
  begun.defer(() => client.close())
  const transport = new StdioServerTransport(options.input, options.output)
  const ended = new Promise<void>((resolve) => {
    const input = options.input ?? process.stdin
    input.once('end', resolve).once('close', resolve)
  })
  const handle = serve(() => mirrorOf(client), {
    transport,
    onerror: (error) => {
      log(`caracal mcp: ${error.message}`)
    },
  })
  begun.defer(() => handle.close())
  await ended
}

async function connect({ apiUrl, token, zone }: StdioOptions): Promise<Client> {
  const path = zone === null ? '/mcp' : `/mcp/zones/${encodeURIComponent(zone)}`
  const client = new Client(implementation, { versionNegotiation: { mode: 'auto' } })
  const transport = new StreamableHTTPClientTransport(new URL(`${apiUrl}${path}`), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  })
  try {
    await client.connect(transport)
    return client
  } catch (error) {
    await client.close()
    throw startupErrorOf(apiUrl, error)
  }
}

function startupErrorOf(apiUrl: string, error: unknown): StartupError {
  const status = (error as { status?: unknown }).status
  if (status === 401 || status === 403)
    return new StartupError(
      `${apiUrl} does not accept this token for this zone`,
      'Set CARACAL_ADMIN_TOKEN to a valid admin token, or name its zone with --zone.',
      { cause: error },
    )
  if (status === 404)
    return new StartupError(`${apiUrl} has no such zone`, 'Look at `caracal zone list`.', {
      cause: error,
    })
  return new StartupError(
    `${apiUrl} cannot be reached`,
    'Start the service with `caracal up`, or set CARACAL_URL to where it runs.',
    { cause: error },
  )
}

/** A server that has what the service has, and asks the service for all of it. */
function mirrorOf(client: Client): McpServer {
  const offered = client.getServerCapabilities() ?? {}
  const has = (capability: Capability): boolean => offered[capability] !== undefined
  const capabilities = (Object.keys(forwarded) as Capability[]).filter(has)
  const instructions = client.getInstructions()
  const mirror = new McpServer(client.getServerVersion() ?? implementation, {
    ...(instructions !== undefined && { instructions }),
  })
  // What changes at the service is not told of here, so no such promise is made.
  mirror.server.registerCapabilities(Object.fromEntries(capabilities.map((one) => [one, {}])))
  for (const method of capabilities.flatMap((one): readonly RequestMethod[] => forwarded[one]))
    mirror.server.setRequestHandler(method, ({ params }, { mcpReq }) =>
      client.request({ method, params } as { method: typeof method }, { signal: mcpReq.signal }),
    )
  return mirror
}
