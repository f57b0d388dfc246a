import { Client as ModernClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as OlderClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OlderTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

/** What the tests need of a client, whichever package it comes from. */
export interface TestClient extends AsyncDisposable {
  readonly protocol: string
  readonly instructions: string | undefined
  listTools(): Promise<readonly ListedTool[]>
  call(name: string, args?: Record<string, unknown>): Promise<ToolResult>
}

export interface ListedTool {
  readonly name: string
  readonly description?: string | undefined
  readonly inputSchema: object
  readonly outputSchema?: object | undefined
  readonly annotations?: object | undefined
}

export interface ToolResult {
  readonly isError: boolean
  readonly texts: readonly string[]
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers are what the test asserts
  readonly value: any
}

export type Era = 'of 2026' | 'of 2025' | 'of 2025, of the older package'

export const eras: readonly Era[] = ['of 2026', 'of 2025', 'of 2025, of the older package']

/** A real client of an era, connected over HTTP. */
export async function connect(
  era: Era,
  url: string,
  token: string,
  name = 'test',
): Promise<TestClient> {
  const init = { requestInit: { headers: { authorization: `Bearer ${token}` } } }
  const info = { name, version: '1' }
  if (era === 'of 2025, of the older package') {
    const client = new OlderClient(info)
    const transport = new OlderTransport(new URL(url), init)
    await client.connect(transport)
    return testClient(client, transport.protocolVersion ?? '')
  }
  const modern = { supportedProtocolVersions: ['2026-07-28'], versionNegotiation: { mode: 'auto' } }
  const client = new ModernClient(info, era === 'of 2026' ? (modern as object) : {})
  await client.connect(new StreamableHTTPClientTransport(new URL(url), init))
  return testClient(client, client.getNegotiatedProtocolVersion() ?? '')
}

export function testClient(client: ModernClient | OlderClient, protocol: string): TestClient {
  return {
    protocol,
    instructions: client.getInstructions(),
    async listTools() {
      return (await client.listTools()).tools
    },
    async call(name, args = {}) {
      const result = (await client.callTool({ name, arguments: args })) as {
        isError?: boolean
        content: readonly { type: string; text?: string }[]
        structuredContent?: unknown
      }
      const texts = result.content.map(({ text = '' }) => text)
      const value: unknown = result.structuredContent ?? JSON.parse(texts[0] ?? 'null')
      return { isError: result.isError === true, texts, value }
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}
