import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as OlderClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as OlderTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mcpTools } from '../../src/mcp/tools.ts'
import { serveStdio } from '../../src/mcp/stdio.ts'
import { startWorld, type World } from '../world.ts'
import { eras, testClient, type Era, type TestClient } from './clients.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const child = join(import.meta.dirname, 'stdio-child.ts')

async function connect(era: Era, zone = 'default'): Promise<TestClient> {
  const args = [child, world.url, world.token, zone]
  const server = { command: process.execPath, args, stderr: 'pipe' } as const
  const info = { name: 'test', version: '1' }
  if (era === 'of 2025, of the older package') {
    const client = new OlderClient(info)
    await client.connect(new OlderTransport(server))
    return testClient(client, '2025')
  }
  const modern = { supportedProtocolVersions: ['2026-07-28'], versionNegotiation: { mode: 'auto' } }
  const client = new Client(info, era === 'of 2026' ? (modern as object) : {})
  await client.connect(new StdioClientTransport(server))
  return testClient(client, client.getNegotiatedProtocolVersion() ?? '')
}

describe.each(eras)('over stdio, a client %s', (era) => {
  test('gets what the service offers, and its refusals as they are', async () => {
    await using client = await connect(era)
    expect(client.protocol).toMatch(era === 'of 2026' ? /^2026-07-28$/ : /^2025/)
    expect(client.instructions).toMatch(/No tool approves/)
    const tools = await client.listTools()
    expect(tools.map(({ name, inputSchema }) => [name, inputSchema])).toEqual(
      mcpTools.map(({ name, inputSchema }) => [name, inputSchema]),
    )
    expect(await client.call('zones_get')).toMatchObject({
      isError: false,
      value: { slug: 'default' },
    })
    expect(await client.call('zones_get', { zone: 'other' })).toMatchObject({
      isError: true,
      value: { code: 'invalid_query' },
    })
    await expect(client.call('plan_approve')).rejects.toThrow(/not found/)
  })
})

test('the process ends with its stdin, and says nothing but the protocol', async () => {
  const started = spawn(process.execPath, [child, world.url, world.token])
  let output = ''
  started.stdout.on('data', (chunk) => (output += String(chunk)))
  const clientInfo = { name: 'test', version: '1' }
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }
  started.stdin.write(
    `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\n`,
  )
  await expect.poll(() => output, { timeout: 20_000 }).toContain('\n')
  started.stdin.end()
  const [code] = (await once(started, 'exit')) as [number | null]
  expect(code).toBe(0)
  const lines = output.trim().split('\n')
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { jsonrpc: '2.0', id: 1, result: { serverInfo: { name: 'caracal' } } },
  ])
})

test.each([
  ['an invalid token', () => ({ apiUrl: world.url, token: 'cat_wrong', zone: null }), /token/],
  ['no such zone', () => ({ apiUrl: world.url, token: world.token, zone: 'nowhere' }), /zone/],
  ['no service', () => ({ apiUrl: 'http://127.0.0.1:1', token: 'x', zone: null }), /reached/],
])('does not start with %s, and says why', async (_, options, message) => {
  const streams = { input: new PassThrough(), output: new PassThrough() }
  await expect(serveStdio({ ...options(), ...streams })).rejects.toMatchObject({
    name: 'StartupError',
    message: expect.stringMatching(message),
  })
})
